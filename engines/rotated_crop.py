"""Square crops that may be turned: the input of nets that want people upright."""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from .engine import Images

Points = npt.NDArray[np.float64]

_COARSE: Final = 2.0
"""Image pixels in a pixel of the crop from which the image is first made smaller, by area."""


@dataclass(frozen=True)
class Region:
    """A square in an image.

    Attributes:
        centre_px: (2,) pixels of the image.
        side_px: Its side, pixels of the image.
        angle: Radians by which its upward axis is turned clockwise.
    """

    centre_px: Points
    side_px: float
    angle: float = 0.0

    def to_image(self, points: npt.NDArray[np.floating]) -> Points:
        """Put points (..., 2) in units of the crop, 0 to 1, into the image."""
        across = self.side_px * np.array([np.cos(self.angle), np.sin(self.angle)])
        down = np.array([-across[1], across[0]])
        centred = np.asarray(points, np.float64) - 0.5
        placed: Points = self.centre_px + centred[..., :1] * across + centred[..., 1:] * down
        return placed


def region_of_box(bbox_xyxy_px: npt.NDArray[np.floating], factor: float = 1.0) -> Region:
    """Return the upright square round a box (4,), ``factor`` times its longest side."""
    low, high = np.asarray(bbox_xyxy_px, np.float64).reshape(2, 2)
    return Region((low + high) / 2, max(float((high - low).max()) * factor, 1.0))


def cut_region(image: Images, region: Region, size: int) -> Images:
    """Return the crop (size, size, 3) of a region; black outside of the image."""
    height, width = image.shape[:2]
    corners = region.to_image(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float64))
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 3, (width, height))
    if (high <= low).any():
        return np.zeros((size, size, 3), np.uint8)
    part: npt.NDArray[Any] = image[low[1] : high[1], low[0] : high[0]]
    scale = np.ones(2)
    if region.side_px / size > _COARSE:
        shrink = _COARSE * size / region.side_px
        target = np.maximum(np.round((high - low) * shrink).astype(int), 1)
        scale = target / (high - low)
        part = cv2.resize(part, tuple(map(int, target)), interpolation=cv2.INTER_AREA)
    # the middles of the first pixel and of its neighbours on the right and below
    first, right, below = (
        (region.to_image((np.array(at) + 0.5) / size) + 0.5 - low) * scale - 0.5
        for at in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))
    )
    matrix = np.stack([right - first, below - first, first], axis=1)
    cut = cv2.warpAffine(
        part, matrix, (size, size), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    return np.asarray(cut, np.uint8)
