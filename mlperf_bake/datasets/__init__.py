"""Data sets: which there are, and preparing the files that a user has into what the harness maps into memory."""
