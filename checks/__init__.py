"""Checks of colour frames and joints: pure functions, and the findings of a whole session."""
