"""What checks and build say about each frame of a session, and how a page asks for it."""
