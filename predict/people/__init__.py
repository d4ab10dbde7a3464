"""Nets that find everyone in a whole image: run, export, ids from frame to frame."""
