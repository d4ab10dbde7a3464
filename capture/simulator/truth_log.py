"""Writes the ground truth of a simulated recording: a row for each item, a line for each fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...sessions.schema import Stream
from ...sessions.truth import TruthWriter
from .faults.schedule import FAULTS, ScheduledFault
from .faults.stream_faults import Cue, MissingItem


@dataclass(frozen=True, slots=True)
class Seen:
    """The content of an item, without noise.

    Attributes:
        slots: (P,) int8 slot of each person, -1 where the tracker does not have them.
        tracking_ids: (P,) uint64, 0 where the tracker does not have them.
        joints: (P, 25, 3) metres, camera space.
        pixels: (P, 25, 2) pixels of the stored image.
        hidden: (P, 25) bool: something is in front of the joint.
        shown_s: The moment that it shows, seconds of the take.
        moment_s: The moment at which it is taken.
    """

    slots: NDArray[np.int8]
    tracking_ids: NDArray[np.uint64]
    joints: NDArray[np.float64]
    pixels: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    shown_s: float
    moment_s: float


@dataclass
class _Extent:
    """The items that a fault has concerned until now."""

    number: int
    time_device: list[int] = field(default_factory=list)
    seq: dict[str, list[int]] = field(default_factory=dict)

    def reach(self, stream: Stream, seq: int, time_device: int) -> None:
        """Reach over one item."""
        span = self.seq.setdefault(stream.name, [seq, seq])
        span[:] = min(span[0], seq), max(span[1], seq)
        self.time_device = [(self.time_device or [time_device])[0], time_device]


class TruthLog:
    """The truth of one recording.

    Args:
        folder: The session's folder.
        first_seq: Seq of the next item, by stream.
        take: Number of the recording's first take.
        persons: How many people the simulator knows of.
        about: What the header says of the source.

    Raises:
        OSError: The disk refuses.
    """

    def __init__(
        self,
        folder: Path,
        first_seq: Mapping[Stream, int],
        take: int,
        persons: int,
        about: Mapping[str, object],
    ) -> None:
        self._next = {stream: first_seq[stream] for stream in (Stream.color, Stream.bodies)}
        first = {stream.name: seq for stream, seq in self._next.items()}
        head = {"first_seq": first, "first_take": take, **about}
        self._file = TruthWriter(folder, persons, FAULTS, head)
        self._extents: dict[ScheduledFault, _Extent] = {}
        self._last: dict[Stream, tuple[int, int]] = {}
        self._open: dict[Stream, set[ScheduledFault]] = {Stream.color: set(), Stream.bodies: set()}
        self._overdue: set[ScheduledFault] = set()

    def item(self, cue: Cue, seen: Seen) -> None:
        """Write down an item that is handed over now.

        Raises:
            OSError: The disk refuses.
        """
        seq = self._next[cue.stream]
        self._next[cue.stream] += 1
        after_hole = self._open[cue.stream]
        faults = {*cue.faults, *after_hole}
        for fault in sorted(faults, key=lambda fault: fault.start_s):
            self._reach(fault, cue.stream, seq, cue.time_device)
        self._open[cue.stream] = set()
        self._last[cue.stream] = (seq, cue.time_device)
        row = self._file.empty()
        row["stream"], row["seq"], row["time_device"] = cue.stream, seq, cue.time_device
        row["time_s"], row["shown_s"] = seen.moment_s, seen.shown_s
        row["faults"] = sum({fault.bit for fault in faults})
        row["slot"], row["tracking_id"] = seen.slots, seen.tracking_ids
        row["joint_xyz_m"], row["joint_color_px"] = seen.joints, seen.pixels
        row["hidden"] = seen.hidden
        self._file.row(row)
        for fault in after_hole & self._overdue:
            self.over(fault)

    def hole(self, hole: MissingItem) -> None:
        """Write down that an item is missing: its neighbours are concerned."""
        for fault in hole.faults:
            if hole.stream in self._last:
                self._reach(fault, hole.stream, *self._last[hole.stream])
            self._open[hole.stream].add(fault)

    def over(self, fault: ScheduledFault) -> None:
        """Write down that a fault is over; where it left a hole, the next item closes that."""
        if any(fault in faults for faults in self._open.values()):
            self._overdue.add(fault)
        else:
            self._overdue.discard(fault)
            self._write(fault, ended=True)

    def close(self) -> None:
        """Close the files; a fault that still lasts was cut off here."""
        try:
            for fault in self._overdue:
                self._write(fault, ended=True)
        finally:
            self._file.close()

    def _reach(self, fault: ScheduledFault, stream: Stream, seq: int, time_device: int) -> None:
        """Let a fault reach over an item; told at once where it begins, or ends late."""
        is_new = fault not in self._extents
        extent = self._extents.setdefault(fault, _Extent(len(self._extents)))
        extent.reach(stream, seq, time_device)
        if is_new:
            self._write(fault, ended=False)

    def _write(self, fault: ScheduledFault, *, ended: bool) -> None:
        """Append a fault's line."""
        extent = self._extents.setdefault(fault, _Extent(len(self._extents)))
        self._file.line(
            {
                "fault": extent.number,
                "name": fault.name,
                "start_s": round(fault.start_s, 6),
                "end_s": round(fault.end_s, 6),
                "time_device": extent.time_device or None,
                "seq": extent.seq,
                "ended": ended,
            }
        )
