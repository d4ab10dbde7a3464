"""Changes of training copies besides mirror, warp and colour channels; each is off at 0."""
