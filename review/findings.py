"""Findings of the checks, placed on the axis of the page's time line.

The checks read the whole session, so they run beside the page, in a thread of their own; the page
asks again until they are ready. How late the joints are takes a second of decoding: where the
report at the end of the recording has measured it, that is taken from quality.json.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..checks.findings import Finding
from ..checks.session_checks import check_session
from ..checks.session_takes import Take
from ..core.errors import KincapError
from ..core.units import SECOND_100NS
from ..report.quality import load_quality
from ..sessions.kinds import KINDS, SEVERITIES

MOST_FINDINGS: Final = 20_000
"""Findings that the page gets; the most severe ones where there are more."""

PAUSE_S: Final = 4.0
"""Time between two checks of a session that is being recorded."""


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


@dataclass
class _Known:
    """A session's findings as far as they are known.

    Attributes:
        stamp: Of the files that were checked; None before the first check has ended.
        answer: What the page gets.
        running: A thread checks them now.
        checked: When the last check ended, on the monotonic clock.
    """

    stamp: object = None
    answer: dict[str, Any] | None = None
    running: bool = False
    checked: float = float("-inf")


class FindingsInBackground:
    """The findings of sessions, each checked in a thread when its files have changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], _Known] = {}

    def get(self, folder: Path, uuid: str, stamp: object, along: str) -> dict[str, Any]:
        """Return a session's findings as far as they are known, and see to it that they will be.

        Args:
            folder: The session's folder.
            uuid: Its identity.
            stamp: Changes when its files do.
            along: The stream whose frames the page counts.

        Returns:
            ``ready`` (they are those of the files as they are now), ``findings``, ``left_out``
            (how many more there are) and ``problem`` (why there are none, or None).
        """
        with self._lock:
            known = self._known.setdefault((folder.name, uuid), _Known())
            ready = known.stamp == stamp and known.answer is not None
            due = time.monotonic() - known.checked > PAUSE_S
            if not ready and not known.running and due:
                known.running = True
                work = (known, folder, uuid, stamp, along)
                threading.Thread(
                    target=self._check, args=work, name="findings", daemon=True
                ).start()
            answer = known.answer or {"findings": [], "left_out": 0, "problem": None}
        return {"schema": "kincap/review-findings/1", "uuid": uuid, "ready": ready, **answer}

    def _check(self, known: _Known, folder: Path, uuid: str, stamp: object, along: str) -> None:
        """Check a session and keep what was found."""
        answer: dict[str, Any] = {"findings": [], "left_out": 0, "problem": "they can't be checked"}
        try:
            answer = _checked(folder, uuid, along)
        except (KincapError, OSError) as error:
            answer["problem"] = str(error)
        finally:
            with self._lock:
                known.stamp, known.answer, known.running = stamp, answer, False
                known.checked = time.monotonic()


def _checked(folder: Path, uuid: str, along: str) -> dict[str, Any]:
    """Check a session and return what the page gets."""
    measured = _measured_lag(folder, uuid)
    checks = check_session(folder, lag=measured is None)
    if checks.tables.info.uuid != uuid:
        raise KincapError("deleted and recorded again; reload the page")
    found = [*checks.findings, *(measured or ())]
    placed = place_findings(found, checks.takes, along)
    return {
        "findings": [asdict(one) for one in placed],
        "left_out": len(found) - len(placed),
        "problem": None,
    }


def _measured_lag(folder: Path, uuid: str) -> list[Finding] | None:
    """Return what the report has found about the lag; None where there is no report."""
    quality = load_quality(folder)
    if quality is None or quality.get("uuid") != uuid:
        return None
    try:
        return [
            Finding(
                "lag", "color", int(one["take"]), int(one["seq_first"]), int(one["seq_last"]),
                int(one["count"]), str(one["text"]),
            )
            for one in quality["findings"]
            if one["kind"] == "lag"
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError):
        return None
