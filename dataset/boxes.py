"""The square box that a person's crop is cut from."""

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import Floats, scale_box, snap_box, square_box, tight_box


def person_boxes(points: Floats, visibility: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the box of each person.

    It is the tight one around all labelled keypoints, 1.2 times as large, squared and put on whole
    pixels.

    Args:
        points: (N, 13, 2) un-mirrored pixels.
        visibility: (N, 13); each person has at least one labelled (>= 1) keypoint.

    Returns:
        (N, 3) int64 x0, y0, side; may reach outside of the image.
    """
    return snap_box(square_box(scale_box(tight_box(points, visibility >= 1))))
