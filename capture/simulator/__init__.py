"""A simulated Kinect v2: dressed people who gesture in a room, with ground truth of their joints.

``sensor.open_simulator`` opens one; ``keys.KEYS`` are its options.
"""
