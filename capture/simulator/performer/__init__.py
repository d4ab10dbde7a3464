"""The simulated person's body and motion."""
