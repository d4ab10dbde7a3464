"""Layouts of detectors in ONNX files: Faster R-CNN, SSD, RTMDet, YOLOX and NanoDet; COCO's classes.

Each turns an image into boxes and scores of people in pixels of the image.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..engine import Images
from .model import IMAGENET_BGR, RAW_BGR, RAW_RGB, UNIT_RGB, Array, OnnxModel

Floats = npt.NDArray[np.float64]
Found = tuple[Floats, Floats]
"""Boxes (M, 4) xyxy in pixels from the image's upper left edge, and their scores (M,)."""

COCO_CLASSES: Final = 80
_PAD: Final = 114
_YOLOX_STRIDES: Final = (8, 16, 32)
_NANODET_STRIDES: Final = (8, 16, 32, 64)


@dataclass(frozen=True)
class DetectorLayout:
    """The use of a detector.

    Attributes:
        looks_like: Return True if the outputs of a file have this layout.
        boxes: Return what it finds in an image (H, W, 3) uint8, RGB.
    """

    looks_like: Callable[[OnnxModel], bool]
    boxes: Callable[[OnnxModel, Images], Found]


def _at_corner(image: Images, size_px: tuple[int, int]) -> tuple[Images, float]:
    """Scale an image into the upper left corner of an input; return it and the scale."""
    (width, height), (rows, columns) = size_px, image.shape[:2]
    scale = min(width / columns, height / rows)
    inner = max(1, round(columns * scale)), max(1, round(rows * scale))
    fitted = np.full((height, width, 3), _PAD, np.uint8)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted[: inner[1], : inner[0]] = cv2.resize(image, inner, interpolation=method)
    return fitted, scale


def _stretched(image: Images, size_px: tuple[int, int]) -> tuple[Images, Floats]:
    """Scale an image to an input; return it and the scales (4,) of its boxes."""
    (width, height), (rows, columns) = size_px, image.shape[:2]
    method = cv2.INTER_AREA if width < columns else cv2.INTER_LINEAR
    scale = np.array([columns / width, rows / height] * 2)
    return np.asarray(cv2.resize(image, size_px, interpolation=method), np.uint8), scale


def _ranks(model: OnnxModel) -> list[int]:
    return [len(one.shape) for one in model.outputs]


def _is_faster_rcnn(model: OnnxModel) -> bool:
    """Look for boxes (N, 4), labels (N,) and scores (N,)."""
    types = [one.type for one in model.outputs]
    return _ranks(model) == [2, 1, 1] and types[1] == "tensor(int64)"


def _faster_rcnn(model: OnnxModel, image: Images) -> Found:
    """Take pixels of 0 to 1; person is class 1."""
    sized = model.input.shape[-1] is not None
    fitted, scale = _at_corner(image, model.size_px) if sized else (image, 1.0)
    boxes, labels, scores = model.run(UNIT_RGB.numbers(fitted))
    return _of_class(boxes / scale, scores, labels, 1)


def _is_ssd(model: OnnxModel) -> bool:
    """Look for TensorFlow's detections: boxes (1, N, 4), classes, scores, and their number."""
    return model.is_hwc and sorted(_ranks(model)) == [1, 2, 2, 3]


def _ssd(model: OnnxModel, image: Images) -> Found:
    """Take raw pixels; boxes are y, x, y, x in shares of the image; person is class 1."""
    sized = model.input.shape[-3] is not None
    fitted = _stretched(image, model.size_px)[0] if sized else image
    outputs = model.run(RAW_RGB.numbers(fitted))
    boxes = next(one for one in outputs if one.ndim == 3)[0]
    flat = {
        "scores" if "score" in tensor.name.lower() else "classes": value[0]
        for tensor, value in zip(model.outputs, outputs, strict=True)
        if value.ndim == 2
    }
    if len(flat) < 2:
        # without telling names: scores are never above 1, and not all whole
        first, second = (one[0] for one in outputs if one.ndim == 2)
        is_score = first.max(initial=0) <= 1 and bool((first % 1).any())
        flat = {"scores": first, "classes": second} if is_score else {
            "scores": second, "classes": first}  # fmt: skip
    height, width = image.shape[:2]
    placed = boxes[:, [1, 0, 3, 2]] * np.array([width, height, width, height])
    return _of_class(placed, flat["scores"], flat["classes"], 1)


def _is_rtmdet(model: OnnxModel) -> bool:
    """Look for boxes with scores (1, N, 5) and labels (1, N)."""
    return _ranks(model) == [3, 2] and model.outputs[0].shape[-1] == 5


def _rtmdet(model: OnnxModel, image: Images) -> Found:
    fitted, scale = _at_corner(image, model.size_px)
    found, labels = model.run(IMAGENET_BGR.numbers(fitted))
    return _of_class(found[0, :, :4] / scale, found[0, :, 4], labels[0], 0)


