"""One take of a session for the checks: its rows, its pairs, its clock, its lag."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..core.files.file_io import FileIO
from ..core.geometry import as_floats
from ..core.pairing import pair_within
from ..core.sensor_shape import KINECT_V2
from ..core.units import MS_100NS, SECOND_100NS
from ..sessions.schema import Rows
from ..sessions.shard.shard_reader import ShardReader
from .lag.lag import UNKNOWN, Lag, measure_lag
from .lag.wrist_images import TakeImages, WristTrack
from .plausibility import Implausible, implausible_stretches
from .session_filters import TakeFilters
from .session_tables import SessionTables
from .streams import (
    StreamSteps,
    TakePairs,
    frozen_pictures,
    low_light,
    measure_steps,
    pair_take,
)

_CLOSE_100NS = 50 * MS_100NS
DIGITS = 5
"""Digits after the point that quality.json keeps of a figure."""


@dataclass
class Take:
    """One take.

    Attributes:
        number: Its number.
        tables: The session's.
        color: (F,) its colour rows, by seq.
        color_shard: (F,) their shard.
        bodies: (M,) its body rows, by seq.
        people: (P,) its tracked bodies.
        samples: (S,) the joints of some of them.
        steps: Of every stream, by name.
        pairs: Which belong together.
        dark: (F,) taken in low light.
        frozen: (F,) the same image again and again.
        start: Device time at which it begins, 100 ns.
        implausible: Stretches of bodies that can't be people, in seconds of the device's clock.
        planes: By stream name, "mask" and "depth", its (N,) rows, by seq.
        lag: Lag of its joints.
        lag_stretches: (first seq, last seq, ms) of those with a large lag of their own.
    """

    number: int
    tables: SessionTables
    color: Rows
    color_shard: NDArray[np.intp]
    bodies: Rows
    people: Rows
    samples: Rows
    steps: dict[str, StreamSteps]
    pairs: TakePairs
    dark: NDArray[np.bool_]
    frozen: NDArray[np.bool_]
    start: int
    implausible: list[Implausible]
    planes: dict[str, Rows] = field(default_factory=dict)
    lag: Lag = UNKNOWN
    lag_stretches: list[tuple[int, int, float]] = field(default_factory=list)

    def rows(self, stream: str) -> Rows:
        """Return the rows of a stream, by its name."""
        return {"color": self.color, "bodies": self.bodies, **self.planes}[stream]

    def seconds(self, time_device: int | NDArray[np.integer]) -> NDArray[np.float64]:
        """Return device times (100 ns) as seconds since the take began."""
        return (np.asarray(time_device, np.int64) - self.start) / SECOND_100NS

    def length_s(self) -> float:
        """Return the time that its items cover, seconds; pauses of a set clock don't count."""
        spans = [float(steps.regular.sum()) / SECOND_100NS for steps in self.steps.values()]
        return max(spans, default=0.0)

    @cached_property
    def filters(self) -> TakeFilters:
        """The filters of its people."""
        return TakeFilters(self.people, self.tables.settings)

    def implausible_rows(self) -> NDArray[np.bool_]:
        """Return (P,) whether each tracked body is in one of the implausible stretches."""
        seconds = self.people["time_device"] / SECOND_100NS
        named = np.zeros(len(self.people), np.bool_)
        for one in self.implausible:
            own = self.people["tracking_id"] == one.tracking_id
            named |= own & (seconds >= one.start_s) & (seconds <= one.end_s)
        return named

    def measure_lag(self, io: FileIO, most: int | None) -> None:
        """Decode some of the images and measure how late the joints are.

        Args:
            io: File handling.
            most: Images that are decoded at most; None: as many as needed.
        """
        if len(self.color) < 2 or not len(self.people):
            return
        _, order = np.unique(self.color["time_device"], return_index=True)
        with self.images(order, io) as files:
            pictures = TakeImages(
                time_s=self.seconds(self.color["time_device"][order]),
                usable=~self.frozen[order] & (self.steps["color"].step[order] < _CLOSE_100NS),
                width=(self.tables.info.device.color_size_px or KINECT_V2.color_size_px)[0],
                read=files.read,
            )
            self.lag = _as_kept(measure_lag(pictures, self._wrists(), most=most))
        seqs = self.color["seq"][order]
        self.lag_stretches = [
            (int(seqs[one.first]), int(seqs[one.last]), round(one.ms, DIGITS))
            for one in self.lag.stretches
        ]

    def images(self, order: NDArray[np.intp], io: FileIO) -> "TakeImageFiles":
        """Return a reader of its images, to be used in a ``with`` block.

        Args:
            order: Places in ``color`` of the images, in the order in which they are numbered.
            io: File handling.
        """
        return TakeImageFiles(self, order, io)

    def _wrists(self) -> list[WristTrack]:
        """Return the wrists in each slot."""
        tracks = []
        for slot in np.unique(self.people["slot"]):
            own = self.people[self.people["slot"] == slot]
            own = own[np.unique(own["time_device"], return_index=True)[1]]
            px = as_floats(own["wrist_px"]).copy()
            # another person in the slot: nothing moved from there to here
            px[1:][own["tracking_id"][1:] != own["tracking_id"][:-1]] = np.nan
            depth = as_floats(own["wrist_m"])
            tracks.append(WristTrack(self.seconds(own["time_device"]), px, depth))
        return tracks


