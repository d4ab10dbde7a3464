"""Counts of a build: candidates by reason, keypoints by filter, findings; and what to warn of."""
