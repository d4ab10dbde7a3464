"""Simulated rooms without a person, to compare recordings with."""

import numpy as np
import numpy.typing as npt

from kincap.capture.simulator.scenery.room import room


def room_image(number: int, *, mirrored: bool) -> npt.NDArray[np.uint8]:
    """Return (1080, 1920, 3) uint8, blue green red, without sensor noise.

    Args:
        number: Which room.
        mirrored: True as in stored frames (text reads backwards), False as a visitor sees it.
    """
    image = room(number).image
    return image.copy() if mirrored else np.ascontiguousarray(image[:, ::-1])
