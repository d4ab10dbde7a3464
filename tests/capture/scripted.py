"""A device made of a script: what comes when, with what times; and a log of what was given."""

import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kincap.capture.sources.sensor import (
    BodyFrame,
    ColorFrame,
    Item,
    Notice,
    SensorInfo,
    TakeStart,
)
from kincap.core.errors import SensorError
from kincap.sessions.schema import empty_body_row

from ..checks.people import person
from .virtual_clock import VirtualClock

TICK = 333_333
CLOCK = 12_345_678_900
"""Device time at the beginning, 100 ns."""
BODY_LATER = 30_000
ARRIVES_AFTER = 100_000
SIZE_PX = (64, 48)

People = dict[int, tuple[int, float]]
"""slot: (tracking id, metres to the side)."""
TWO: People = {0: (71, -0.6), 3: (72, 0.7)}


@dataclass(frozen=True)
class Shot:
    """One item of the script.

    Attributes:
        stream: "color" or "bodies".
        moment: When it was taken in truth, 100 ns from the beginning.
        device: What the device says, 100 ns.
        arrives: When it is handed over, 100 ns from the beginning.
        interval: ``frame_interval``.
        shape: Of the picture, as it is given.
        dtype: Likewise.
        people: Who is seen in a body row.
        shows: The moment whose picture or joints it has; None: its own.
        says: Something else than an item: Notice, TakeStart, SensorError; a function is called.
    """

    stream: str
    moment: int
    device: int
    arrives: int
    interval: int = -1
    shape: tuple[int, ...] = (SIZE_PX[1], SIZE_PX[0], 4)
    dtype: type = np.uint8
    people: People = field(default_factory=lambda: TWO)
    shows: int | None = None
    says: Any = None

    @property
    def content(self) -> int:
        """Return what tells its picture and its joints from all others."""
        return self.moment if self.shows is None else self.shows


def steady(ticks: int, streams: tuple[str, ...] = ("color", "bodies")) -> list[Shot]:
    """Return both streams at 30 Hz, so many ticks of them."""
    shots = []
    for k in range(ticks):
        for stream in streams:
            moment = k * TICK + (BODY_LATER if stream == "bodies" else 0)
            shots.append(Shot(stream, moment, CLOCK + moment, moment + ARRIVES_AFTER))
    return shots


def before(tick: int) -> int:
    """Return the moment between a tick and the one before it."""
    return tick * TICK - TICK // 2


def change(
    shots: list[Shot], first: int, last: int | None, how: Callable[[Shot], Shot | None],
    stream: str | None = None,
) -> list[Shot]:  # fmt: skip
    """Change or leave out (None) the shots of some ticks, ``last`` excluded."""
    until = None if last is None else before(last)
    changed = []
    for shot in shots:
        inside = shot.moment >= before(first) and (until is None or shot.moment < until)
        if inside and stream in (None, shot.stream) and shot.says is None:
            new = how(shot)
            changed += [] if new is None else [new]
        else:
            changed.append(shot)
    return sorted(changed, key=lambda shot: shot.arrives)


def silence(
    shots: list[Shot], first: int, last: int | None, stream: str | None = None
) -> list[Shot]:
    """Leave out the shots of some ticks."""
    return change(shots, first, last, lambda _: None, stream)


def jump(shots: list[Shot], first: int, by: int) -> list[Shot]:
    """Let the device's clock jump."""
    return change(shots, first, None, lambda shot: replace(shot, device=shot.device + by))


def say(shots: list[Shot], tick: int, what: object) -> list[Shot]:
    """Put something that is no item between two ticks."""
    moment = before(tick)
    shot = Shot("", moment, CLOCK + moment, moment + ARRIVES_AFTER, says=what)
    return sorted([*shots, shot], key=lambda shot: shot.arrives)


def picture_of(shot: Shot) -> np.ndarray:
    """Return a picture that no other moment has."""
    rng = np.random.default_rng(shot.content)
    if shot.dtype is not np.uint8:
        return rng.random(shot.shape).astype(shot.dtype)
    return rng.integers(0, 255, shot.shape, np.uint8)


def row_of(shot: Shot, now_ns: int) -> np.ndarray:
    """Return a body row whose joints no other moment has."""
    row = empty_body_row()
    row["time_device"], row["time_host"] = shot.device, now_ns
    rng = np.random.default_rng(shot.content)
    for slot, (body, side_m) in shot.people.items():
        row["tracked"][0, slot], row["tracking_id"][0, slot] = 1, body
        joints = person() + rng.normal((side_m, 0.0, 0.0), 0.01, (25, 3))
        row["joint_xyz_m"][0, slot] = joints
        row["joint_state"][0, slot] = 2
    return row


class ScriptedSensor:
    """Hands over a script's shots, each at its moment on a virtual clock.

    Attributes:
        handed: The shots handed over, by stream: the source's own log.
        pictures_out: Pictures lent and not given back.
        most_pictures: The most of them at a time.
        most_rows: The most body rows alive at a time.
        late_ns: How much later than in the script the following shots come, ns.
        released_s: How long giving a picture back holds up its encoder, seconds.
    """

    def __init__(
        self,
        shots: list[Shot],
        clock: VirtualClock,
        *,
        streams: tuple[str, ...] = ("color", "bodies"),
        encoding_s: float = 0.0,
        waits_after: bool = False,
    ) -> None:
        self.shots, self.clock, self.encoding_s = shots, clock, encoding_s
        self._waits_after = waits_after
        self.handed: dict[str, list[Shot]] = {"color": [], "bodies": []}
        self.lent = self.returned = self.most_pictures = 0
        self._rows = self.most_rows = 0
        self.late_ns = 0
        self._closed = threading.Event()
        self._count = threading.Lock()
        self.info = SensorInfo(
            kind="scripted", uri="scripted:", device_id="scripted-1", color_size_px=SIZE_PX,
            mirrored=True, streams=streams, live=True,
        )  # fmt: skip

    def items(self) -> Iterator[Item]:
        began = self.clock.now_ns()
        for shot in self.shots:
            self.clock.sleep_until(began + self.late_ns + 100 * shot.arrives)
            if self._closed.is_set():
                return
            if isinstance(shot.says, SensorError):
                raise shot.says
            if callable(shot.says):
                shot.says()
                continue
            if isinstance(shot.says, Notice | TakeStart):
                yield shot.says
                continue
            self.handed[shot.stream].append(shot)
            yield self._item(shot)
        if self._waits_after:
            self.clock.wait(self._closed, 1e6)

    def _item(self, shot: Shot) -> Item:
        now = self.clock.now_ns()
        if shot.stream == "bodies":
            row = row_of(shot, now)
            with self._count:
                self._rows += 1
                self.most_rows = max(self.most_rows, self._rows)
            weakref.finalize(row, self._row_gone)
            return BodyFrame(row)
        with self._count:
            self.lent += 1
            self.most_pictures = max(self.most_pictures, self.lent - self.returned)
        return ColorFrame(
            picture_of(shot), shot.device, now,
            frame_interval=shot.interval, release=self._released,
        )  # fmt: skip

    def _row_gone(self) -> None:
        with self._count:
            self._rows -= 1

    def _released(self) -> None:
        with self._count:
            self.returned += 1
        if self.encoding_s and threading.current_thread().name.startswith("kincap-encoder"):
            self.clock.sleep(self.encoding_s)

    def close(self) -> None:
        self._closed.set()
