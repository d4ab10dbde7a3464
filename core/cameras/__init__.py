"""Cameras: the depth camera, and the way from its pixels to those of the colour image."""
