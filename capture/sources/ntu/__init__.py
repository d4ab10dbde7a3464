"""NTU RGB+D clips: a Kinect v2's colour video (.avi) with its ``.skeleton`` file.

``clip.NtuSensor`` is the source.
"""
