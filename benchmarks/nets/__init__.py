"""Benchmark of all nets on one use case."""
