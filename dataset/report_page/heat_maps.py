"""Heat maps of keypoints: where they are in the crops, and where the arms are about the trunk."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import KEYPOINT, TORSO
from ..kinect13.reader import Kinect13

BINS: Final = 40
_ACCENT_BGR: Final = (222, 128, 38)
"""One colour and its opacity: readable on light and on dark paper."""
_TRUNK_BGRA: Final = (128, 128, 128, 255)
REACH: Final = ((-2.0, 2.0), (-2.4, 1.6))
"""Part of the plane about the trunk that is drawn, in torsos: across, down."""
_UP: Final = 6
"""Pixels of the image for each bin, so that the trunk's lines are thin."""

Counts = NDArray[np.float64]


@dataclass(frozen=True)
class ArmPlaces:
    """Where a wrist or elbow was, relative to the trunk.

    Attributes:
        name: The keypoint.
        rows: Rows in which it and the trunk count.
        counts: (BINS, BINS) rows by place, from the top left.
        shares: By words the share of rows in that place.
    """

    name: str
    rows: int
    counts: Counts
    shares: dict[str, float]


def crop_counts(dataset: Kinect13, keypoint: int) -> Counts:
    """Return (BINS, BINS) how often a keypoint with weight was where in the crop."""
    total = np.zeros((BINS, BINS))
    for name in dataset.splits:
        split = dataset.split(name)
        own = split.keypoints_px[split.weight[:, keypoint] > 0, keypoint]
        edges = np.linspace(-0.5, split.size - 0.5, BINS + 1)
        total += np.histogram2d(own[:, 1], own[:, 0], [edges, edges])[0]
    return total


def heat_map(counts: Counts) -> bytes:
    """Return a PNG of counts: the more, the less transparent."""
    return _png(_shaded(counts))


def arm_map(places: ArmPlaces) -> bytes:
    """Return a PNG of a wrist's or elbow's places, with the outline of a trunk and a head."""
    image = _shaded(places.counts)
    image = np.repeat(np.repeat(image, _UP, axis=0), _UP, axis=1)
    trunk = [(-0.42, -0.42), (0.42, -0.42), (0.33, 0.42), (-0.33, 0.42)]
    cv2.polylines(image, [np.array([_at(*place) for place in trunk])], True, _TRUNK_BGRA, 1)
    cv2.circle(image, _at(0.0, -0.85), round(0.22 * _per_torso()), _TRUNK_BGRA, 1)
    return _png(image)


def arm_places(dataset: Kinect13, keypoint: str, shoulder: str, side: int) -> ArmPlaces:
    """Measure where a wrist or elbow was, relative to the trunk.

    Args:
        dataset: An open data set.
        keypoint: Its name.
        shoulder: The shoulder of the same side.
        side: 1 where the person's own side is on the right of the picture (the left one), else -1.
    """
    needed = [KEYPOINT[name] for name in ("r_shoulder", "l_shoulder", "r_hip", "l_hip")]
    index, counts, shares = KEYPOINT[keypoint], np.zeros((BINS, BINS)), np.zeros(len(_PLACES))
    rows = 0
    for name in dataset.splits:
        split = dataset.split(name)
        use = (split.weight[:, [index, *needed]] > 0).all(axis=1)
        points = split.keypoints_px[use].astype(np.float64)
        torso = np.linalg.norm(points[:, TORSO[0]] - points[:, TORSO[1]], axis=-1)
        points, torso = points[torso > 1], torso[torso > 1]
        middle = points[:, needed].mean(axis=1)
        place = (points[:, index] - middle) / torso[:, None]
        edges = [np.linspace(*REACH[1], BINS + 1), np.linspace(*REACH[0], BINS + 1)]
        counts += np.histogram2d(place[:, 1], place[:, 0], edges)[0]
        from_shoulder = (points[:, index] - points[:, KEYPOINT[shoulder]]) / torso[:, None]
        out = side * from_shoulder[:, 0]
        is_high, is_low = from_shoulder[:, 1] < 0, place[:, 1] > 0.45
        is_across = side * place[:, 0] < 0
        shares += [is_high.sum(), is_low.sum(), is_across.sum(), (out > 0.6).sum()]
        rows += len(points)
    share = shares / max(rows, 1)
    return ArmPlaces(keypoint, rows, counts, dict(zip(_PLACES, share.tolist(), strict=True)))


_PLACES: Final = ("above the shoulder", "below the hips", "across the middle", "far to the side")


def _per_torso() -> float:
    """Return the pixels of an arm map in one torso."""
    return BINS * _UP / (REACH[0][1] - REACH[0][0])


def _at(across: float, down: float) -> tuple[int, int]:
    """Return the pixel of a place in torsos about the trunk's middle."""
    scale = _per_torso()
    return round((across - REACH[0][0]) * scale), round((down - REACH[1][0]) * scale)


def _shaded(counts: Counts) -> NDArray[np.uint8]:
    """Return (BINS, BINS, 4) BGRA; the root, so that rare places show beside the usual ones."""
    share = np.sqrt(counts / max(float(counts.max(initial=0)), 1.0))
    image = np.empty((*counts.shape, 4), np.uint8)
    image[..., :3] = _ACCENT_BGR
    # a place that was seen once has to show
    image[..., 3] = np.where(counts > 0, 36 + np.round(219 * share), 0)
    return image


def _png(image: NDArray[np.uint8]) -> bytes:
    """Encode an image of our own making."""
    done, data = cv2.imencode(".png", image)
    assert done, "OpenCV encodes BGRA as PNG"
    return data.tobytes()
