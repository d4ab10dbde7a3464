"""Distillation: frames that no one labelled, labelled by a net of others, to learn from."""
