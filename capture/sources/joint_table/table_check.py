"""The check of a whole table of joints: its units, its bodies, and what a user must know of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ....core.errors import SensorError
from ....core.units import MS_100NS, SECOND_100NS
from ..limb_check import LimbLengths, MedianSample
from ..log_format import MAX_ID
from .table_frames import TableReader
from .table_map import LENGTH_UNITS_M, TIME_UNITS_100NS, TableMap

_USUAL_STEP_100NS: Final = (5 * MS_100NS, 200 * MS_100NS)
"""Times between frames that recorders of a Kinect give."""
_MOST_IDS: Final = 10_000


@dataclass(frozen=True)
class CheckedTable:
    """A table that was read as a whole.

    Attributes:
        first_100ns: Time of its first frame.
        last_100ns: Time of its last frame.
        tracking_ids: The tracking id of each of its bodies.
        warnings: What a user must know of it, one line each.
    """

    first_100ns: int
    last_100ns: int
    tracking_ids: Mapping[str, int]
    warnings: tuple[str, ...]


def check_table(path: Path, name: str, table_map: TableMap, reader: TableReader) -> CheckedTable:
    """Check a whole table.

    Args:
        path: The table, for messages.
        name: Its name and sensor, for warnings.
        table_map: Its map.
        reader: Reads it.

    Raises:
        SensorError: It is malformed, or its units can't be right (exit 2).
    """
    limbs, steps = LimbLengths(), MedianSample()
    ids: dict[str, None] = {}
    first = last = None
    for frame in reader.frames():
        for body, numbers in frame.numbers.items():
            ids.setdefault(body)
            limbs.add(numbers[:, :3], frame.states[body])
        if len(ids) > _MOST_IDS:
            raise SensorError(
                f"{path}: more than {_MOST_IDS} bodies; is body.column in the map the id of a body?"
            )
        if last is not None and frame.time_100ns > last:
            steps.add(frame.time_100ns - last)
        first, last = frame.time_100ns if first is None else first, frame.time_100ns
    if first is None or last is None:
        raise SensorError(f"{path}: holds no frames; it is empty or was cut, take another file")
    _check_lengths(path, table_map, limbs)
    _check_times(path, table_map, reader.counts, steps.median())
    warnings = _oddities(name, table_map, reader.counts)
    return CheckedTable(first, last, _tracking_ids(ids), tuple(warnings))


def _check_lengths(path: Path, table_map: TableMap, limbs: LimbLengths) -> None:
    """Refuse a table whose limbs have impossible lengths; name the unit that would fit."""
    odd = limbs.impossible()
    if odd is None:
        return
    now = LENGTH_UNITS_M[table_map.length_unit]
    others = [unit for unit, m in LENGTH_UNITS_M.items() if limbs.fit_when_scaled(m / now)]
    what = (
        f'did you mean joints.unit = "{others[0]}"?'
        if others
        else "the map must name the joints of a Kinect v2 and their unit"
    )
    raise SensorError(f"{path}: {odd[0]} are {odd[1]:.3g} m apart; {what}")


def _check_times(
    path: Path, table_map: TableMap, counts: Counter[str], step_100ns: float | None
) -> None:
    """Refuse a table whose times can't be right; name the unit that would fit."""
    if 2 * counts["contradicting"] > counts["lines"]:
        raise SensorError(
            f"{path}: {counts['contradicting']} of {counts['lines']} lines have the time of an "
            "earlier one and other places; are time.unit and body.column in the map right?"
        )
    low, high = _USUAL_STEP_100NS
    unit_100ns = TIME_UNITS_100NS.get(table_map.time_unit)
    if unit_100ns is None or step_100ns is None or low <= step_100ns <= high:
        return
    in_unit = step_100ns / unit_100ns
    likely = [u for u, factor in TIME_UNITS_100NS.items() if low <= in_unit * factor <= high]
    if likely:
        raise SensorError(
            f"{path}: its frames are {step_100ns / SECOND_100NS:.3g} s apart by "
            f'time.unit = "{table_map.time_unit}"; did you mean "{likely[0]}"?'
        )


def _oddities(name: str, table_map: TableMap, counts: Counter[str]) -> list[str]:
    """Return what to say of the lines, one line each."""
    odd = []
    if counts["repeated"]:
        other = counts["contradicting"]
        what = f", {other} of them with other places" if other else ""
        odd.append(
            f"{name}: lines that repeat the time of an earlier one, left out: "
            f"{counts['repeated']}{what}"
        )
    if counts["late"]:
        odd.append(
            f"{name}: frames that were logged late, put in the order of their times: "
            f"{counts['late']}"
        )
    if counts["restarts"]:
        odd.append(f"{name}: times that go back, each begins a new take: {counts['restarts']}")
    if not table_map.has_states:
        odd.append(
            f"{name}: has no tracking states; they are stored as unknown, and kincap build gives "
            "such joints weight only by --unknown-weight"
        )
    return odd


def _tracking_ids(bodies: Mapping[str, None]) -> dict[str, int]:
    """Return a tracking id for each body: its own where all are whole numbers above 0."""
    own = [int(body) if body.isascii() and body.isdigit() else 0 for body in bodies]
    if all(0 < number <= MAX_ID for number in own):
        return dict(zip(bodies, own, strict=True))
    return {body: k for k, body in enumerate(sorted(bodies), 1)}
