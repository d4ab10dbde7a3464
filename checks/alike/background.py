"""Points of the background, without the picture: did the camera move between two sessions?

Corners outside of the people are described by 32 bytes each (ORB). Two sessions of one camera that
stayed in its place have the same corners at the same pixels in any light; after a move, the matched
corners show how far.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_POINTS: Final = 160
_FOUND: Final = 1500
"""Corners that are looked at; the best of each field are kept, so that one poster is not all."""
_FIELDS: Final = (8, 6)
_LEAST_POINTS: Final = 20
"""Backgrounds with fewer corners (a bare wall) are not compared."""
_LEAST_MATCHES: Final = 10
_LEAST_SHARE: Final = 0.3
"""Of the matches that must agree on one motion; with fewer it is another place."""
_AGREE_PX: Final = 2.0
_CONTRAST: Final = 48.0
DESCRIPTOR: Final = 32


@dataclass(frozen=True)
class Background:
    """Corners of a background.

    Attributes:
        points: (P, 2) float32 pixels of the colour image as stored.
        descriptors: (P, 32) uint8.
    """

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]


class BackgroundMean:
    """The mean of small grey images outside of people."""

    def __init__(self) -> None:
        """Begin with no image."""
        self._sum: NDArray[np.float32] | None = None
        self._times: NDArray[np.float32] | None = None

    def add(self, image: Grey, people: Iterable[tuple[int, int, int, int]]) -> None:
        """Add an image.

        Args:
            image: (H, W) grey.
            people: x0, y0, x1, y1 of each person in it, pixels of ``image``.
        """
        if self._sum is None or self._times is None or self._sum.shape != image.shape:
            self._sum = np.zeros(image.shape, np.float32)
            self._times = np.zeros(image.shape, np.float32)
        seen = np.ones(image.shape, np.float32)
        for x0, y0, x1, y1 in people:
            seen[max(y0, 0) : max(y1 + 1, 0), max(x0, 0) : max(x1 + 1, 0)] = 0
        self._sum += image * seen
        self._times += seen

    def background(self, scale: float) -> Background | None:
        """Return its corners; None where there are too few.

        Args:
            scale: Pixels of the stored image for one of the small image.
        """
        if self._sum is None or self._times is None:
            return None
        import cv2

        seen = self._times > 0
        if not seen.any():
            return None
        mean = self._sum / np.maximum(self._times, 1)
        # corners are found by a fixed step of brightness: the contrast is made the same
        own = mean[seen]
        mean = (mean - own.mean()) * (_CONTRAST / max(float(own.std()), 1.0)) + 128
        grey = np.where(seen, mean, 128).clip(0, 255).astype(np.uint8)
        orb = cv2.ORB.create(nfeatures=_FOUND, nlevels=4, edgeThreshold=16, fastThreshold=8)
        # no corner at the border of what was hidden by people
        mask = cv2.erode(seen.astype(np.uint8), np.ones((9, 9), np.uint8))
        corners, descriptors = orb.detectAndCompute(grey, mask)
        if descriptors is None or len(corners) < _LEAST_POINTS:
            return None
        points = np.array([corner.pt for corner in corners], np.float32)
        strength = np.array([corner.response for corner in corners])
        best = _spread(points, strength, grey.shape[1], grey.shape[0])
        # the centre of a small pixel is the middle of the pixels that it stands for
        placed = (points[best] + 0.5) * scale - 0.5
        return Background(placed.astype(np.float32), descriptors[best].astype(np.uint8))


def _spread(
    points: NDArray[np.float32], strength: NDArray[np.floating], width: int, height: int
) -> NDArray[np.intp]:
    """Return the strongest corners of each field of the image."""
    across = (points[:, 0] * _FIELDS[0] / width).astype(int)
    field = across + _FIELDS[0] * (points[:, 1] * _FIELDS[1] / height).astype(int)
    order = np.lexsort((-strength, field))
    _, first, sizes = np.unique(field[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(first, sizes)
    # of each field its best first, then the second best of each
    chosen = order[np.lexsort((-strength[order], place))]
    return np.sort(chosen[:_POINTS])


def camera_shift_px(one: Background, other: Background, size_px: tuple[int, int]) -> float | None:
    """Return by how much the image of a camera moved between two sessions.

    Args:
        one: Background of the one.
        other: Background of the other.
        size_px: Width and height of the images of both.

    Returns:
        The largest shift of the image's corners and middle, pixels; infinite where nothing of the
        background is the same; None where there are too few corners to say.
    """
    if min(len(one.points), len(other.points)) < _LEAST_POINTS:
        return None
    import cv2

    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(
        one.descriptors, other.descriptors
    )
    if len(matches) < _LEAST_MATCHES:
        return float("inf")
    before = one.points[[match.queryIdx for match in matches]]
    after = other.points[[match.trainIdx for match in matches]]
    scale = max(size_px[0] / 480, 1.0)
    motion, agree = cv2.estimateAffinePartial2D(
        before, after, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX * scale, maxIters=2000
    )
    agreed = 0 if agree is None else int(agree.sum())
    if motion is None or agreed < _LEAST_MATCHES or agreed < _LEAST_SHARE * len(matches):
        return float("inf")
    width, height = size_px
    corners = np.array(
        [[0, 0], [width, 0], [0, height], [width, height], [width / 2, height / 2]], np.float64
    )
    moved = corners @ motion[:, :2].T + motion[:, 2]
    return float(np.linalg.norm(moved - corners, axis=-1).max())
