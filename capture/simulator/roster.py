"""Whom the body tracker has in which slot, under which id, at which moment of the take."""

from dataclasses import replace
from typing import Final

from .faults.schedule import FaultPlan
from .performer.acts import Spans
from .scene import Actor

_IDS_APART: Final = 64
"""A body that is found again gets an id so much larger; no two people share one."""
_SLOTS: Final = 6


class Roster:
    """Assign slots and tracking ids to people.

    Args:
        plan: The faults: lost bodies, swapped slots, a lost sensor.
        away: When the main person is out of view, seconds of the take.
    """

    def __init__(self, plan: FaultPlan, away: Spans = ()) -> None:
        self._plan, self._away = plan, away

    def tracked(self, actors: tuple[Actor, ...], moment_s: float) -> list[Actor | None]:
        """Return each actor with the slot and id they have at a moment; None: not tracked.

        Args:
            actors: The people, the main one first.
            moment_s: Seconds of the take.
        """
        found = self._plan.over(moment_s, "unplug")
        again = self._plan.over(moment_s, "body_lost")
        swapped = bool(self._plan.lasting(moment_s, "slot_swap"))
        slots = [actor.slot for actor in actors]
        if again % 2 and len(actors) < _SLOTS:
            slots[0] = min(set(range(_SLOTS)) - set(slots))
        if swapped:
            slots[:2] = slots[1], slots[0]
        tracked: list[Actor | None] = []
        for number, (actor, slot) in enumerate(zip(actors, slots, strict=True)):
            anew = found
            if number == 0:
                # the id changes while no one sees it
                anew += again + sum((start + end) / 2 <= moment_s for start, end in self._away)
            if actor.guest:
                anew += self._plan.begun(moment_s, "second_person")
            lost = number == 0 and bool(self._plan.lasting(moment_s, "body_lost"))
            ident = actor.tracking_id + _IDS_APART * anew
            tracked.append(None if lost else replace(actor, slot=slot, tracking_id=ident))
        return tracked
