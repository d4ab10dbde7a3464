"""Body rows of people at given places, with their hands as wanted."""

from collections.abc import Iterator

import numpy as np

from kincap.core.skeleton import JOINT
from kincap.sessions.schema import empty_body_row

from ...checks.people import person

OPEN, CLOSED = 2, 3


def row(*places: tuple[float, float]) -> np.ndarray:
    """Return a body row with a person at each x, z in metres."""
    made = empty_body_row()
    for slot, (x, z) in enumerate(places):
        made["tracked"][0, slot] = 1
        made["joint_state"][0, slot] = 2
        joints = person()
        joints += np.array([x, 0, z]) - joints[JOINT["SpineBase"]] * [1, 0, 1]
        made["joint_xyz_m"][0, slot] = joints
    return made


def raised(left: int = CLOSED, right: int = CLOSED, rise_m: float = 0.2) -> np.ndarray:
    """Return a person whose hands are this far above the head."""
    made = row((0.0, 2.5))
    head = made["joint_xyz_m"][0, 0, JOINT["Head"], 1]
    for side, state in (("Left", left), ("Right", right)):
        made["joint_xyz_m"][0, 0, JOINT["Hand" + side], 1] = head + rise_m
        made[f"hand_{side.lower()}_state"][0, 0] = state
    return made


def stream(*stretches: tuple[np.ndarray, float]) -> Iterator[np.ndarray]:
    """Give each row at 30 Hz for some seconds."""
    time = 0
    for made, seconds in stretches:
        for _ in range(round(30 * seconds)):
            again = made.copy()
            again["time_device"] = time
            time += 333_333
            yield again


HERE, NOBODY = row((0.1, 2.5)), row()
