"""What matrix.yaml names, pinned to hashes: matrix.lock read, held against the matrix, and brought up to date."""
