"""Skeleton logs of a Kinect v2 that others made, as sources: bodies without pictures.

``laban:FILE.csv``, logs of microsoft/LabanotationSuite: a line is the sensor's time in 100 ns and
25 times ``x,y,z,state``, each number followed by a comma. The joints have no names; that they stand
in the order of the SDK's JointType is checked by their bones. ``irds:FILE.txt``, raw files of
IntelliRehabDS: a line ``Version0.1``, then ``frame,body,ms`` and 25 times
``(Name,Tracked|Inferred|NotTracked,x,y,z,depth x,depth y)``.

Times are the log's own. The frame numbers of an irds file count what its logger was given: where
they jump, the logger lost frames, which are handed over as lost.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import SensorError
from ...core.skeleton import JOINT, JOINTS, TrackingState
from ...core.units import MS_100NS
from ...sessions.schema import Stream, empty_body_row
from .assumed_projection import (
    COLOR_SIZE_PX,
    AssumedProjection,
    default_projection,
    load_projection,
)
from .sensor import BodyFrame, Item, Lost, SensorInfo

MAX_BYTES: Final = 64 << 20
MAX_JUMP: Final = 9000
"""Frames that a log may have lost at once, five minutes; more says that a number is damaged."""
_MAX_TIME_100NS: Final = 1 << 60
_MAX_ID: Final = (1 << 64) - 1
_MAX_FLOAT: Final = float(np.finfo(np.float32).max)

_LABAN_VALUES: Final = 1 + 4 * JOINTS
_IRDS_HEAD: Final = "Version0.1"
_IRDS_JOINT: Final = re.compile(r"\(([^()]*)\)")
_IRDS_STATES: Final = {
    "NotTracked": TrackingState.not_tracked,
    "Inferred": TrackingState.inferred,
    "Tracked": TrackingState.tracked,
}

_LIMBS: Final = (
    ("Shoulder", "Elbow"),
    ("Elbow", "Wrist"),
    ("Hip", "Knee"),
    ("Knee", "Ankle"),
)
_LIMB_M: Final = (0.08, 0.8)
_FEWEST_SEEN: Final = 5


@dataclass(frozen=True, slots=True)
class LogFrame:
    """One line of a log.

    Attributes:
        time_device: 100 ns.
        number: The log's own count of frames; None: it has none.
        body: The log's number of the body.
        joints_m: (25, 3) float32, camera space, metres; NaN where there is none.
        states: (25,) uint8: 0 not tracked, 1 inferred, 2 tracked.
    """

    time_device: int
    number: int | None
    body: int
    joints_m: NDArray[np.float32]
    states: NDArray[np.uint8]


class SkeletonLogSensor:
    """A skeleton log as a source; the whole file is checked before the first item."""

    def __init__(self, kind: str, rest: str, spec: str) -> None:
        """Open a log.

        Args:
            kind: "laban" or "irds".
            rest: ``FILE`` or ``FILE,projection=FILE.json``.
            spec: The source as the user named it.

        Raises:
            SensorError: A file is missing, damaged, cut, or of another kind (exit 2).
        """
        name, comma, projection = rest.partition(",projection=")
        path = Path(name)
        self._frames = READERS[kind](path)
        self._projection: AssumedProjection = (
            load_projection(Path(projection)) if comma else default_projection()
        )
        self._closed = False
        subject = re.match(r"\d+(?=_)", path.stem) if kind == "irds" else None
        self.info = SensorInfo(
            kind=kind,
            uri=spec,
            device_id=f"{kind}:{path.stem}",
            color_size_px=COLOR_SIZE_PX,
            mirrored=True,
            streams=("bodies",),
            live=False,
            projection=self._projection.to_json(),
            subject=f"irds-{subject[0]}" if subject else "",
        )

    def items(self) -> Iterator[Item]:
        """Hand the body rows over at the speed of the disk, lost frames where they are missing."""
        before: LogFrame | None = None
        for frame in self._frames:
            for lost in _lost_between(before, frame):
                yield lost
                if self._closed:
                    return
            yield BodyFrame(self._row(frame))
            if self._closed:
                return
            before = frame

    def _row(self, frame: LogFrame) -> NDArray[Any]:
        """Return a frame as (1,) BODIES_DTYPE; its body has slot 0."""
        row = empty_body_row()
        row["time_device"], row["time_host"] = frame.time_device, time.perf_counter_ns()
        if frame.states.any():
            row["tracked"][0, 0] = 1
            row["tracking_id"][0, 0] = frame.body
            row["joint_xyz_m"][0, 0] = frame.joints_m
            row["joint_color_px"][0, 0] = self._projection.pixels(frame.joints_m)
            row["joint_state"][0, 0] = frame.states
        return row

    def close(self) -> None:
        """Make ``items`` end after the present frame."""
        self._closed = True


def _lost_between(before: LogFrame | None, frame: LogFrame) -> Iterator[Lost]:
    """Return the frames that a log's numbers say are missing, at times spread between."""
    if before is None or before.number is None or frame.number is None:
        return
    steps = frame.number - before.number
    for k in range(1, steps):
        at = before.time_device + (frame.time_device - before.time_device) * k // steps
        yield Lost(Stream.bodies, at, time.perf_counter_ns())


