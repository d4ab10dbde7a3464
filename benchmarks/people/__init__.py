"""Benchmarks of the net of several people."""
