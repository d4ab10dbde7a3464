"""Poses out: JSON lines, COCO results, drawn pictures, videos and contact sheets."""
