"""Facts about each frame of a session: from the checks, from build, and ways to ask for them."""
