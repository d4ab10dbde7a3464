"""kincap's own detector of people: an image is fitted into the net's input, boxes are put back."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from .crop import halved
from .detection import Detection
from .engine import Floats, Images
from .onnx_engine import META_KEY, open_session, to_pixels

DETECTOR_SCHEMA: Final = "kincap/detector/1"
GREY: Final = 127
"""Value of the input's pixels outside of the image: 0 for the net."""
MOST_OVERLAP: Final = 0.5
"""A box that overlaps a surer one by more than this is the same person."""
MOST_PEOPLE: Final = 16

Heads = Callable[[Floats], tuple[Floats, Floats]]
"""From pixels (1, 3, H, W) to scores (1, M) and boxes xyxy (1, M, 4) in input pixels."""


@dataclass(frozen=True)
class Fit:
    """The place of an image in a net's input.

    Attributes:
        scale: Input pixels in a pixel of the image.
        left: Columns on the left of it.
        top: Rows above it.
    """

    scale: float
    left: int
    top: int


class OwnDetector:
    """Finds people with the net that ``kincap finetune --task detect`` made.

    Args:
        heads: Runs the net.
        size_px: Width and height of its input.
        threshold: Least score of a person.
    """

    name = "own"

    def __init__(self, heads: Heads, size_px: tuple[int, int], threshold: float) -> None:
        self._heads, self._size_px, self._threshold = heads, size_px, threshold

    def detect(self, image: Images) -> list[Detection]:
        """Return the people in an image (H, W, 3) uint8, RGB, the surest first."""
        fitted, fit = fit_image(image, self._size_px)
        scores, boxes = self._heads(to_pixels(fitted[None]))
        chosen = choose_boxes(scores[0], boxes[0], self._threshold)
        height, width = image.shape[:2]
        place = np.array([fit.left, fit.top, fit.left, fit.top], np.float64)
        most = np.array([width, height, width, height], np.float64)
        found = np.clip((boxes[0][chosen] - place) / fit.scale, 0, most) - 0.5
        return [
            Detection(box, float(score))
            for box, score in zip(found, scores[0][chosen], strict=True)
        ]


def fit_image(image: Images, size_px: tuple[int, int]) -> tuple[Images, Fit]:
    """Scale an image to fit into a size (width, height), in the middle of grey."""
    (width, height), (rows, columns) = size_px, image.shape[:2]
    scale = min(width / columns, height / rows)
    inner = max(1, round(columns * scale)), max(1, round(rows * scale))
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    fitted = np.full((height, width, 3), GREY, np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = cv2.resize(halved(image, inner), inner, interpolation=method)
    fitted[top : top + inner[1], left : left + inner[0]] = part
    return fitted, Fit(scale, left, top)


def choose_boxes(
    scores: Floats, boxes: npt.NDArray[np.floating], threshold: float
) -> npt.NDArray[np.int64]:
    """Return which of M boxes are people, one box each, the surest first."""
    order = np.flatnonzero(scores >= threshold)
    order = order[np.argsort(-scores[order], kind="stable")]
    chosen: list[int] = []
    while len(order) and len(chosen) < MOST_PEOPLE:
        best, order = int(order[0]), order[1:]
        chosen.append(best)
        order = order[overlap(boxes[best], boxes[order]) <= MOST_OVERLAP]
    return np.array(chosen, np.int64)


def overlap(
    box: npt.NDArray[np.floating], boxes: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Return the intersection over union of a box (4,) with each of (N, 4), all xyxy."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    areas = np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    area = np.clip(box[2:] - box[:2], 0, None).prod()
    shared: npt.NDArray[np.float64] = common / np.maximum(areas + area - common, 1e-9)
    return shared


def open_own_onnx(path: Path, threads: int = 1) -> OwnDetector:
    """Open a detector that ``kincap export --format onnx`` wrote.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file can't be read, or is not an exported detector of kincap.
    """
    session = open_session(path, threads)
    meta = _read_meta(path, session.get_modelmeta().custom_metadata_map)

    def heads(pixels: Floats) -> tuple[Floats, Floats]:
        scores, boxes = session.run(["scores", "boxes"], {"pixels": pixels})
        return scores, boxes

    return OwnDetector(heads, meta[0], meta[1])


def _read_meta(path: Path, found: dict[str, str]) -> tuple[tuple[int, int], float]:
    """Return the size of the input and the threshold."""
    try:
        meta: dict[str, Any] = json.loads(found[META_KEY])
        if meta["schema"] != DETECTOR_SCHEMA:
            raise ValueError
        width, height = map(int, meta["size_px"])
        return (width, height), float(meta["threshold"])
    except (ValueError, KeyError, TypeError):
        raise KincapError(
            f"{path}: not a detector of kincap; kincap finetune --task detect trains one, "
            "kincap export writes it as ONNX"
        ) from None
