"""Triggers that start and stop a recording without a hand on the keyboard.

Conditions are pure functions over body rows; ``advance`` is a pure step that says for how long one
has held. Times are the sensor's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ...core.skeleton import JOINT, TrackingState
from ...core.units import SECOND_100NS

Rows = npt.NDArray[Any]
Flags = npt.NDArray[np.bool_]

ZONE_M: Final = (1.2, 4.0)
"""Nearest and farthest place of a body in the zone, metres from the sensor."""
ZONE_ASIDE: Final = 0.45
"""Farthest place beside the middle, as a share of the distance from the sensor."""

_HAND_CLOSED: Final = 3
_BREAK_100NS: Final = SECOND_100NS // 2
"""Rows farther apart than this, or out of order, do not belong to one stretch."""


def in_zone(rows: Rows) -> Flags:
    """Return True for rows in which exactly one body is tracked in the zone.

    Args:
        rows: (N,) body rows with the joints of a Kinect v2.

    Returns:
        (N,) bool.
    """
    return np.asarray(_bodies_in_zone(rows).sum(axis=1) == 1)


def no_one(rows: Rows) -> Flags:
    """Return True for rows in which no body is tracked.

    Args:
        rows: (N,) body rows.

    Returns:
        (N,) bool.
    """
    return np.asarray((rows["tracked"] != 1).all(axis=1))


def hands_raised(rows: Rows) -> Flags:
    """Return True for rows in which a body has both hands above the head and closed.

    Args:
        rows: (N,) body rows with the joints of a Kinect v2.

    Returns:
        (N,) bool.
    """
    up = rows["joint_xyz_m"][..., 1]
    states = rows["joint_state"]
    raised = rows["tracked"] == 1
    for side in ("Left", "Right"):
        hand = JOINT["Hand" + side]
        closed = rows[f"hand_{side.lower()}_state"] == _HAND_CLOSED
        # a comparison with NaN is False
        above = up[..., hand] > up[..., JOINT["Head"]]
        raised = raised & closed & above & (states[..., hand] != TrackingState.not_tracked)
    return np.asarray(raised.any(axis=1))


def zone_advice(row: Rows) -> str:
    """Return in a few words how to get into the zone; "" if one body is in it.

    Args:
        row: (1,) a body row with the joints of a Kinect v2.
    """
    tracked = row["tracked"][0] == 1
    inside = int(_bodies_in_zone(row).sum())
    if inside == 1:
        return ""
    if inside > 1:
        return "one person only"
    places = _places(row)[0][tracked]
    places = places[np.isfinite(places).all(axis=1)]
    if not len(places):
        return "step into view"
    x, _, z = min(places.tolist(), key=lambda place: abs(place[2] - sum(ZONE_M) / 2))
    if z < ZONE_M[0]:
        return "step back"
    if z > ZONE_M[1]:
        return "come closer"
    # +x is at the sensor's left: at the right hand of a person who looks at it
    return "move to your left" if x > 0 else "move to your right"


def _places(rows: Rows) -> npt.NDArray[np.float64]:
    """Return (N, bodies, 3) the lowest joint of each spine, metres."""
    return np.asarray(rows["joint_xyz_m"][:, :, JOINT["SpineBase"]], np.float64)


def _bodies_in_zone(rows: Rows) -> Flags:
    """Return (N, bodies) True for tracked bodies in the zone."""
    x, z = _places(rows)[..., 0], _places(rows)[..., 2]
    near, far = ZONE_M
    inside = (z >= near) & (z <= far) & (np.abs(x) <= ZONE_ASIDE * z)
    return np.asarray(inside & (rows["tracked"] == 1))


@dataclass(frozen=True)
class Trigger:
    """A condition that has to hold for a time.

    Attributes:
        name: As the flag has it.
        text: What happened, for the person.
        condition: (N,) bool of (N,) body rows.
        hold_s: For how long it has to hold, seconds.
        lapse_s: It may fail for as long as this: the sensor's states of hands flicker.
        after: What has to be seen once before; None: nothing.
    """

    name: str
    text: str
    condition: Callable[[Rows], Flags]
    hold_s: float
    lapse_s: float = 0.2
    after: Callable[[Rows], Flags] | None = None


START_WHEN: Final = {
    "body": Trigger("body", "a person was in the zone for 2 s", in_zone, 2.0),
}
"""Values of ``--start-when``."""

STOP_WHEN: Final = {
    "lost": Trigger(
        "lost",
        "no one was seen for 3 s",
        no_one,
        3.0,
        lapse_s=0.0,
        after=lambda rows: ~no_one(rows),
    ),
    "raised-hands": Trigger(
        "raised-hands", "both hands were raised and closed for 1 s", hands_raised, 1.0
    ),
}
"""Values of ``--stop-when``."""


@dataclass(frozen=True)
class Hold:
    """The progress of a trigger.

    Attributes:
        is_armed: What has to be seen before was seen.
        since: Device time at which the condition began to hold, 100 ns; None: it does not hold.
        held: Device time of the last row in which it held.
        last: Device time of the last row.
    """

    is_armed: bool = False
    since: int | None = None
    held: int = 0
    last: int | None = None

    @property
    def seconds(self) -> float:
        """For how long the condition has held."""
        return 0.0 if self.since is None else (self.held - self.since) / SECOND_100NS


def advance(trigger: Trigger, hold: Hold, rows: Rows) -> Hold:
    """Return how far a trigger is after some more body rows.

    Args:
        trigger: The trigger.
        hold: How far it was before them.
        rows: (N,) body rows with the joints of a Kinect v2, in order of arrival.
    """
    armed = np.ones(len(rows), bool) if trigger.after is None else trigger.after(rows)
    for time, is_true, arms in zip(
        rows["time_device"].tolist(), trigger.condition(rows).tolist(), armed.tolist(), strict=True
    ):
        hold = _after_row(trigger, hold, time, is_true, arms)
        if has_fired(trigger, hold):
            break
    return hold


def has_fired(trigger: Trigger, hold: Hold) -> bool:
    """Return True if the condition has held for long enough."""
    return hold.seconds >= trigger.hold_s


def _after_row(trigger: Trigger, hold: Hold, time: int, is_true: bool, arms: bool) -> Hold:
    """Return how far a trigger is after one more row."""
    is_armed = hold.is_armed or arms
    in_order = hold.last is not None and 0 <= time - hold.last <= _BREAK_100NS
    since = hold.since if in_order else None
    if is_true and is_armed:
        return Hold(is_armed, time if since is None else since, time, time)
    if since is not None and time - hold.held > trigger.lapse_s * SECOND_100NS:
        since = None
    return Hold(is_armed, since, hold.held, time)


def check_trigger(flag: str, name: str, known: dict[str, Trigger]) -> None:
    """Refuse a trigger that does not exist.

    Raises:
        KincapError: Names the flag and the triggers (exit 2).
    """
    if name and name not in known:
        raise KincapError(f"{flag} {name}: unknown trigger; expected {' or '.join(known)}")
