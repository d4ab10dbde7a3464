"""The Kinect v2 through pykinect2: import rewriter, timed runtime, the source of frames."""
