"""A simulated Kinect v2: a dressed person in a room, with the truth of every joint."""
