"""The simulated room and the look of the people in it."""
