"""The filters over the stored people of one take: which joints of which body each of them names."""

from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import as_floats
from ..core.skeleton import JOINTS
from ..core.units import SECOND_100NS
from ..sessions.schema import Rows
from .filters.bodies import Bools, Floats
from .filters.bones import odd_lengths, odd_sizes, uneven_sides
from .filters.crowding import overlapped
from .filters.hands import bent_hands
from .filters.poses import stiff_turns
from .filters.registry import CHECK_NAMES, FILTERS, on_joints
from .filters.settings import FilterSettings
from .filters.sides import SIDED, arms_off, limbs_swapped, swapped_state
from .people import follow_people
from .session_people import joints_named, links, named_by

_NOT_SINCE_100NS: Final = SECOND_100NS
"""After this time out of sight, sides are taken to be right again."""
JUDGED: Final = tuple(
    name
    for name in FILTERS
    if name
    in (*CHECK_NAMES, "bone_length", "hand_bend", "body_size", "symmetry", "stiff_turn", "overlap")
)
"""Filters that the people of a take are judged by."""


class TakeFilters:
    """The filters of one take, each worked out when it is asked for.

    Args:
        people: (P,) PERSON, its tracked bodies in any order.
        settings: Thresholds.
    """

    def __init__(self, people: Rows, settings: FilterSettings) -> None:
        self._people, self._settings = people, settings

    @cached_property
    def person(self) -> NDArray[np.int64]:
        """(P,) a number for each person, over losses of tracking."""
        people = self._people
        return follow_people(
            people["take"],
            people["tracking_id"],
            people["time_device"],
            as_floats(people["place_m"]),
            np.where(people["sure"], people["length_m"], np.nan),
        )

    @cached_property
    def linked(self) -> Bools:
        """(P,) whether each closely follows the body before it of the same person."""
        order = np.argsort(self.person, kind="stable")
        linked = np.zeros(len(order), np.bool_)
        linked[order] = links(self._people[order])
        return linked

    @cached_property
    def exchanged(self) -> Bools:
        """(P,) bodies whose sides are exchanged."""
        return exchanged(self._people, self._settings)

    @cached_property
    def swap_repairs(self) -> Bools:
        """(P,) bodies of them that can be put back: the exchange is short, and ends."""
        return short_swaps(self._people, self.exchanged, self._settings)

    def joints(self, name: str) -> Bools:
        """Return (P, 25) which joints of each body a filter names; all where it names bodies."""
        people, settings = self._people, self._settings
        if not settings.uses(name):
            return np.zeros((len(people), JOINTS), np.bool_)
        if name == "side_swap":
            return np.asarray(self.exchanged[:, None] & SIDED)
        if name == "limb_swap":
            off_m = arms_off(as_floats(people["length_m"]), self.person)
            return swapped_limbs(people, off_m, settings)
        if name == "turned_away":
            # with sides exchanged, the line of the shoulders points the wrong way
            return np.asarray(joints_named(people, name) & ~self.exchanged[:, None])
        if name in CHECK_NAMES:
            return joints_named(people, name)
        if name == "overlap":
            boxes = as_floats(people["box_px"])
            named = overlapped(boxes, people["seq"], settings)
            return np.repeat(named[:, None], JOINTS, axis=1)
        length, sure = as_floats(people["length_m"]), people["sure"]
        if name == "body_size":
            named = odd_sizes(length, sure, self.person, settings)
            return np.repeat(named[:, None], JOINTS, axis=1)
        if name == "stiff_turn":
            return np.repeat(self._stiff_turns()[:, None], JOINTS, axis=1)
        if name == "hand_bend":
            bend = as_floats(people["bend"])
            return on_joints(bent_hands(bend, self.linked, self.person, settings))
        if name == "symmetry":
            return on_joints(uneven_sides(length, sure, self.person, settings))
        return on_joints(odd_lengths(length, sure, self.linked, self.person, settings))

    def _stiff_turns(self) -> Bools:
        """Return (P,) which bodies are turned as a stiff whole."""
        order, own = np.argsort(self.person, kind="stable"), np.zeros(len(self._people), np.bool_)
        people = self._people[order]
        time_s = people["time_device"] / SECOND_100NS
        yaw = as_floats(people["yaw"])
        # where sides change place the lines turn by half a circle: that is another filter
        linked = self.linked[order] & ~named_by(people, "side_swap")
        own[order] = stiff_turns(yaw, linked, time_s, self._settings)
        return own


def exchanged(people: Rows, settings: FilterSettings) -> Bools:
    """Return which bodies of a take have left and right exchanged.

    Args:
        people: (P,) tracked bodies, ``side_swap`` judged from each to the next.
        settings: ``swap_most_s``.

    Returns:
        (P,) bool: from a swap until the sides swap back, or the person was out of sight.
    """
    order, new = _runs(people)
    swapped = np.zeros(len(people), np.bool_)
    own = people[order]
    steps = named_by(own, "side_swap")
    time_s = own["time_device"] / SECOND_100NS
    swapped[order] = swapped_state(steps, np.cumsum(new), time_s, settings)
    return swapped


def swapped_limbs(people: Rows, arms_off_m: Floats, settings: FilterSettings) -> Bools:
    """Return (P, 25) which joints of arms and legs are on the wrong side.

    Args:
        people: (P,) tracked bodies, ``limb_swap`` judged from each to the next.
        arms_off_m: (P,) from ``arms_off``.
        settings: ``limb_swap_s`` and ``bone_m``.
    """
    order, new = _runs(people)
    own = people[order]
    named = np.zeros((len(people), JOINTS), np.bool_)
    time_s = own["time_device"] / SECOND_100NS
    steps = joints_named(own, "limb_swap")
    named[order] = limbs_swapped(steps, np.cumsum(new), time_s, settings, arms_off_m[order])
    return named


def short_swaps(people: Rows, swapped: Bools, settings: FilterSettings) -> Bools:
    """Return which exchanged bodies can be put back, because their neighbours contradict them.

    Args:
        people: (P,) tracked bodies.
        swapped: (P,) from ``exchanged``.
        settings: ``swap_repair_s``, the longest exchange.

    Returns:
        (P,) bool: bodies between a step at which sides change place and one at which they change
        back, both of the same person without a pause.
    """
    order, new = _runs(people)
    own = swapped[order]
    time = people["time_device"][order].astype(np.int64)
    begins = own & np.append(True, ~own[:-1] | new[1:])[: len(own)]
    ends = own & np.append(~own[1:] | new[1:], True)[-len(own) :] if len(own) else own
    short = np.zeros(len(own), np.bool_)
    for first, last in zip(np.flatnonzero(begins), np.flatnonzero(ends), strict=True):
        after = last + 1
        if first == 0 or new[first] or after >= len(own) or new[after]:
            continue
        if time[after] - time[first] <= settings.swap_repair_s * SECOND_100NS:
            short[first:after] = True
    found = np.zeros(len(people), np.bool_)
    found[order] = short
    return found


def _runs(people: Rows) -> tuple[NDArray[np.intp], Bools]:
    """Return the order by person and time, and where in it a person comes into sight."""
    order = np.lexsort((people["time_device"], people["tracking_id"]))
    own = people[order]
    new = np.ones(len(own), np.bool_)
    new[1:] = own["tracking_id"][1:] != own["tracking_id"][:-1]
    new[1:] |= np.diff(own["time_device"]) > _NOT_SINCE_100NS
    return order, new
