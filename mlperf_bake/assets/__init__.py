"""Weights and data sets: fetched and locked by checksum, made by recipes, prepared for the harness, kept in a cache."""