class TakeImageFiles:
    """Reads the images of a take, one shard open at a time."""

    def __init__(self, take: Take, order: NDArray[np.intp], io: FileIO) -> None:
        self._take, self._order, self._io = take, order, io
        self._shard: tuple[int, ShardReader] | None = None

    def __enter__(self) -> "TakeImageFiles":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shard is not None:
            self._shard[1].close()

    def read(self, frame: int) -> bytes:
        """Return the JPEG of a frame by its place in the order.

        Raises:
            KincapError: It is damaged.
        """
        row = int(self._order[frame])
        number = int(self._take.color_shard[row])
        if self._shard is None or self._shard[0] != number:
            if self._shard is not None:
                self._shard[1].close()
                self._shard = None
            name, layout = self._take.tables.shards[number]
            path = self._take.tables.folder / name
            self._shard = number, ShardReader(path, layout, self._io)
        return self._shard[1].blob(self._take.color[row])


def _as_kept(lag: Lag) -> Lag:
    """Return a lag with the digits that a report keeps: a build from either gives the same file."""
    names = ("ms", "peak", "gain", "motion_s", "sure")
    return replace(lag, **{name: round(getattr(lag, name), DIGITS) for name in names})


def split_takes(tables: SessionTables) -> list[Take]:
    """Return the takes of a session, in order; takes without any item are left out."""
    takes = [_take(tables, number) for number in tables.takes()]
    return [take for take in takes if len(take.color) or len(take.bodies)]


def _take(tables: SessionTables, number: int) -> Take:
    own = _by_seq(tables.color, number)
    color = tables.color[own]
    bodies = tables.bodies[_by_seq(tables.bodies, number)]
    people = tables.people[_together(np.flatnonzero(tables.people["take"] == number))]
    samples = tables.samples[_together(np.flatnonzero(tables.samples["take"] == number))]
    planes = {name: rows[_by_seq(rows, number)] for name, rows in tables.planes.items()}
    streams = {"color": color, "bodies": bodies, **planes}
    steps = {name: measure_steps(rows) for name, rows in streams.items()}
    regular = steps["bodies"].regular
    usual = float(np.median(regular)) if len(regular) else np.nan
    firsts = [int(rows["time_device"][0]) for rows in (color, bodies) if len(rows)]
    return Take(
        number=number,
        tables=tables,
        color=color,
        color_shard=tables.color_shard[own],
        bodies=bodies,
        people=people,
        samples=samples,
        implausible=_implausible(people, samples),
        steps=steps,
        pairs=pair_take(color, bodies, pair_within(tables.info.shape.tick_100ns)),
        dark=low_light(color, steps["color"], usual),
        frozen=frozen_pictures(color),
        start=min(firsts, default=0),
        planes=planes,
    )


def _by_seq(rows: Rows, number: int) -> slice | NDArray[np.intp]:
    """Return where the rows of a take are, by seq."""
    own = np.flatnonzero(rows["take"] == number)
    return _together(own[np.argsort(rows["seq"][own], kind="stable")])


def _together(rows: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Return a slice for rows that follow each other, as nearly all do: it copies nothing."""
    if len(rows) and (np.diff(rows) == 1).all():
        return slice(int(rows[0]), int(rows[-1]) + 1)
    return rows


def _implausible(people: Rows, samples: Rows) -> list[Implausible]:
    """Return the stretches of all bodies of a take that can't be people."""
    found = []
    for body in np.unique(people["tracking_id"]):
        own = samples[samples["tracking_id"] == body]
        own = own[np.argsort(own["time_device"], kind="stable")]
        seconds = own["time_device"] / SECOND_100NS
        found += implausible_stretches(int(body), own["joints"], own["sure"], seconds)
    return found
