"""Recordings that others made: NTU RGB+D, a Kinect v2's colour video with its ``.skeleton`` file.

The form of a ``.skeleton`` file: the number of frames; per frame the number of bodies; per body an
info line of 10 numbers, the number of joints (25) and a line of 12 numbers per joint. No times:
frame k belongs to video frame k. Images are mirrored, as the Kinect SDK gives them.
"""

import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import SensorError
from ...core.skeleton import JOINTS
from ...core.units import TICK_100NS
from ...sessions.schema import empty_body_row
from .sensor import BodyFrame, ColorFrame, Item, SensorInfo

COLOR_SIZE_PX = (1920, 1080)
BODIES = 6
MAX_SKELETON_BYTES = 256 << 20
MAX_LENGTH_DIFFERENCE = 3
"""Frames by which video and .skeleton may differ: more says that one of them was cut."""

_INFO_NUMBERS = 10
_JOINT_NUMBERS = 12
_MAX_ID = (1 << 64) - 1
_MAX_FLOAT = float(np.finfo(np.float32).max)


class NtuSensor:
    """An NTU RGB+D clip as a source; everything is checked before the first item."""

    def __init__(self, video: Path, spec: str) -> None:
        """Open a clip.

        Args:
            video: The ``.avi``; ``X_rgb.avi`` needs ``X.skeleton`` beside it, other names a
                ``.skeleton`` of the same stem.
            spec: The source as the user named it.

        Raises:
            SensorError: A file is missing, is cut, or they don't belong together.
        """
        if not video.is_file():
            raise SensorError(f"{video}: no such file; ntu: needs an NTU RGB+D colour video (.avi)")
        skeleton = skeleton_path(video)
        if not skeleton.is_file():
            raise SensorError(f"{video}: no {skeleton.name} beside it; ntu: needs both files")
        self._rows = read_skeleton(skeleton)
        self._video = video
        frames = _count_frames(video)
        difference = abs(frames - len(self._rows))
        if difference > MAX_LENGTH_DIFFERENCE:
            raise SensorError(
                f"{video}: {frames} frames can be decoded, {skeleton.name} holds "
                f"{len(self._rows)}; one of them was cut or they don't belong together"
            )
        self._frames = frames
        self._closed = False
        warnings = (
            f"{video.name} has {frames} frames, {skeleton.name} {len(self._rows)}: "
            "the surplus is stored without its partner",
        )
        self.info = SensorInfo(
            kind="ntu",
            uri=spec,
            device_id=f"ntu:{video.stem.removesuffix('_rgb')}",
            color_size_px=COLOR_SIZE_PX,
            mirrored=True,
            times="assumed 30 Hz",
            live=False,
            frames=frames,
            warnings=warnings if difference else (),
        )

    def items(self) -> Iterator[Item]:
        """Hand over body and colour frames in turn, at the speed of the disk."""
        video = _open_video(self._video)
        try:
            for k in range(max(self._frames, len(self._rows))):
                if self._closed:
                    return
                if k < len(self._rows):
                    row = self._rows[k]
                    row["time_device"] = k * TICK_100NS
                    row["time_host"] = time.perf_counter_ns()
                    yield BodyFrame(row)
                if k < self._frames:
                    yield self._color(video, k)
        finally:
            video.release()

    def _color(self, video: Any, k: int) -> ColorFrame:
        found, image = video.read()
        if not found:
            # it could be decoded a moment ago: the file changed or the disk fails
            raise SensorError(f"{self._video}: frame {k} can't be decoded any more", exit_code=1)
        # VideoCapture.read makes an array per call, so nobody writes into this one again
        return ColorFrame(
            image, k * TICK_100NS, time.perf_counter_ns(), release=_nothing_to_release
        )

    def close(self) -> None:
        """Make ``items`` end after the present frame."""
        self._closed = True


def _nothing_to_release() -> None:
    """Stand in for a release of memory that nobody else wants."""


def skeleton_path(video: Path) -> Path:
    """Return where the ``.skeleton`` file of a video lies."""
    return video.with_name(video.stem.removesuffix("_rgb") + ".skeleton")