def _is_yolox(model: OnnxModel) -> bool:
    """Look for a row of box, objectness and 80 classes for each cell of three grids."""
    shape = model.outputs[0].shape
    return _ranks(model) == [3] and shape[-1] == 5 + COCO_CLASSES


def _yolox(model: OnnxModel, image: Images) -> Found:
    fitted, scale = _at_corner(image, model.size_px)
    rows = model.run(RAW_BGR.numbers(fitted))[0][0].astype(np.float64)
    cells, stride = _cells(model.size_px, _YOLOX_STRIDES)
    centre = (rows[:, :2] + cells) * stride[:, None]
    half = np.exp(rows[:, 2:4]) * stride[:, None] / 2
    boxes = np.concatenate([centre - half, centre + half], axis=1) / scale
    return boxes, rows[:, 4] * rows[:, 5]


def _nanodet_bins(model: OnnxModel) -> int | None:
    """Return the bins of each side of a box; None: this is not a NanoDet."""
    shape = model.outputs[0].shape
    if _ranks(model) == [3] and shape[-1] is not None:
        bins, rest = divmod(shape[-1] - COCO_CLASSES, 4)
        is_nanodet = not rest and bins > 2
        return bins if is_nanodet and not _is_yolox(model) else None
    widths = {one.shape[-1] for one in model.outputs}
    if len(model.outputs) >= 4 and len(widths) == 2 and COCO_CLASSES in widths:
        (other,) = widths - {COCO_CLASSES}
        return other // 4 if other is not None and other % 4 == 0 else None
    return None


def _nanodet(model: OnnxModel, image: Images) -> Found:
    fitted, scale = _stretched(image, model.size_px)
    outputs = [one.reshape(-1, one.shape[-1]) for one in model.run(IMAGENET_BGR.numbers(fitted))]
    bins = _nanodet_bins(model) or 1
    if len(outputs) == 1:
        # NanoDet-Plus: the distances are from the upper left of a cell
        scores, sides, shift = outputs[0][:, 0], outputs[0][:, COCO_CLASSES:], 0.0
    else:
        by_size = sorted(outputs, key=len, reverse=True)
        scores = np.concatenate([one[:, 0] for one in by_size if one.shape[-1] == COCO_CLASSES])
        sides = np.concatenate([one for one in by_size if one.shape[-1] != COCO_CLASSES])
        shift = 0.5
    cells, stride = _cells(model.size_px, _strides_for(model.size_px, len(scores)))
    weight = sides.reshape(-1, 4, bins).astype(np.float64)
    weight = np.exp(weight - weight.max(axis=-1, keepdims=True))
    reach = (weight @ np.arange(bins)) / weight.sum(axis=-1) * stride[:, None]
    centre = (cells + shift) * stride[:, None]
    boxes = np.concatenate([centre - reach[:, :2], centre + reach[:, 2:]], axis=1)
    return boxes * scale, scores.astype(np.float64)


def _strides_for(size_px: tuple[int, int], rows: int) -> Sequence[int]:
    """Return the strides of the grids whose cells are this many together."""
    for count in (len(_NANODET_STRIDES), len(_NANODET_STRIDES) - 1):
        strides = _NANODET_STRIDES[:count]
        if sum(len(one) for one, _ in _grids(size_px, strides)) == rows:
            return strides
    return _NANODET_STRIDES


def _grids(size_px: tuple[int, int], strides: Sequence[int]) -> Iterator[tuple[Floats, int]]:
    """Yield the columns and rows (M, 2) of each grid's cells, and its stride."""
    width, height = size_px
    for stride in strides:
        rows, columns = np.mgrid[0 : -(-height // stride), 0 : -(-width // stride)]
        yield np.stack([columns, rows], axis=-1).reshape(-1, 2).astype(np.float64), stride


def _cells(size_px: tuple[int, int], strides: Sequence[int]) -> tuple[Floats, Floats]:
    """Return the cells (M, 2) of all grids, and the stride (M,) of each."""
    grids = list(_grids(size_px, strides))
    stride = np.concatenate([np.full(len(one), by, np.float64) for one, by in grids])
    return np.concatenate([one for one, _ in grids]), stride


def _of_class(boxes: Array, scores: Array, labels: Array, person: int) -> Found:
    chosen = labels.astype(np.int64) == person
    return boxes[chosen].astype(np.float64), scores[chosen].astype(np.float64)


DETECTOR_LAYOUTS: Final[dict[str, DetectorLayout]] = {
    "faster-rcnn": DetectorLayout(_is_faster_rcnn, _faster_rcnn),
    "ssd": DetectorLayout(_is_ssd, _ssd),
    "rtmdet": DetectorLayout(_is_rtmdet, _rtmdet),
    "yolox": DetectorLayout(_is_yolox, _yolox),
    "nanodet": DetectorLayout(lambda model: _nanodet_bins(model) is not None, _nanodet),
}
"""By name, as in ``onnx:LAYOUT:FILE``."""
