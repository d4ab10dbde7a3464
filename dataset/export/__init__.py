"""kinect13.h5 out to other tools: ``export`` writes a folder, one file here for each format."""
