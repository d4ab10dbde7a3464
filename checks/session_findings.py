"""All findings of a session: those of its rows, and those of the recorder's events."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.pairing import NO_BODY
from ..core.skeleton import JOINT_NAMES, KEYPOINT_JOINT, KEYPOINT_NAMES
from ..core.units import SECOND_100NS
from ..sessions.schema import Rows
from .filters.registry import FILTERS
from .findings import Finding, from_events, without_known
from .lag.lag import LAG_WARNING_MS
from .session_figures import figure_findings, length_findings
from .session_filters import JUDGED
from .session_tables import PICTURES, SessionTables
from .session_takes import Take
from .streams import (
    UNPAIRED_S,
    row_findings,
    time_findings,
    tracking_findings,
)

_SAYS_JOINTS: Final = ("outliers", "speed", "bone_length", "symmetry", "body_index", "occlusion")
"""Kinds whose text ends with the joints that are named most often."""
_BEYOND_S: Final = 60.0
"""A device time farther than this after a take's last item is of another clock."""


def find_all(tables: SessionTables, takes: Sequence[Take]) -> list[Finding]:
    """Return all findings of a session.

    Args:
        tables: The session.
        takes: Its takes, their lag measured where that is wanted.
    """
    found = [finding for take in takes for finding in _of_take(take)] + length_findings(takes)
    found += without_known(from_events(tables.events), found)
    clocks = {take.number: take for take in takes}
    found = [_timed(finding, clocks.get(finding.take)) for finding in found]
    return found + _damage(tables)


def _of_take(take: Take) -> list[Finding]:
    """Return the findings of the rows of a take."""
    number = take.number
    found = time_findings(take.color, take.steps["color"], "color", number)
    found += time_findings(take.bodies, take.steps["bodies"], "bodies", number)
    found += row_findings(
        take.dark, take.color, "low_light", "color", number,
        "low light for {seconds}: colour at half its rate",
    )  # fmt: skip
    found += row_findings(
        take.frozen, take.color, "frozen", "color", number,
        "the same picture {count} times, {seconds} long", join_s=0.0, least_s=0.0,
    )  # fmt: skip
    found += tracking_findings(take.people, take.bodies, number)
    return found + _unpaired(take) + _of_people(take) + _lag(take) + figure_findings(take)


def _unpaired(take: Take) -> list[Finding]:
    """Name stretches in which one of the two streams is alone; one that is never there is not."""
    if not len(take.color) or not len(take.bodies):
        return []
    found = row_findings(
        take.pairs.body == NO_BODY, take.color, "color_only", "color", take.number,
        "{count} colour frames in a row without a body row, {seconds}",
        join_s=0.0, least_s=UNPAIRED_S,
    )  # fmt: skip
    return found + row_findings(
        take.pairs.alone, take.bodies, "bodies_only", "bodies", take.number,
        "{count} body rows in a row without a picture, {seconds}",
        join_s=0.0, least_s=UNPAIRED_S,
    )  # fmt: skip


def _of_people(take: Take) -> list[Finding]:
    """Name what the checks of bodies found, person by person, and how many people there are."""
    found = [finding for name in JUDGED for finding in _of_filter(take, name)]
    found += _implausible(take)
    people, bodies, number = take.bodies["people"], take.bodies, take.number
    found += row_findings(
        people > 1, bodies, "several_bodies", "bodies", number,
        "more than one person for {seconds}", breaks=people == 0,
    )  # fmt: skip
    return found + row_findings(
        people == 0, bodies, "no_body", "bodies", number, "no one was seen for {seconds}",
        least_s=1.0, breaks=people > 0,
    )  # fmt: skip


def _of_filter(take: Take, name: str) -> list[Finding]:
    """Name the rows in which a filter names a body, for each person."""
    one, people = FILTERS[name], take.people
    if not one.text:
        return []
    joints = take.filters.joints(name)
    named = np.asarray(joints.any(axis=1))
    found = []
    for person in np.unique(people["tracking_id"][named]):
        own = np.flatnonzero(people["tracking_id"] == person)
        rows = people[own]
        for finding in row_findings(
            named[own], rows, name, "bodies", take.number, one.text,
            join_s=one.join_s, least_s=one.least_s, least=one.least,
        ):  # fmt: skip
            inside = (rows["seq"] >= finding.seq_first) & (rows["seq"] <= finding.seq_last)
            found.append(_about_person(finding, rows[inside], joints[own[inside]]))
    return found


