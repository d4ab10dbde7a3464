"""All that a report names: what the rows show, and what the recorder wrote down beside them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.pairing import NO_BODY
from ..core.skeleton import JOINT_NAMES
from ..core.units import SECOND_100NS
from ..sessions.schema import Rows
from .bodies import swapped_state
from .findings import Finding, from_events, without_known
from .lag.lag import LAG_WARNING_MS
from .session_tables import PICTURES, SessionTables, named_by
from .session_takes import Take
from .streams import (
    UNPAIRED_S,
    row_findings,
    time_findings,
    tracking_findings,
)

_NOT_SINCE_100NS: Final = SECOND_100NS
"""After so long out of sight, sides are taken to be right again."""
_OUTLIERS: Final = 3
_BEYOND_S: Final = 60.0
"""A device time so far behind a take's last item is of another clock."""


def find_all(tables: SessionTables, takes: Sequence[Take]) -> list[Finding]:
    """Return everything that a report names.

    Args:
        tables: The session.
        takes: Its takes, their lag measured where that is wanted.
    """
    found = [finding for take in takes for finding in _of_take(take)]
    found += without_known(from_events(tables.events), found)
    clocks = {take.number: take for take in takes}
    found = [_timed(finding, clocks.get(finding.take)) for finding in found]
    return found + _damage(tables)


def _of_take(take: Take) -> list[Finding]:
    """Return what the rows of a take show."""
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
    return found + _unpaired(take) + _of_people(take) + _lag(take)


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
    """Name what the checks of bodies found, row by row."""
    bodies, people, number = take.bodies, take.people, take.number

    def named(check: str) -> NDArray[np.bool_]:
        return rows_of(bodies, people["seq"][named_by(people, check)])

    def find(
        where: NDArray[np.bool_],
        kind: str,
        text: str,
        *,
        join_s: float = 0.5,
        least_s: float = 0.3,
    ) -> list[Finding]:
        return row_findings(
            where, bodies, kind, "bodies", number, text, join_s=join_s, least_s=least_s
        )

    found = find(
        named("crossed_arms"), "crossed_arms",
        "arms crossed or held before the trunk for {seconds}: hands and wrists are guesses",
    )  # fmt: skip
    found += find(
        named("turned_away"), "turned_away", "turned away by more than 60 degrees for {seconds}"
    )
    found += find(
        rows_of(bodies, people["seq"][exchanged(people)]), "side_swap",
        "left and right exchanged for {seconds}", join_s=1.0, least_s=0.1,
    )  # fmt: skip
    found += find(
        named("feet_noise"), "feet_noise", "feet or ankles jump about for {seconds}", join_s=1.0
    )
    found += find(
        named("frozen"), "frozen", "joints that don't move at all in {count} rows, {seconds}",
        join_s=0.1, least_s=0.0,
    )  # fmt: skip
    found += find(bodies["people"] > 1, "several_bodies", "more than one person for {seconds}")
    found += find(bodies["people"] == 0, "no_body", "nobody was seen for {seconds}", least_s=1.0)
    return found + _outliers(take, named("outliers") & ~named("swap"))


def rows_of(bodies: Rows, seqs: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return (M,) whether each body row is one of some seqs."""
    return np.asarray(np.isin(bodies["seq"], seqs))


def exchanged(people: Rows) -> NDArray[np.bool_]:
    """Say which bodies of a take have left and right exchanged.

    Args:
        people: (P,) tracked bodies, ``swap`` judged from each to the next.

    Returns:
        (P,) bool: from a swap until the sides swap back, or the person was out of sight.
    """
    order = np.lexsort((people["time_device"], people["tracking_id"]))
    own = people[order]
    new = np.ones(len(own), np.bool_)
    new[1:] = own["tracking_id"][1:] != own["tracking_id"][:-1]
    new[1:] |= np.diff(own["time_device"]) > _NOT_SINCE_100NS
    swapped = np.zeros(len(own), np.bool_)
    swapped[order] = swapped_state(named_by(own, "swap"), np.cumsum(new))
    return swapped


def _outliers(take: Take, named: NDArray[np.bool_]) -> list[Finding]:
    """Name joints that stand alone for single rows, where that happens again and again."""
    found = row_findings(
        named, take.bodies, "outliers", "bodies", take.number,
        "joints that jump away for single rows: {count} rows in {seconds}",
        join_s=1.0, least_s=0.0, least=_OUTLIERS,
    )  # fmt: skip
    return [replace(one, text=f"{one.text} ({_joints_off(take.people, one)})") for one in found]


def _joints_off(people: Rows, found: Finding) -> str:
    """Return which joints jump away most, in words."""
    some = (people["seq"] >= found.seq_first) & (people["seq"] <= found.seq_last)
    bits = people["off_joints"][some][:, None] >> np.arange(len(JOINT_NAMES)) & 1
    often = bits.sum(axis=0)
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
    """Add the seconds at which a finding lies, as far as stored rows tell."""
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
    """Place a finding about no stream by its own device time, where that is one of the take's."""
    moment = float(take.seconds(finding.time_device))
    if finding.time_device < 0 or not -1.0 <= moment <= take.length_s() + _BEYOND_S:
        return finding
    return replace(finding, start_s=max(moment, 0.0), end_s=max(moment, 0.0))


def _damaged_text(table: str, count: int, check: str) -> str:
    """Say what is damaged."""
    what = "gone with the end of a cut shard" if table == PICTURES else "damaged rows"
    return f"{table}: {count} {what}; {check}"


def _damage(tables: SessionTables) -> list[Finding]:
    """Name what can't be read."""
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
