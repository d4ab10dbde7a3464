"""Findings of the checks, placed on the axis of the page's time line."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...checks.findings import Finding
from ...checks.session_takes import Take
from ...core.units import SECOND_100NS
from ...sessions.kinds import KINDS, SEVERITIES

MOST_FINDINGS: Final = 20_000
"""Findings that the page gets; the most severe ones where there are more."""


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """A finding as the page draws it.

    Attributes:
        kind: Name of its kind.
        text: What was found, in words.
        meaning: What its kind means.
        severity: How much it matters.
        group: The group of lanes that it belongs to.
        take: The take.
        first: Colour seq at which it begins; None where it has no place in time.
        last: Colour seq at which it ends, included.
        keypoints: Names of the keypoints concerned; empty: all, or none in particular.
    """

    kind: str
    text: str
    meaning: str
    severity: str
    group: str
    take: int
    first: int | None
    last: int | None
    keypoints: tuple[str, ...]


def place_findings(
    findings: Iterable[Finding], takes: Iterable[Take], along: str
) -> list[PlacedFinding]:
    """Place findings on the axis of a stream.

    Args:
        findings: Of a whole session.
        takes: Its takes.
        along: The stream whose frames the page counts: "bodies" where there are no pictures.

    Returns:
        Those that begin first come first; those without a place come last.
    """
    by_number = {take.number: take for take in takes}
    placed = [_placed(finding, by_number.get(finding.take), along) for finding in findings]
    rank: dict[str, int] = {severity: number for number, severity in enumerate(SEVERITIES)}
    placed.sort(key=lambda one: rank.get(one.severity, len(rank)))
    placed = placed[:MOST_FINDINGS]
    return sorted(placed, key=lambda one: (one.first is None, one.first or 0, one.last or 0))


def _placed(finding: Finding, take: Take | None, along: str) -> PlacedFinding:
    kind = KINDS.get(finding.kind)
    first, last = _seqs(finding, take, along)
    return PlacedFinding(
        kind=finding.kind,
        text=finding.text,
        meaning=kind.text if kind else "",
        severity=kind.severity if kind else "odd",
        group=kind.group if kind else "lost or damaged",
        take=finding.take,
        first=first,
        last=last,
        keypoints=finding.keypoints,
    )


def _seqs(finding: Finding, take: Take | None, along: str) -> tuple[int | None, int | None]:
    """Return the first and last seq of a finding on the axis of a stream."""
    if finding.stream == along:
        return finding.seq_first, finding.seq_last
    if take is None or not np.isfinite([finding.start_s, finding.end_s]).all():
        return None, None
    rows = take.rows(along)
    if len(rows) == 0:
        return None, None
    # another stream's seq means nothing on this axis: its time does
    seconds = np.array([finding.start_s, finding.end_s])
    times = take.start + np.rint(seconds * SECOND_100NS).astype(np.int64)
    ascending = np.argsort(rows["time_device"], kind="stable")
    at = np.searchsorted(rows["time_device"][ascending], times)
    first, last = sorted(rows["seq"][ascending[at.clip(max=len(rows) - 1)]].tolist())
    return int(first), int(last)
