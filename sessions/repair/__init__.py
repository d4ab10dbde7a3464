"""Verify, repair, rename and delete sessions."""
