"""BlazePose's detector: an image in, the regions of people out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ..engine import Images
from ..litert import LitertNet
from ..own_detector import overlap
from ..rotated_crop import Region, cut_region

SIZE: Final = 224
LEAST_SCORE: Final = 0.5
MOST_OVERLAP: Final = 0.3
REGION_FACTOR: Final = 2.5
"""Side of a region, in distances from the middle of the hips to the point on the circle."""
_GRIDS: Final = ((28, 2), (14, 2), (7, 6))
"""Cells along a side of each grid of anchors, and anchors in a cell."""


@dataclass(frozen=True)
class PersonRegion:
    """A region with a person.

    Attributes:
        region: Upright for the person.
        score: In [0, 1].
    """

    region: Region
    score: float


class BlazeDetector:
    """Finds people.

    Args:
        path: ``pose_detection.tflite``.
    """

    def __init__(self, path: Path) -> None:
        self._net = LitertNet(path)
        self._anchors = _anchors()

    def regions(self, image: Images) -> list[PersonRegion]:
        """Return the people in an image (H, W, 3) uint8, RGB, the surest first."""
        height, width = image.shape[:2]
        whole = Region(np.array([(width - 1) / 2, (height - 1) / 2]), float(max(height, width)))
        crop = cut_region(image, whole, SIZE)
        outputs = self._net.run(crop[None].astype(np.float32) / np.float32(127.5) - np.float32(1))
        logits = next(one for one in outputs if one.shape[-1] == 1)[0, :, 0]
        raw = next(one for one in outputs if one.shape[-1] != 1)[0]
        scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))
        found: list[PersonRegion] = []
        order = np.flatnonzero(scores >= LEAST_SCORE)
        order = order[np.argsort(-scores[order], kind="stable")]
        points = raw.reshape(-1, 6, 2).astype(np.float64) / SIZE
        centre, size = points[:, 0] + self._anchors, points[:, 1]
        boxes = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        while len(order):
            best, order = int(order[0]), order[1:]
            order = order[overlap(boxes[best], boxes[order]) <= MOST_OVERLAP]
            hips, circle = whole.to_image(points[best, 2:4] + self._anchors[best])
            found.append(PersonRegion(upright_region(hips, circle), float(scores[best])))
        return found


def upright_region(hips_px: npt.NDArray[np.float64], circle_px: npt.NDArray[np.float64]) -> Region:
    """Return the region of a person.

    Args:
        hips_px: (2,) middle of the hips, pixels of the image.
        circle_px: (2,) a point above the person, on the circle round the whole body.
    """
    up = circle_px - hips_px
    side = max(REGION_FACTOR * float(np.hypot(*up)), 1.0)
    return Region(hips_px, side, float(np.arctan2(up[1], up[0]) + np.pi / 2))


def _anchors() -> npt.NDArray[np.float64]:
    """Return the middles (2254, 2) of the anchors, shares of the input."""
    parts = []
    for cells, count in _GRIDS:
        rows, columns = np.mgrid[0:cells, 0:cells]
        middles = (np.stack([columns, rows], axis=-1).reshape(-1, 2) + 0.5) / cells
        parts.append(np.repeat(middles, count, axis=0))
    return np.concatenate(parts)
