"""The preview: a window with the picture, in a process of its own."""
