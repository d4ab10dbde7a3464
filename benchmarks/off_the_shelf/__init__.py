"""Nets of others on real pictures, and what labels of theirs are worth."""
