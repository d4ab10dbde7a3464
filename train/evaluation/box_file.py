"""Boxes of a detector, from a file: ``kincap evaluate --boxes detections.json``."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import DatasetError
from ...dataset.formats.files.coco_file import numbers
from ...dataset.formats.files.json_file import entry, load_json, typed
from ...dataset.kinect13.format import Meta
from ...dataset.kinect13.reader import Split
from .boxes import Boxes

LEAST_IOU = 0.3
"""Overlap with the tight box of the label from which a detection is taken for that person."""
BOX_FACTOR = 1.2
"""Side of the crop in longest sides of the detection, as in the data set."""


def read_boxes(path: Path, rows: Split, meta: Meta) -> tuple[Boxes, npt.NDArray[np.bool_]]:
    """Return the box of each row, and which rows have one.

    Args:
        path: A list of ``{"session", "color_seq", "bbox": [x, y, w, h]}``: tight boxes in the
            un-mirrored colour image, 0 at its edge. Several detections a frame are allowed: a row
            takes the one that overlaps its person most.
        rows: The split.
        meta: Of the data set, for the names of sessions.

    Returns:
        (N, 4) float64 square boxes (the label's where there is none), and (N,) bool.

    Raises:
        DatasetError: The file is not such a list, or has no box for any row.
    """
    listed = typed(load_json(path), list, f"--boxes {path}: it is")
    detected: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for index, one in enumerate(listed):
        where = f"--boxes {path}: [{index}]"
        found: dict[str, Any] = typed(one, dict, f"{where} is")
        x, y, width, height = numbers(found.get("bbox"), 4, f"{where}: bbox")
        if width <= 0 or height <= 0:
            raise DatasetError(f"{where}: bbox of {width} x {height}, expected more than 0")
        key = (entry(found, "session", str, where), entry(found, "color_seq", int, where))
        detected[key].append([x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5])
    boxes = np.asarray(rows.bbox_xyxy_px, dtype=np.float64).copy()
    has_one = np.zeros(len(rows), dtype=bool)
    names, seqs = meta.sessions, rows.color_seq.tolist()
    for index, (session, seq) in enumerate(zip(rows.session.tolist(), seqs, strict=True)):
        near = np.array(detected.get((names[session], seq), ())).reshape(-1, 4)
        overlap = _overlap(near, _tight(boxes[index]))
        if len(near) and overlap.max() >= LEAST_IOU:
            boxes[index] = _square(near[overlap.argmax()])
            has_one[index] = True
    if not has_one.any():
        raise DatasetError(
            f"--boxes {path}: no box overlaps a person of the split; expected tight boxes "
            '[x, y, width, height] in colour pixels, with "session" and "color_seq"'
        )
    return boxes, has_one


def _tight(box: Boxes) -> Boxes:
    """Return a crop's box without its margin of a fifth."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 / BOX_FACTOR
    tight: Boxes = np.concatenate([centre - half, centre + half])
    return tight


def _square(box: Boxes) -> Boxes:
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max() / 2 * BOX_FACTOR
    square: Boxes = np.concatenate([centre - half, centre + half])
    return square


def _overlap(boxes: Boxes, other: Boxes) -> Boxes:
    """Return the share (M,) of the smaller one that boxes (M, 4) and one box have in common.

    Not IoU: the label's square is wider than a person who stands.
    """
    common = np.minimum(boxes[:, 2:], other[2:]) - np.maximum(boxes[:, :2], other[:2])
    area = np.prod(np.maximum(common, 0), axis=1)
    smaller = np.minimum(
        np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), np.prod(other[2:] - other[:2])
    )
    shared: Boxes = area / smaller
    return shared
