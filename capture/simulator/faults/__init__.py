"""Faults of a simulated take: their schedule and their effects."""
