"""Whole frames and the boxes of the people in them, and changed copies to learn from."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ...core.errors import DatasetError
from ...dataset.kinect13.format import FULL, LABELLED, UNLABELLED
from ...dataset.kinect13.reader import Kinect13, Split
from ...engines.own_detector import GREY, fit_image
from .net import HEIGHT_PX, WIDTH_PX

Images = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float32]

SIZE_PX: Final = (WIDTH_PX, HEIGHT_PX)
LEAST_SCALE: Final = 0.45
MOST_SCALE: Final = 1.3
"""Range of the size of changed frames, in sizes of the input."""
ASPECT: Final = 0.08
GAIN: Final = 0.35
"""Largest change of the brightness of an image and of each of its colours."""
NOISE: Final = 6.0


@dataclass(frozen=True)
class FrameBatch:
    """Frames as the net takes them.

    Attributes:
        images: (N, H, W, 3) uint8, RGB.
        boxes: For each frame (P, 4) float32, the tight boxes of its people, xyxy, input pixels.
        ignored: For each frame (P,) bool: a person that the filters rejected, neither found nor
            missed.
    """

    images: Images
    boxes: list[Boxes]
    ignored: list[npt.NDArray[np.bool_]]


class Frames:
    """The frames of one split of a data set of whole frames.

    Args:
        dataset: The data set.
        split: Name of the split.

    Raises:
        DatasetError: It has crops, or lacks the split.
    """

    def __init__(self, dataset: Kinect13, split: str) -> None:
        if dataset.layout != FULL:
            raise DatasetError(
                f"{dataset.path}: a data set of crops; a detector learns from whole frames: "
                "kincap build --layout full"
            )
        self._split: Split = dataset.split(split)
        boxes, there = _tight_boxes(self._split)
        height, width = dataset.image_shape.size, dataset.image_shape.width
        self._boxes = np.clip(boxes, 0, np.array([width, height] * 2, np.float32))
        person = self._split.person
        self._there = (person != 0) & there
        self._ignored = person == UNLABELLED
        self.people = int((person == LABELLED).sum())

    def __len__(self) -> int:
        return len(self._split)

    def plain(self, rows: npt.NDArray[np.int64]) -> FrameBatch:
        """Return frames as the detector sees them."""
        fitted = [fit_image(image, SIZE_PX) for image in self._split.images(rows)]
        placed = [
            self._boxes[row][self._there[row]] * fit.scale
            + np.array([fit.left, fit.top] * 2, np.float32)
            for row, (_, fit) in zip(rows.tolist(), fitted, strict=True)
        ]
        images = np.stack([image for image, _ in fitted])
        return FrameBatch(images, placed, self._ignored_of(rows))

    def changed(self, rows: npt.NDArray[np.int64], rng: np.random.Generator) -> FrameBatch:
        """Return frames in other sizes, places and colours, mirrored half of the time."""
        images, boxes = [], []
        for row, image in zip(rows.tolist(), self._split.images(rows), strict=True):
            changed, placed = change_frame(image, self._boxes[row][self._there[row]], rng)
            images.append(changed)
            boxes.append(placed)
        return FrameBatch(np.stack(images), boxes, self._ignored_of(rows))

    def _ignored_of(self, rows: npt.NDArray[np.int64]) -> list[npt.NDArray[np.bool_]]:
        return [self._ignored[row][self._there[row]] for row in rows.tolist()]


def change_frame(image: Images, boxes: Boxes, rng: np.random.Generator) -> tuple[Images, Boxes]:
    """Scale, move, mirror and recolour a frame.

    Args:
        image: (H, W, 3) uint8.
        boxes: (P, 4) xyxy, pixels of the image (0 is an edge).
        rng: Everything random is drawn from it, the same amount for every image of a size.

    Returns:
        The input of the net, and the boxes in it; boxes are cut at its edges.
    """
    rows, columns = image.shape[:2]
    size = rng.uniform(LEAST_SCALE, MOST_SCALE)
    scale = size * min(WIDTH_PX / columns, HEIGHT_PX / rows)
    across = scale * rng.uniform(1 - ASPECT, 1 + ASPECT)
    inner = max(1, round(columns * across)), max(1, round(rows * scale))
    left, top = (
        round(rng.uniform(min(0, room), max(0, room)))
        for room in (WIDTH_PX - inner[0], HEIGHT_PX - inner[1])
    )
    fill = GREY if rng.random() < 0.5 else int(rng.integers(0, 256))
    mirror = rng.random() < 0.5
    part = cv2.resize(image, inner, interpolation=cv2.INTER_AREA)
    placed = np.full((HEIGHT_PX, WIDTH_PX, 3), fill, np.uint8)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + inner[0], WIDTH_PX), min(top + inner[1], HEIGHT_PX)
    placed[y0:y1, x0:x1] = part[y0 - top : y1 - top, x0 - left : x1 - left]
    factors = np.array([inner[0] / columns, inner[1] / rows] * 2)
    moved = boxes * factors + np.array([left, top] * 2)
    if mirror:
        placed = placed[:, ::-1]
        moved = moved[:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (WIDTH_PX, 0, WIDTH_PX, 0)
    cut = np.clip(moved, 0, (WIDTH_PX, HEIGHT_PX) * 2).astype(np.float32)
    return _recolour(placed, rng), cut


def _recolour(image: Images, rng: np.random.Generator) -> Images:
    """Return an image of other brightness and colours, with noise."""
    order = rng.permutation(3) if rng.random() < 0.3 else np.arange(3)
    gain = rng.uniform(1 - GAIN, 1 + GAIN) * rng.uniform(1 - GAIN / 2, 1 + GAIN / 2, 3)
    noise = rng.normal(0, NOISE * rng.random(), image.shape).astype(np.float32)
    changed = image[..., order].astype(np.float32) * gain.astype(np.float32) + noise
    recoloured: Images = np.clip(changed, 0, 255).astype(np.uint8)
    return recoloured


def _tight_boxes(split: Split) -> tuple[Boxes, npt.NDArray[np.bool_]]:
    """Return the tight box (N, P, 4) of each person's keypoints, and where there is one."""
    seen = (split.visibility > 0)[..., None]
    points = split.keypoints_px + 0.5
    low = np.where(seen, points, np.inf).min(axis=2)
    high = np.where(seen, points, -np.inf).max(axis=2)
    there = (high > low).all(axis=-1)
    boxes = np.concatenate([low, high], axis=-1)
    return np.where(there[..., None], boxes, 0).astype(np.float32), there
