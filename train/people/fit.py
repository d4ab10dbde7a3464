"""Fit an image to the height that a net of several people looks at."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]

STRIDE: Final = 8
"""Pixels of a cell of the maps."""
GREY: Final = 128
"""Value of pixels outside of an image, before the mean is subtracted."""


def fit_height(image: Images, height: int) -> tuple[Images, tuple[float, float]]:
    """Return an image with a height, its width a multiple of 8: grey right of the picture.

    Args:
        image: (H, W, 3) uint8.
        height: In pixels, a multiple of 8.

    Returns:
        The image, and pixels of it for one of the given one, in x and in y.
    """
    rows, columns = image.shape[:2]
    width = max(STRIDE, round(columns * height / rows))
    fitted = image
    if (rows, columns) != (height, width):
        method = cv2.INTER_AREA if height < rows else cv2.INTER_LINEAR
        fitted = np.asarray(cv2.resize(image, (width, height), interpolation=method), np.uint8)
    missing = -width % STRIDE
    if missing:
        fitted = np.pad(fitted, ((0, 0), (0, missing), (0, 0)), constant_values=GREY)
    return fitted, (width / columns, height / rows)
