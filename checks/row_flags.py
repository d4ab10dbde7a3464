"""Flags of the checks for each tracked body and each colour frame.

Findings leave out what is too short to report; flags do not. ``kincap build`` takes flags, because
a single wrong label is wrong; the report takes findings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import as_floats
from ..core.sensor_shape import MOST_BODIES
from ..core.skeleton import KEYPOINT_JOINT, KEYPOINTS
from ..sessions.kinds import KINDS
from .filters.bodies import Bools, joint_bits, named_joints
from .filters.registry import FILTERS
from .filters.timing import may_correct
from .findings import Finding
from .people import main_people
from .session_filters import JUDGED
from .session_people import PERSON
from .session_takes import Take

Seqs = NDArray[np.uint64]

_UNKNOWN: Final = -1


@dataclass(frozen=True)
class BodyFlags:
    """Flags of P tracked bodies, by seq of the body row, then slot.

    Attributes:
        seq: (P,) uint64 of the body row.
        slot: (P,) uint8 which of the sensor's six bodies.
        tracking_id: (P,) uint64.
        take: (P,) uint16.
        person: (P,) int64, a number for each person of a take, over losses of tracking.
        main: (P,) bodies of the largest and most central person of each take.
        swap_repairs: (P,) bodies with exchanged sides that can be put back.
        kinds: By kind (P,) bool, whether a check names the body.
        joint_bits: By kind (P,) uint32, which of its joints (``filters.bodies.joint_bits``); kinds
            that name whole bodies are absent.
    """

    seq: Seqs
    slot: NDArray[np.uint8]
    tracking_id: NDArray[np.uint64]
    take: NDArray[np.uint16]
    person: NDArray[np.int64]
    main: Bools
    swap_repairs: Bools
    kinds: dict[str, Bools]
    joint_bits: dict[str, NDArray[np.uint32]]

    @cached_property
    def _places(self) -> NDArray[np.uint64]:
        """(P,) one number for each body, rising."""
        return _place(self.seq, self.slot)

    def rows_at(self, seq: Seqs, slot: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return where bodies are in these flags.

        Args:
            seq: (N,) seqs of body rows.
            slot: (N,) slots.

        Returns:
            (N,) int64 index, -1 where no such body is tracked.
        """
        if not len(self.seq):
            return np.full(len(seq), _UNKNOWN, np.int64)
        known, asked = self._places, _place(seq, slot)
        at = np.searchsorted(known, asked).clip(max=len(known) - 1)
        return np.where(known[at] == asked, at, _UNKNOWN).astype(np.int64)

    def named(self, kind: str, seq: Seqs, slot: NDArray[np.integer]) -> Bools:
        """Return (N,) whether a kind names bodies of given (N,) seqs and slots."""
        return self._at(self.kinds.get(kind, np.zeros(len(self.seq), np.bool_)), seq, slot)

    def repaired(self, seq: Seqs, slot: NDArray[np.integer]) -> Bools:
        """Return (N,) whether sides of bodies of given (N,) seqs and slots can be put back."""
        return self._at(self.swap_repairs, seq, slot)

    def is_main(self, seq: Seqs, slot: NDArray[np.integer]) -> Bools:
        """Return (N,) whether bodies of given (N,) seqs and slots are the take's main person."""
        return self._at(self.main, seq, slot)

    def person_of(self, seq: Seqs, slot: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return (N,) the number of the person of bodies; -1 where no such body is tracked."""
        return np.append(self.person, _UNKNOWN)[self.rows_at(seq, slot)]

    def _at(self, flags: Bools, seq: Seqs, slot: NDArray[np.integer]) -> Bools:
        at = self.rows_at(seq, slot)
        return np.asarray((at != _UNKNOWN) & np.append(flags, False)[at])

    def keypoints_named(self, kind: str, seq: Seqs, slot: NDArray[np.integer]) -> Bools:
        """Return (N, 13) whether a kind names keypoints of bodies of given (N,) seqs and slots."""
        if kind not in self.joint_bits:
            return np.repeat(self.named(kind, seq, slot)[:, None], KEYPOINTS, axis=1)
        # index -1 is the body of none that was added at the end
        bits = np.append(self.joint_bits[kind], np.uint32(0))[self.rows_at(seq, slot)]
        return np.asarray(named_joints(bits)[:, KEYPOINT_JOINT])


@dataclass(frozen=True)
class FrameFlags:
    """Flags of F colour frames, by seq.

    Attributes:
        seq: (F,) uint64.
        kinds: By kind (F,) bool: ``frozen``, ``low_light``, ``lag``, ``damaged_image``.
        lag_ms: (F,) a lag of the whole take that is certain enough to move joints by it; NaN: none.
    """

    seq: Seqs
    kinds: dict[str, Bools]
    lag_ms: NDArray[np.float64]

    def lag_at(self, seq: Seqs) -> NDArray[np.float64]:
        """Return (N,) the certain lag, ms, of colour frames of given (N,) seqs; NaN: none."""
        if not len(self.seq):
            return np.full(len(seq), np.nan)
        at = np.searchsorted(self.seq, seq).clip(max=len(self.seq) - 1)
        return np.where(self.seq[at] == seq, self.lag_ms[at], np.nan)

    def named(self, kind: str, seq: Seqs) -> Bools:
        """Return (N,) whether a kind names colour frames of given (N,) seqs."""
        if not len(self.seq) or kind not in self.kinds:
            return np.zeros(len(seq), np.bool_)
        at = np.searchsorted(self.seq, seq).clip(max=len(self.seq) - 1)
        return np.asarray((self.seq[at] == seq) & self.kinds[kind][at])


def _place(seq: Seqs, slot: NDArray[np.integer]) -> NDArray[np.uint64]:
    """Return (N,) one number for each pair of seq and slot, in their order."""
    return np.asarray(seq, np.uint64) * np.uint64(MOST_BODIES) + np.asarray(slot).astype(np.uint64)


def body_flags(takes: Sequence[Take]) -> BodyFlags:
    """Return the flags of all tracked bodies of some takes."""
    parts = [take.people for take in takes]
    people = np.concatenate([np.zeros(0, PERSON), *parts])
    order = np.argsort(_place(people["seq"], people["slot"]), kind="stable")

    def joined(values: list[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([empty, *values])[order]

    none, no_joint = np.zeros(0, np.bool_), np.zeros(0, np.uint32)
    kinds: dict[str, Bools] = {}
    bits: dict[str, NDArray[np.uint32]] = {}
    for name in JUDGED:
        named = joined([joint_bits(take.filters.joints(name)) for take in takes], no_joint)
        kinds[name] = named != 0
        if FILTERS[name].effect == "weight":
            bits[name] = named
    kinds["implausible_body"] = joined([take.implausible_rows() for take in takes], none)
    person, before = [], 0
    for take in takes:
        person.append(take.filters.person + before)
        before += int(take.filters.person.max(initial=-1)) + 1
    people = people[order]
    return BodyFlags(
        seq=people["seq"].copy(),
        slot=people["slot"].copy(),
        tracking_id=people["tracking_id"].copy(),
        take=people["take"].copy(),
        person=joined(person, np.zeros(0, np.int64)),
        main=joined([_main(take) for take in takes], none),
        swap_repairs=joined([take.filters.swap_repairs for take in takes], none),
        kinds=kinds,
        joint_bits=bits,
    )


def _main(take: Take) -> Bools:
    """Return (P,) which bodies of a take belong to the person that it is about."""
    people = take.people
    size_px = take.tables.info.device.color_size_px or take.tables.info.shape.color_size_px
    boxes = as_floats(people["box_px"]).copy()
    boxes[take.implausible_rows()] = np.nan  # a chair may be the largest of all
    return main_people(people["take"], take.filters.person, boxes, size_px)


def frame_flags(takes: Sequence[Take], findings: Sequence[Finding]) -> FrameFlags:
    """Return the flags of all colour frames of some takes.

    Args:
        takes: The takes.
        findings: All of the session; those of colour frames flag the frames that they reach over.
    """
    seq = np.concatenate([np.zeros(0, "<u8"), *(take.color["seq"] for take in takes)])
    order = np.argsort(seq, kind="stable")
    kinds = {
        "low_light": np.concatenate([np.zeros(0, np.bool_), *(take.dark for take in takes)]),
        "frozen": np.concatenate([np.zeros(0, np.bool_), *(take.frozen for take in takes)]),
    }
    kinds = {name: flags[order] for name, flags in kinds.items()}
    seq = seq[order]
    for finding in findings:
        if finding.stream == "color" and KINDS[finding.kind].wrong_labels:
            flags = kinds.setdefault(finding.kind, np.zeros(len(seq), np.bool_))
            first, last = np.searchsorted(seq, [finding.seq_first, finding.seq_last + 1])
            flags[first:last] = True
    lag_ms = np.concatenate([np.zeros(0), *map(_certain_lag, takes)])[order]
    return FrameFlags(seq, kinds, lag_ms)


def _certain_lag(take: Take) -> NDArray[np.float64]:
    """Return (F,) the lag of a take's colour frames, ms, if joints may be moved by it, else NaN."""
    lag, settings = take.lag, take.tables.settings
    sure = lag.is_late and may_correct(lag.peak, lag.gain, lag.sure, settings)
    return np.full(len(take.color), lag.ms if sure and settings.uses("lag") else np.nan)
