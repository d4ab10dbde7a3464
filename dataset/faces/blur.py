"""Blur the faces in the pictures of a data set, of everybody whose keypoints are known there."""

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Floats
from ..kinect13.format import FULL, Images
from ..kinect13.reader import Kinect13, Split
from .regions import check_has_head, face_disks

_CELLS: Final = 5
"""A disk is averaged over this number of cells across: a face is 4 of them wide."""


class FaceBlur:
    """Blurs the faces in pictures of one data set.

    In a crop the faces of all people are blurred who have a row of the same frame in the split.

    Args:
        dataset: The data set, open.

    Raises:
        DatasetError: Its keypoints don't show where the head is.
    """

    def __init__(self, dataset: Kinect13) -> None:
        check_has_head(dataset.meta.skeleton)
        self._dataset = dataset
        self._of_frames: dict[str, dict[tuple[int, int], Floats]] = {}

    def blurred(self, split: Split, rows: NDArray[np.integer], images: Images) -> Images:
        """Return pictures with blurred faces.

        Args:
            split: Of the data set.
            rows: (B,) numbers of the rows.
            images: (B, S, S, 3) uint8, their crops, or whole frames.

        Returns:
            The same shape, a copy.
        """
        out = images.copy()
        for image, row in zip(out, rows.tolist(), strict=True):
            blur_disks(image, self.disks(split, row))
        return out

    def disks(self, split: Split, row: int) -> Floats:
        """Return the disks over the faces in the picture of a row.

        Args:
            split: Of the data set.
            row: Its number.

        Returns:
            (P, 3) float64 x, y, radius, pixels of the picture; NaN: that face may be anywhere.
        """
        if self._dataset.layout == FULL:
            people = int(split.people[row])
            side = split.bbox_xyxy_px[row, :people, 2] - split.bbox_xyxy_px[row, :people, 0]
            # boxes are in the colour image, keypoints in the stored frame
            scale = split.size / max(1.0, self._frame_height(split, row))
            return face_disks(
                split.keypoints_px[row, :people].astype(np.float64),
                split.visibility[row, :people],
                side.astype(np.float64) * scale,
                self._dataset.meta.skeleton,
            )
        if split.name not in self._of_frames:
            self._of_frames[split.name] = self._by_frame(split)
        key = (int(split.session[row]), int(split.color_seq[row]))
        disks = self._of_frames[split.name][key].copy()
        x0, y0, x1, _ = split.bbox_xyxy_px[row].astype(np.float64)
        scale = split.size / (x1 - x0)
        disks[:, :2] = (disks[:, :2] - (x0, y0)) * scale - 0.5
        disks[:, 2] *= scale
        return disks

    def _frame_height(self, split: Split, row: int) -> float:
        """Return the height of the colour image of a row, pixels."""
        session = self._dataset.meta.sessions[int(split.session[row])]
        for source in self._dataset.meta.sources:
            if source.get("session") == session and source.get("color_size_px"):
                return float(source["color_size_px"][1])
        return float(split.size)

    def _by_frame(self, split: Split) -> dict[tuple[int, int], Floats]:
        """Return the disks of each frame, pixels of its colour image."""
        box = split.bbox_xyxy_px.astype(np.float64)
        side = box[:, 2] - box[:, 0]
        points = split.keypoints_px.astype(np.float64)
        points = box[:, None, :2] + (points + 0.5) * (side / split.size)[:, None, None]
        disks = face_disks(points, split.visibility, side, self._dataset.meta.skeleton)
        found: dict[tuple[int, int], list[Floats]] = {}
        keys = zip(split.session.tolist(), split.color_seq.tolist(), strict=True)
        for key, disk in zip(keys, disks, strict=True):
            found.setdefault(key, []).append(disk)
        return {key: np.stack(each) for key, each in found.items()}


def blur_disks(image: NDArray[np.uint8], disks: Floats) -> None:
    """Average a picture coarsely inside disks; what was there can't be worked out again.

    Args:
        image: (H, W, 3) uint8, changed.
        disks: (P, 3) x, y, radius, pixels; where one is NaN, the whole picture is averaged.
    """
    height, width = image.shape[:2]
    if not np.isfinite(disks).all():
        image[...] = _coarse(image, max(2, height // 24))
        return
    for x, y, radius in disks:
        left, top = (max(0, int(np.floor(v - radius))) for v in (x, y))
        right = min(width, int(np.ceil(x + radius)) + 1)
        bottom = min(height, int(np.ceil(y + radius)) + 1)
        if left >= right or top >= bottom:
            continue
        part = image[top:bottom, left:right]
        rows, columns = np.mgrid[top:bottom, left:right]
        inside = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
        part[inside] = _coarse(part, max(2, round(2 * radius / _CELLS)))[inside]


def _coarse(part: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """Return a picture averaged over cells of a number of pixels, smooth between them."""
    height, width = part.shape[:2]
    small = (max(1, round(width / cell)), max(1, round(height / cell)))
    averaged = cv2.resize(np.ascontiguousarray(part), small, interpolation=cv2.INTER_AREA)
    return np.asarray(
        cv2.resize(averaged, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8
    )