def read_laban(path: Path) -> list[LogFrame]:
    """Read a LabanotationSuite log.

    Raises:
        SensorError: It is missing, cut, damaged or something else; names the line.
    """
    frames = [_laban_frame(line, where) for where, line in _lines(path, "laban")]
    _check_whole(path, frames, "laban")
    return frames


def _laban_frame(line: str, where: str) -> LogFrame:
    words = line.split(",")
    if words.pop() != "" or len(words) != _LABAN_VALUES:
        raise SensorError(
            f"{where}: {len(words)} values, expected a time and 25 times x,y,z,state, a comma "
            "behind each; the file was cut or is no log of that kind"
        )
    numbers = np.array([_number(word, where) for word in words[1:]]).reshape(JOINTS, 4)
    if not np.isin(numbers[:, 3], (0, 1, 2)).all():
        raise SensorError(f"{where}: a joint's state is none of 0, 1, 2; the file is damaged")
    joints, states = _joints(numbers[:, :3], numbers[:, 3].astype(np.uint8))
    return LogFrame(_whole(words[0], _MAX_TIME_100NS, where), None, 1, joints, states)


def read_irds(path: Path) -> list[LogFrame]:
    """Read a raw file of IntelliRehabDS.

    Raises:
        SensorError: It is missing, cut, damaged or something else; names the line.
    """
    lines = _lines(path, "irds")
    where, head = next(lines, (str(path), ""))
    if head != _IRDS_HEAD:
        raise SensorError(f"{where}: begins with {head[:40]!r}, expected {_IRDS_HEAD}")
    frames = [_irds_frame(line, where) for where, line in lines]
    _check_whole(path, frames, "irds")
    for before, after in zip(frames, frames[1:], strict=False):
        jump = (after.number or 0) - (before.number or 0)
        if not 0 < jump <= MAX_JUMP:
            raise SensorError(
                f"{path}: frame {after.number} follows frame {before.number}, expected numbers "
                "that rise; the file is damaged"
            )
    return frames


