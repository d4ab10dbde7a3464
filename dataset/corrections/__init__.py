"""Labels corrected in another tool, back into a session: ``correct`` turns them into edits."""
