"""Copy sessions to another disk, and prove that the copy is the same (``copy.copy_sessions``)."""
