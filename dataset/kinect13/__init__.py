"""The file kinect13.h5: format, reader and writer."""
