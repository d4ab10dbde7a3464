"""The findings of a session's checks, and how many rows of the data set each kind concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...checks.findings import Finding
from ...checks.session_checks import SessionFlags
from ...core.pairing import NO_BODY
from ...sessions.kinds import KINDS
from ..candidates import Candidates
from ..filters import DROPS, FILTER_BITS, IMPLAUSIBLE, ROW_BITS, has_flag
from ..session_data import Recording

Bools = NDArray[np.bool_]

COUNTS: Final = ("findings", "kept", "weight_0", "dropped")
COUNTED_ONLY: Final = {
    "take_start": "not a fault",
    "no_body": "its frames have no body: they are left out",
    "stall": "its items are missing: there is no label",
    "gap": "its items are missing; the frame after it has the bit timing",
    "clock_step": "a take begins: nothing is compared across it",
    "duplicate": "both items show what was there",
    "out_of_order": "pairs are made by time, not by order",
    "body_lost": "the body is missing; its next id is followed",
    "body_found": "a body that comes into view is judged like any other",
    "body_moved": "a body is known by its id, not by its slot",
    "write_failed": "what was not written is missing",
    "warning": "what its source reports in words",
    "sensor_lost": "its items are missing",
    "sensor_back": "not a fault",
    "guessed_keypoint": "each guess of it has weight 0 by its own state",
    "too_short": "says that nothing is known about the rest",
    "color_only": "its frames have no body: they are left out",
    "bodies_only": "its bodies have no picture: there is no row",
    "damaged": "its rows can't be read: there is no label",
    "pause": "its items are not stored: there is no label",
    "resume": "not a fault",
    "not_stored": "its items were not wanted: there is no label",
    "retake": "the take before it is rejected by an edit, which is counted as one",
    "mark": "a note of the person who recorded",
    "cue": "what the person was asked to do",
}
"""Kinds of findings that build only counts and names, and why no label is lost for them."""


def in_build(kind: str) -> str:
    """Return what build does with the rows that a kind of finding names.

    Returns:
        "weight": weight 0 for its keypoints; "drop": the frame is left out; "mark": a bit of the
        row; "warn": repeated in words; "count": counted only; "" for a kind that it does not know.
    """
    if kind in FILTER_BITS:
        return "weight"
    if kind in (*DROPS, IMPLAUSIBLE):
        return "drop"
    if kind in ROW_BITS:
        return "mark"
    if kind in KINDS and KINDS[kind].severity == "poor":
        return "warn"
    return "count" if kind in COUNTED_ONLY or kind.startswith("drop_") else ""


MOST_LINES: Final = 3
"""At most this many findings of one kind are repeated in words."""


@dataclass(frozen=True)
class Reported:
    """Findings of the checks in one session.

    Attributes:
        findings: All findings.
        concerned: By kind (C,) bool, the candidates that it names.
    """

    findings: tuple[Finding, ...]
    concerned: dict[str, Bools]


def report_findings(recording: Recording, checks: SessionFlags, found: Candidates) -> Reported:
    """Return the findings of a session and which of its candidates they concern.

    Args:
        recording: The session.
        checks: Its checks.
        found: Its C candidates.
    """
    color = recording.color["seq"][found.frame]
    has_body = found.body != NO_BODY
    body = np.zeros(len(color), np.uint64)
    body[has_body] = recording.bodies.seq[found.body[has_body]]
    kinds = {finding.kind for finding in checks.findings}
    concerned = {}
    for kind in [*filter(kinds.__contains__, KINDS), *sorted(kinds - KINDS.keys())]:
        where = checks.frames.named(kind, color)
        where |= has_body & checks.bodies.named(kind, body, found.slot)
        for finding in checks.findings:
            if finding.kind == kind:
                where |= _in_range(finding, color, body, found.slot, has_body)
        concerned[kind] = where
    return Reported(checks.findings, concerned)


def _in_range(
    finding: Finding,
    color: NDArray[np.uint64],
    body: NDArray[np.uint64],
    slot: NDArray[np.int64],
    has_body: Bools,
) -> Bools:
    """Return (C,) whether each candidate is one of the items that a finding names."""
    if finding.stream == "color":
        return np.asarray((color >= finding.seq_first) & (color <= finding.seq_last))
    if finding.stream != "bodies":
        return np.zeros(len(color), np.bool_)
    where = has_body & (body >= finding.seq_first) & (body <= finding.seq_last)
    return np.asarray(where if finding.slot is None else where & (slot == finding.slot))


def count_findings(
    sessions: Sequence[tuple[Reported, Bools, NDArray[np.uint32]]],
) -> dict[str, dict[str, int]]:
    """Count findings, and the rows that they concern.

    Args:
        sessions: Of each its findings, (C,) whether a candidate is kept, and (C, 13) the bits of
            its keypoints.

    Returns:
        By kind ``findings``, ``kept`` (rows of the data set that it concerns), ``weight_0`` (those
        of them in which it costs a keypoint its weight) and ``dropped`` (candidates that it
        concerns and that are not in the data set).
    """
    counts: dict[str, dict[str, int]] = {}
    for reported, kept, flags in sessions:
        for kind, where in reported.concerned.items():
            count = counts.setdefault(kind, dict.fromkeys(COUNTS, 0))
            count["findings"] += sum(one.kind == kind for one in reported.findings)
            count["kept"] += int((where & kept).sum())
            if kind in FILTER_BITS:
                named = has_flag(flags, kind).any(axis=1)
                count["weight_0"] += int((where & kept & named).sum())
            count["dropped"] += int((where & ~kept).sum())
    return {kind: counts[kind] for kind in sorted(counts)}


def poor_lines(session: str, reported: Reported) -> list[str]:
    """Return a warning for each finding that makes a recording poor, a few of each kind."""
    lines = []
    for kind in reported.concerned:
        if kind not in KINDS or KINDS[kind].severity != "poor":
            continue
        some = [one for one in reported.findings if one.kind == kind]
        lines += [
            f"{session}, take {one.take}{_when(one)}: {one.text}" for one in some[:MOST_LINES]
        ]
        if len(some) > MOST_LINES:
            more = len(some) - MOST_LINES
            lines.append(f"{session}: {kind}: {more} more; kincap sessions report {session}")
    return lines


def _when(finding: Finding) -> str:
    """Return where in its take a finding is, in words."""
    if np.isnan(finding.start_s):
        return ""
    return f", {finding.start_s:.1f} to {finding.end_s:.1f} s"