def _implausible(take: Take) -> list[Finding]:
    """Name the stretches of bodies that can't be people."""
    found = []
    seconds = take.people["time_device"] / SECOND_100NS
    for one in take.implausible:
        own = take.people["tracking_id"] == one.tracking_id
        rows = take.people[own & (seconds >= one.start_s) & (seconds <= one.end_s)]
        first, last = int(rows["seq"].min()), int(rows["seq"].max())
        text = f"body {one.tracking_id} can't be a person: {one.text}"
        found.append(
            Finding(
                "implausible_body", "bodies", take.number, first, last, len(rows), text,
                tracking_id=one.tracking_id, slot=int(rows["slot"][0]),
            )
        )  # fmt: skip
    return found


def _about_person(finding: Finding, rows: Rows, named: NDArray[np.bool_]) -> Finding:
    """Add to a finding whose body it is about and which joints.

    Args:
        finding: Of a filter.
        rows: (P,) the person's rows in it.
        named: (P, 25) the joints that the filter names.
    """
    often = named.sum(axis=0)
    keypoints = [n for n, j in zip(KEYPOINT_NAMES, KEYPOINT_JOINT, strict=True) if often[j]]
    text = finding.text
    if finding.kind in _SAYS_JOINTS:
        text += f" ({_most_named(often)})"
    return replace(
        finding,
        text=text,
        tracking_id=int(rows["tracking_id"][0]),
        slot=int(rows["slot"][0]),
        keypoints=() if len(keypoints) == len(KEYPOINT_NAMES) else tuple(keypoints),
    )


def _most_named(often: NDArray[np.integer]) -> str:
    """Return the three joints that are named most often, in words."""
    top = [JOINT_NAMES[j] for j in np.argsort(-often, kind="stable")[:3] if often[j]]
    return ", ".join(top) + (", ..." if (often > 0).sum() > len(top) else "")


def _lag(take: Take) -> list[Finding]:
    """Name a lag of the whole take, or of stretches of it."""
    if take.lag.is_late:
        seq = take.color["seq"]
        text = f"{late_text(take.lag.ms)} (expected within {LAG_WARNING_MS:.0f} ms)"
        first, last = int(seq.min()), int(seq.max())
        return [Finding("lag", "color", take.number, first, last, take.lag.frames, text)]
    return [
        Finding("lag", "color", take.number, first, last, last - first + 1, late_text(ms))
        for first, last, ms in take.lag_stretches
    ]


def late_text(ms: float) -> str:
    """Return a lag in words."""
    return f"joints come {abs(ms):.0f} ms {'after' if ms > 0 else 'before'} the picture"


def _timed(finding: Finding, take: Take | None) -> Finding:
    """Add the seconds at which a finding begins and ends, as far as rows are stored."""
    if take is None:
        return finding
    if finding.stream not in take.steps:
        return _at_moment(finding, take)
    rows = take.rows(finding.stream)
    if not len(rows):
        return finding
    at = np.searchsorted(rows["seq"], [finding.seq_first, finding.seq_last])
    times = take.seconds(rows["time_device"][at.clip(max=len(rows) - 1)])
    return replace(finding, start_s=float(times.min()), end_s=float(times.max()))


def _at_moment(finding: Finding, take: Take) -> Finding:
    """Place a finding without a stream by its own device time, if that is one of the take's."""
    moment = float(take.seconds(finding.time_device))
    if finding.time_device < 0 or not -1.0 <= moment <= take.length_s() + _BEYOND_S:
        return finding
    return replace(finding, start_s=max(moment, 0.0), end_s=max(moment, 0.0))


def _damaged_text(table: str, count: int, check: str) -> str:
    """Return the text about damaged rows."""
    what = "gone with the end of a cut shard" if table == PICTURES else "damaged rows"
    return f"{table}: {count} {what}; {check}"


def _damage(tables: SessionTables) -> list[Finding]:
    """Name rows and shards that can't be read."""
    check = f"kincap sessions verify {tables.info.name} says what is lost"
    found = [
        Finding("damaged", "none", 0, 0, 0, count, _damaged_text(table, count, check))
        for table, count in sorted(tables.damaged.items())
    ]
    found += [
        Finding("damaged", "none", 0, 0, 0, 1, f"{name} can't be read; {check}")
        for name in sorted(set(tables.unreadable))
    ]
    return found
