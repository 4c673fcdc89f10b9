"""Experiments: a file that names runs, the runs in order, and what came out side by side."""
