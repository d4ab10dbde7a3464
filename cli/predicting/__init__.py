"""Commands that use a trained net."""
