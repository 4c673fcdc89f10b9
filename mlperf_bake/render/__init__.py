"""Dockerfiles out of templates/: one skeleton, and a partial each for OS, hardware, framework, implementation, weights."""
