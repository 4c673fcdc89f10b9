"""Builds on machines without a network: everything that a build fetches, made and checked where there is one."""
