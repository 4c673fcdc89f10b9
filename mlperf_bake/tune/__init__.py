"""Tuning: which workers, threads, batch and rate a cell runs best with on this machine, found by real runs."""