def _open_video(path: Path) -> Any:
    """Open a video with FFmpeg, which alone is meant: other back ends read patterns and URLs."""
    # FFmpeg prints on stderr by itself; our one line says what is wrong
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    import cv2

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        video = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if not video.isOpened():
        raise SensorError(f"{path}: can't be decoded as a video; ntu: needs an NTU RGB+D .avi")
    size = (
        int(video.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )
    if size != COLOR_SIZE_PX:
        video.release()
        raise SensorError(
            f"{path}: frames of {size[0]}x{size[1]}, expected 1920x1080, "
            "the pixels that the .skeleton file speaks of; give the original video"
        )
    return video


def _count_frames(path: Path) -> int:
    """Return how many frames can really be decoded; the header of a cut file still says all."""
    video = _open_video(path)
    try:
        frames = 0
        while video.grab():
            frames += 1
    finally:
        video.release()
    if frames == 0:
        raise SensorError(f"{path}: no frame can be decoded; the file is damaged")
    return frames


def read_skeleton(path: Path) -> list[npt.NDArray[Any]]:
    """Read a whole ``.skeleton`` file and check it.

    Args:
        path: The file; lines may end in LF or CRLF.

    Returns:
        One (1,) BODIES_DTYPE row per frame, times left 0. A body keeps its slot while it is seen.

    Raises:
        SensorError: The file is cut, has rubbish in it, or goes on after its last frame.
    """
    if path.stat().st_size > MAX_SKELETON_BYTES:
        raise SensorError(
            f"{path}: larger than any .skeleton file ({MAX_SKELETON_BYTES >> 20} MiB)"
        )
    lines = _Lines(path)
    frames = lines.integer("the number of frames")
    slots: dict[int, int] = {}
    rows = [_read_frame(lines, slots) for _ in range(frames)]
    lines.expect_end()
    if not rows:
        raise SensorError(f"{path}: holds no frames; it is empty or was cut, take another file")
    return rows


def _read_frame(lines: "_Lines", slots: dict[int, int]) -> npt.NDArray[Any]:
    """Read one frame; ``slots`` (body id to slot) is carried from frame to frame."""
    row = empty_body_row()
    count = lines.integer("a number of bodies")
    if count > BODIES:
        raise lines.error(f"{count} bodies, a Kinect v2 sees {BODIES} at most")
    bodies = [_read_body(lines) for _ in range(count)]
    here = {int(info[0]) for info, _ in bodies}
    if len(here) != count:
        raise lines.error("the same body twice in one frame")
    for gone in set(slots) - here:
        del slots[gone]
    for info, joints in bodies:
        free = min(set(range(BODIES)) - set(slots.values()), default=0)
        _store_body(row[0], slots.setdefault(int(info[0]), free), info, joints)
    return row


def _read_body(lines: "_Lines") -> tuple[list[str], npt.NDArray[np.float64]]:
    """Return a body's info line as words and its joints as (25, 12) numbers."""
    info = lines.words(_INFO_NUMBERS, "a body's info line")
    try:
        _whole(info[0], _MAX_ID)
        [_whole(word, 255) for word in (*info[1:6], info[9])]
        [_number(word) for word in info[6:9]]
    except ValueError as error:
        raise lines.error(f"{error} in a body's info line") from None
    joints = lines.integer("a number of joints")
    if joints != JOINTS:
        raise lines.error(f"{joints} joints, expected {JOINTS}")
    numbers = np.array([lines.numbers(_JOINT_NUMBERS, "a joint") for _ in range(JOINTS)])
    if not np.isin(numbers[:, 11], (0, 1, 2)).all():
        raise lines.error("a joint's tracking state is none of 0, 1, 2")
    return info, numbers


def _whole(word: str, most: int) -> int:
    """Return a word of the info line as a number that fits into its field."""
    if not word.isdigit() or len(word) > len(str(most)) or int(word) > most:
        raise ValueError(f"{word[:40]!r}, expected a whole number up to {most}")
    return int(word)


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
    value = math.nan if "#" in word else float(word)
    return value if abs(value) <= _MAX_FLOAT else math.nan


class _Lines:
    """The lines of a text file, read one after another, with errors that name the line."""

    def __init__(self, path: Path) -> None:
        try:
            self._lines = path.read_bytes().decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise SensorError(f"{path}: not a text file; expected NTU .skeleton") from None
        self._path, self._next = path, 0

    def error(self, what: str) -> SensorError:
        return SensorError(f"{self._path}: line {self._next}: {what}")

    def words(self, count: int, what: str) -> list[str]:
        if self._next >= len(self._lines) or not self._lines[self._next].strip():
            raise SensorError(
                f"{self._path}: ends at line {self._next}, expected {what} there; the file was cut"
            )
        words = self._lines[self._next].split()
        self._next += 1
        if len(words) != count:
            raise self.error(
                f"{len(words)} numbers, expected {what} with {count}; the file was cut or changed"
            )
        return words

    def numbers(self, count: int, what: str) -> list[float]:
        try:
            return [_number(word) for word in self.words(count, what)]
        except ValueError as error:
            raise self.error(f"{error} in {what}") from None

    def integer(self, what: str) -> int:
        word = self.words(1, what)[0]
        if not word.isdigit():
            raise self.error(f"{word!r}, expected {what}")
        return int(word)

    def expect_end(self) -> None:
        if any(line.strip() for line in self._lines[self._next :]):
            raise self.error("more lines after the last frame; the file was changed")
