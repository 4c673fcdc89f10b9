"""What is declared: matrix.yaml read into typed axis values, rules and cells. Pure, but for reading the one file."""
