"""kincap: turn a Kinect v2 into a labelling machine for human pose."""

__version__ = "0.1.0"
