"""Colours of an outfit: histograms of trunk, arms and legs inside the body, robust to light.

Each image is balanced by its own background: what the light does to all of the room is taken out
of the clothes. Colours are CIE Lab, binned softly, so that a little noise moves no count far.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import KEYPOINT

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Image = NDArray[np.uint8]

REGIONS: Final = ("trunk", "arms", "thighs", "shins")
BINS: Final = (8, 12, 12)
"""Bins of L, a and b."""
_LOW: Final = (0.0, -80.0, -80.0)
_HIGH: Final = (100.0, 80.0, 80.0)
LEAST_PIXELS: Final = 300
"""A region with fewer pixels in all images is not compared."""
_GREY: Final = 0.25
"""The background's mean, after balancing, in linear light."""
_EVERY: Final = 4
"""Pixels of the background that are looked at, in each direction."""
_GAMMA: Final = np.power(np.arange(256) / 255.0, 2.2).astype(np.float32)
_TRUNK_SHARE: Final = 0.8
_LIMBS: Final = {
    "arms": ("shoulder", "elbow", 0.15, 0.9, 0.10),
    "thighs": ("hip", "knee", 0.15, 0.95, 0.16),
    "shins": ("knee", "ankle", 0.10, 0.85, 0.10),
}
"""By region the keypoints at both ends, from and to which share of the way, width in trunks."""


@dataclass(frozen=True)
class OutfitColours:
    """Colours of an outfit.

    Attributes:
        frames: Images that they are of.
        histograms: By region (bins,) shares of its pixels; a region that was not seen is not in it.
    """

    frames: int
    histograms: Mapping[str, Floats]


class OutfitCounter:
    """Counts the colours of one person over some images."""

    def __init__(self) -> None:
        """Begin with no image."""
        self._frames = 0
        self._pixels: dict[str, list[NDArray[np.float32]]] = {name: [] for name in REGIONS}

    def add(
        self,
        image: Image,
        points: Floats,
        trusted: NDArray[np.bool_],
        background: NDArray[np.bool_],
    ) -> None:
        """Add an image; one in which the trunk is not known is left out.

        Args:
            image: (H, W, 3) BGR.
            points: (13, 2) keypoints, pixels of ``image``, mirrored as it is.
            trusted: (13,) keypoints that count.
            background: (H, W) where there is no one.
        """
        labels = _labels(image.shape[:2], points, trusted)
        seen = background[::_EVERY, ::_EVERY]
        if not (labels == 1).any() or not seen.any():
            return
        room = _GAMMA[image[::_EVERY, ::_EVERY][seen]].mean(axis=0) + 1e-3
        self._frames += 1
        for number, name in enumerate(REGIONS, start=1):
            own = _GAMMA[image[labels == number]]
            self._pixels[name].append(np.minimum(own * (_GREY / room), 1.0).astype(np.float32))

    def colours(self) -> OutfitColours | None:
        """Return the colours; None where no trunk was seen."""
        found = {}
        for name, parts in self._pixels.items():
            pixels = np.concatenate(parts) if parts else np.zeros((0, 3), np.float32)
            if len(pixels) >= LEAST_PIXELS:
                found[name] = _soft_histogram(_lab(pixels))
        return OutfitColours(self._frames, found) if "trunk" in found else None


def colour_distance(one: OutfitColours, other: OutfitColours) -> float | None:
    """Return how different two outfits look: 0 (the same) to 1 (no colour in common).

    The mean of the Hellinger distances of the regions that both have; None where they share none.
    """
    shared = [name for name in REGIONS if name in one.histograms and name in other.histograms]
    if not shared:
        return None
    overlap = [
        float(np.sqrt(one.histograms[name] * other.histograms[name]).sum()) for name in shared
    ]
    return float(np.mean([np.sqrt(max(0.0, 1.0 - share)) for share in overlap]))


def _labels(shape: tuple[int, ...], points: Floats, trusted: Bools) -> NDArray[np.uint8]:
    """Return (H, W) the region of each pixel, 1 for the first; 0 for none."""
    import cv2

    labels = np.zeros(shape, np.uint8)
    place = {
        name: points[k]
        for name, k in KEYPOINT.items()
        if trusted[k] and np.isfinite(points[k]).all()
    }
    corners = [place.get(name) for name in ("l_shoulder", "r_shoulder", "r_hip", "l_hip")]
    trunk = [corner for corner in corners if corner is not None]
    if len(trunk) < len(corners):
        return labels
    length = float(np.linalg.norm((trunk[0] + trunk[1] - trunk[2] - trunk[3]) / 2))
    middle = np.mean(trunk, axis=0)
    trunk = [middle + _TRUNK_SHARE * (corner - middle) for corner in trunk]
    cv2.fillConvexPoly(labels, np.round(trunk).astype(np.int32), 1)
    for number, name in enumerate(REGIONS[1:], start=2):
        first, last, begin, end, wide = _LIMBS[name]
        for side in ("l_", "r_"):
            a, b = place.get(side + first), place.get(side + last)
            if a is not None and b is not None:
                ends = [np.round(a + s * (b - a)).astype(int).tolist() for s in (begin, end)]
                cv2.line(labels, ends[0], ends[1], number, max(1, round(wide * length)))
    return labels


def _lab(pixels: NDArray[np.float32]) -> Floats:
    """Return (N, 3) L, a, b of linear BGR pixels."""
    import cv2

    shown = np.power(pixels, 1 / 2.2)[None]
    return np.asarray(cv2.cvtColor(shown, cv2.COLOR_BGR2LAB)[0], np.float64)


def _soft_histogram(lab: Floats) -> Floats:
    """Return (bins,) shares; a pixel counts in the eight bins around it, by nearness."""
    low, high = np.array(_LOW), np.array(_HIGH)
    bins = np.array(BINS)
    place = ((lab - low) / (high - low) * bins - 0.5).clip(0, bins - 1.001)
    first = place.astype(np.int64)
    rest = place - first
    counts = np.zeros(int(bins.prod()))
    for corner in np.ndindex(2, 2, 2):
        share = np.where(corner, rest, 1 - rest).prod(axis=-1)
        index = np.ravel_multi_index(tuple((first + corner).T), BINS)
        counts += np.bincount(index, share, minlength=len(counts))
    return np.asarray(counts / counts.sum())
