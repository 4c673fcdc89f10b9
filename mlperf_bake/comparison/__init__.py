"""Results compared: figures of runs and trees side by side, and whether they may be compared at all."""
