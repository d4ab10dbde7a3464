"""Shards in, kinect13.h5 out."""
