"""The findings of a session's checks, and how many rows of the data set each kind concerns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..checks.findings import Finding
from ..checks.session_checks import SessionChecks
from ..core.pairing import NO_BODY
from ..sessions.kinds import KINDS
from .candidates import Candidates
from .session_data import Recording

Bools = NDArray[np.bool_]

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


def report_findings(recording: Recording, checks: SessionChecks, found: Candidates) -> Reported:
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
    sessions: Sequence[tuple[Reported, Bools, Bools]],
) -> dict[str, dict[str, int]]:
    """Count findings, and the rows that they concern.

    Args:
        sessions: Of each its findings, (C,) whether a candidate is kept, and (C,) whether any of
            its keypoints has weight.

    Returns:
        By kind ``findings``, ``kept`` (rows of the data set that it concerns) and ``weight_0``
        (those of them without any weight).
    """
    counts: dict[str, dict[str, int]] = {}
    for reported, kept, weighted in sessions:
        for kind, where in reported.concerned.items():
            count = counts.setdefault(kind, {"findings": 0, "kept": 0, "weight_0": 0})
            count["findings"] += sum(one.kind == kind for one in reported.findings)
            count["kept"] += int((where & kept).sum())
            count["weight_0"] += int((where & kept & ~weighted).sum())
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