def _irds_frame(line: str, where: str) -> LogFrame:
    joints = [found.split(",") for found in _IRDS_JOINT.findall(line)]
    head = _IRDS_JOINT.sub("()", line).split(",")
    if head[3:] != ["()"] * JOINTS or any(len(words) != 7 for words in joints):
        raise SensorError(
            f"{where}: {len(joints)} joints, expected frame,body,ms and 25 times "
            "(name,state,x,y,z,depth x,depth y); the file was cut or is no log of that kind"
        )
    places = np.full((JOINTS, 3), np.nan)
    states = np.zeros(JOINTS, np.uint8)
    for name, state, *numbers in joints:
        if name not in JOINT or state not in _IRDS_STATES:
            raise SensorError(
                f"{where}: joint {name[:40]!r}, {state[:40]!r}, expected a joint of the Kinect SDK "
                f"and one of {', '.join(_IRDS_STATES)}"
            )
        places[JOINT[name]] = [_number(word, where) for word in numbers][:3]
        states[JOINT[name]] = _IRDS_STATES[state]
    if len({words[0] for words in joints}) != JOINTS:
        raise SensorError(f"{where}: a joint stands there twice; the file is damaged")
    number, body, ms = (
        _whole(word, most, where)
        for word, most in zip(head, (_MAX_ID, _MAX_ID, _MAX_TIME_100NS // MS_100NS), strict=False)
    )
    return LogFrame(ms * MS_100NS, number, body, *_joints(places, states))


READERS: Final[dict[str, Callable[[Path], list[LogFrame]]]] = {
    "laban": read_laban,
    "irds": read_irds,
}
"""Source names and what reads their files."""


def _lines(path: Path, kind: str) -> Iterator[tuple[str, str]]:
    """Return the lines of a file that are not empty, each with words that say where it is."""
    if not path.is_file():
        raise SensorError(
            f"{path}: no such file; {kind}: needs a skeleton log, {kind}:FILE or "
            f"{kind}:FILE,projection=FILE.json"
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SensorError(f"{path}: larger than any skeleton log ({MAX_BYTES >> 20} MiB)")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise SensorError(f"{path}: can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SensorError(f"{path}: not a text file; {kind}: needs a skeleton log") from error
    for k, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{path}: line {k}", line.strip()


def _number(word: str, where: str) -> float:
    """Return a number; what is none (NaN, infinity) or can't be held in float32 becomes NaN."""
    try:
        value = float(word.replace("∞", "inf"))
    except ValueError:
        raise SensorError(f"{where}: {word[:40]!r}, expected a number") from None
    return value if abs(value) <= _MAX_FLOAT else float("nan")


def _whole(word: str, most: int, where: str) -> int:
    """Return a number without sign or point."""
    is_whole = word.isascii() and word.isdigit() and len(word) <= len(str(most))
    if not is_whole or int(word) > most:
        raise SensorError(f"{where}: {word[:40]!r}, expected a whole number up to {most}")
    return int(word)


def _joints(
    places: NDArray[np.float64], states: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return joints and states that agree: without a place none is tracked, and the other way.

    Args:
        places: (25, 3) metres; the SDK writes zeros where it has no place.
        states: (25,)
    """
    there = (
        np.isfinite(places).all(axis=1) & places.any(axis=1) & (states != TrackingState.not_tracked)
    )
    joints = np.where(there[:, None], places, np.nan).astype(np.float32)
    return joints, np.where(there, states, TrackingState.not_tracked).astype(np.uint8)


def _check_whole(path: Path, frames: list[LogFrame], kind: str) -> None:
    """Check a log as a whole: that it holds frames, and limbs where the SDK's order has them.

    Raises:
        SensorError: It does not.
    """
    if not frames:
        raise SensorError(f"{path}: holds no frames; it is empty or was cut, take another file")
    joints = np.stack([frame.joints_m for frame in frames])
    seen = np.stack([frame.states == TrackingState.tracked for frame in frames])
    for upper, lower in _LIMBS:
        for side in ("Left", "Right"):
            a, b = JOINT[upper + side], JOINT[lower + side]
            both = seen[:, a] & seen[:, b]
            if both.sum() < _FEWEST_SEEN:
                continue
            length = float(np.median(np.linalg.norm(joints[both, a] - joints[both, b], axis=1)))
            if not _LIMB_M[0] <= length <= _LIMB_M[1]:
                raise SensorError(
                    f"{path}: {upper}{side} and {lower}{side} lie {length:.2f} m apart; {kind}: "
                    "needs a Kinect v2's joints in the order of its SDK, in metres"
                )
