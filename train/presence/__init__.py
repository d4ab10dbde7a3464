"""Presence of keypoints: the two phases of nets that have a head for it, and their figures."""
