"""Learn from kinect13.h5: the only place that needs torch."""
