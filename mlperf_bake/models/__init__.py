"""What a model of the matrix needs: its weights in the form its framework loads, its preprocessing, its samples."""
