"""Corrected labels as every reader here gives them, and the error of a file that is not one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import DatasetError
from ...core.geometry import Floats
from ...core.skeleton import KEYPOINT, KEYPOINTS

MOST_BYTES = 1 << 28
"""Of a corrected file."""
FARTHEST_PX = 1e5
LARGEST_PX = 1 << 16


@dataclass(frozen=True)
class CorrectedPerson:
    """One person in one picture of a corrected file.

    Attributes:
        picture: Name of the picture, perhaps with folders.
        size_px: Width and height of the picture.
        points: (13, 2) float64 pixels of the picture, pixel centres at integers; NaN where the
            file says nothing, or that the keypoint is not there.
        visibility: 0 unlabelled, 1 occluded, 2 visible, by keypoint; None where the file does not
            know the keypoint.
    """

    picture: str
    size_px: tuple[int, int]
    points: Floats
    visibility: tuple[int | None, ...]


class PersonParts:
    """Collects the keypoints of one person from a file.

    Args:
        path: The file, for messages.
        picture: Name of the picture.
        size_px: Its width and height as the file says them.
        known: Whether keypoints that the file leaves out are unlabelled, not unknown.
    """

    def __init__(self, path: Path, picture: str, size_px: Any, *, known: bool) -> None:
        width, height = (whole(path, picture, "size of the picture", part) for part in size_px)
        if not (0 < width <= LARGEST_PX and 0 < height <= LARGEST_PX):
            raise odd(path, f"{picture[:100]}: a picture of {width}x{height} pixels")
        self.path, self.picture, self.size_px = path, picture, (width, height)
        self.points = np.full((KEYPOINTS, 2), np.nan)
        self.visibility: list[int | None] = [0 if known else None] * KEYPOINTS

    def add(self, name: str, x: Any, y: Any, visibility: int) -> None:
        """Take a keypoint; one that is not among the 13 is ignored.

        Args:
            name: Of the keypoint.
            x: Pixels of the picture, pixel centres at integers.
            y: The same.
            visibility: 0, 1 or 2; with 0 the position does not matter.
        """
        index = KEYPOINT.get(name)
        if index is None:
            return
        self.visibility[index] = visibility
        if visibility:
            place = [number(self.path, self.picture, name, part) for part in (x, y)]
            self.points[index] = place

    def person(self) -> CorrectedPerson:
        """Return the person."""
        return CorrectedPerson(self.picture, self.size_px, self.points, tuple(self.visibility))


def odd(path: Path, what: str) -> DatasetError:
    """Return the error of a file that is not as it should be."""
    return DatasetError(f"--from {path}: {what}; take a file as docs/export.md describes it")


def number(path: Path, picture: str, name: str, value: Any) -> float:
    """Return a number of a file, checked.

    Raises:
        DatasetError: It is not one, or far from any picture.
    """
    try:
        found = float(value) if not isinstance(value, bool) else float("nan")
    except (TypeError, ValueError):
        found = float("nan")
    if not abs(found) <= FARTHEST_PX:
        raise odd(path, f"{picture[:100]}: {name} is {str(value)[:40]!r}, expected a number")
    return found


def whole(path: Path, picture: str, name: str, value: Any) -> int:
    """Return a whole number of a file, checked.

    Raises:
        DatasetError: It is not one.
    """
    found = number(path, picture, name, value)
    if found != int(found):
        raise odd(path, f"{picture[:100]}: {name} is {found}, expected a whole number")
    return int(found)
