"""Watches: what is noticed while recording, item by item."""
