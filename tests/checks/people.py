"""Joints of people for tests that need a body of a possible size."""

import numpy as np

from kincap.core.skeleton import JOINT


def person(height_m: float = 1.7) -> np.ndarray:
    """(25, 3) a standing person, metres."""
    places = {
        "SpineBase": (0, 0.94), "SpineMid": (0, 1.2), "SpineShoulder": (0, 1.42), "Neck": (0, 1.48),
        "Head": (0, 1.62), "Shoulder": (0.18, 1.4), "Elbow": (0.24, 1.1), "Wrist": (0.26, 0.86),
        "Hand": (0.27, 0.8), "HandTip": (0.28, 0.74), "Thumb": (0.22, 0.8), "Hip": (0.09, 0.9),
        "Knee": (0.1, 0.5), "Ankle": (0.1, 0.1), "Foot": (0.12, 0.05),
    }  # fmt: skip
    joints = np.zeros((25, 3))
    for name, (x, y) in places.items():
        for side, sign in (("Left", -1), ("Right", 1)):
            at = JOINT.get(name, JOINT.get(name + side))
            joints[at] = (sign * x, y, 2.5)
    return joints * [height_m / 1.7, height_m / 1.7, 1]
