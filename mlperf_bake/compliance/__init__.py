"""Compliance tests: what LoadGen is told in each, and whether the runs of one pass."""
