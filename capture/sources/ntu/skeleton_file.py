"""The ``.skeleton`` files of NTU RGB+D, read line by line.

A file is the number of frames; per frame the number of bodies; per body an info line of 10 numbers,
the number of joints (25) and a line of 12 numbers per joint. There are no times: frame k belongs to
video frame k. A file is read twice: first it is checked as a whole, then its rows are handed over,
so that memory does not grow with its length.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ....core.errors import SensorError
from ....core.skeleton import JOINTS
from ....sessions.schema import BODIES, empty_body_row
from ..log_format import MAX_ID, real_number, shown, whole_number
from ..text_lines import text_lines

WANTED: Final = "an NTU RGB+D .skeleton file"
_INFO_NUMBERS: Final = 10
_JOINT_NUMBERS: Final = 12
_MAX_FRAMES: Final = 10_000_000


def count_frames(path: Path) -> int:
    """Check a whole file and return its number of frames.

    Raises:
        SensorError: It is cut, malformed, or goes on after its last frame; names the line.
    """
    lines = _Lines(path)
    frames = lines.whole(_MAX_FRAMES, "the number of frames")
    for _ in range(frames):
        _check_frame(lines)
    lines.expect_end()
    if not frames:
        raise SensorError(f"{path}: holds no frames; it is empty or was cut, take another file")
    return frames


def read_rows(path: Path) -> Iterator[npt.NDArray[Any]]:
    """Read a file that was checked.

    Yields:
        One (1,) BODIES_DTYPE row per frame, times left 0. A body keeps its slot while it is seen.

    Raises:
        SensorError: The file was changed since.
    """
    lines = _Lines(path)
    slots: dict[int, int] = {}
    for _ in range(lines.whole(_MAX_FRAMES, "the number of frames")):
        yield _read_frame(lines, slots)


Body = tuple[list[str], list[list[float]]]
"""A body's info line as words, and its 25 joints of 12 numbers each."""


def _check_frame(lines: "_Lines") -> list[Body]:
    """Read one frame; see the module."""
    count = lines.whole(99, "a number of bodies")
    if count > BODIES:
        raise lines.error(f"{count} bodies, a Kinect v2 sees {BODIES} at most")
    bodies = [_read_body(lines) for _ in range(count)]
    if len({int(info[0]) for info, _ in bodies}) != count:
        raise lines.error("the same body twice in one frame")
    return bodies


def _read_frame(lines: "_Lines", slots: dict[int, int]) -> npt.NDArray[Any]:
    """Read one frame into a row; ``slots`` (body id to slot) is carried from frame to frame."""
    row = empty_body_row()
    bodies = _check_frame(lines)
    here = {int(info[0]) for info, _ in bodies}
    for gone in set(slots) - here:
        del slots[gone]
    for info, joints in bodies:
        free = min(set(range(BODIES)) - set(slots.values()), default=0)
        _store_body(row[0], slots.setdefault(int(info[0]), free), info, np.array(joints))
    return row


def _read_body(lines: "_Lines") -> Body:
    info = lines.words(_INFO_NUMBERS, "a body's info line")
    try:
        whole_number(info[0], MAX_ID)
        for word in (*info[1:6], info[9]):
            whole_number(word, 255)
        for word in info[6:9]:
            _number(word)
    except ValueError as error:
        raise lines.error(f"{error} in a body's info line") from None
    joints = lines.whole(9999, "a number of joints")
    if joints != JOINTS:
        raise lines.error(f"{joints} joints, expected {JOINTS}")
    numbers = []
    for _ in range(JOINTS):
        joint = lines.numbers(_JOINT_NUMBERS, "a joint")
        if joint[11] not in (0, 1, 2):
            raise lines.error("a joint's tracking state is none of 0, 1, 2")
        numbers.append(joint)
    return info, numbers


def _store_body(row: np.void, slot: int, info: list[str], joints: npt.NDArray[np.float64]) -> None:
    """Write one body into a row.

    Joints are the file's columns: x y z, depth x y, colour x y, qw qx qy qz, state. Orientation
    is stored as x, y, z, w, the order of the SDK's Vector4; ``restricted`` and the depth pixels
    have no field.
    """
    row["tracked"][slot] = 1
    row["tracking_id"][slot] = int(info[0])
    row["clipped_edges"][slot] = int(info[1])
    row["hand_left_confidence"][slot] = int(info[2])
    row["hand_left_state"][slot] = int(info[3])
    row["hand_right_confidence"][slot] = int(info[4])
    row["hand_right_state"][slot] = int(info[5])
    row["lean_xy"][slot] = [_number(word) for word in info[7:9]]
    row["lean_state"][slot] = int(info[9])
    row["joint_xyz_m"][slot] = joints[:, 0:3]
    row["joint_color_px"][slot] = joints[:, 5:7]
    row["joint_orientation"][slot] = joints[:, [8, 9, 10, 7]]
    row["joint_state"][slot] = joints[:, 11].astype(np.uint8)


def _number(word: str) -> float:
    """Return a number; what float32 can't hold and MSVC's words for none (-1.#IND) become NaN."""
    return math.nan if "#" in word else real_number(word)


class _Lines:
    """The lines of a file, read one after another, with errors that name the line."""

    def __init__(self, path: Path) -> None:
        self._path, self._number = path, 0
        self._lines = text_lines(path, WANTED)

    def error(self, reason: str) -> SensorError:
        return SensorError(f"{self._path}: line {self._number}: {reason}")

    def words(self, count: int, wanted: str) -> list[str]:
        number, line = next(self._lines, (self._number + 1, ""))
        if not line:
            raise SensorError(
                f"{self._path}: ends at line {self._number}, expected {wanted} there; the file "
                "was cut"
            )
        self._number = number
        words = line.split()
        if len(words) != count:
            raise self.error(
                f"{len(words)} numbers, expected {wanted} with {count}; the file was cut or changed"
            )
        return words

    def numbers(self, count: int, wanted: str) -> list[float]:
        try:
            return [_number(word) for word in self.words(count, wanted)]
        except ValueError as error:
            raise self.error(f"{error} in {wanted}") from None

    def whole(self, most: int, wanted: str) -> int:
        word = self.words(1, wanted)[0]
        try:
            return whole_number(word, most)
        except ValueError:
            raise self.error(f"found {shown(word)}, expected {wanted}") from None

    def expect_end(self) -> None:
        for number, line in self._lines:
            if line:
                self._number = number
                raise self.error("more lines after the last frame; the file was changed")
