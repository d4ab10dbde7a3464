"""BlazePose full, run from its two nets, and the selfie segmentation net."""
