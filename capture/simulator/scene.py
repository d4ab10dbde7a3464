"""The script of a simulated take: people, their places and outfits, and the room, by frame."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np

from .faults.schedule import FaultPlan
from .options import SimulatorOptions
from .performer.acts import parse_acts
from .performer.directions import NOTHING, Directions
from .performer.motion import Motion, Style, wild_style
from .performer.subject import Bones, Subject

_FIRST_TRACKING_ID: Final = 72_057_594_037_927_936
_WILD_NUMBERS: Final = (1_000, 900_000)
"""Outfits, rooms and subjects of wild scenes: never those that are asked for by a small number."""

_BESIDE: Final = ((0.0, 0.0), (-0.85, 0.55), (0.9, 0.7), (-1.5, 0.95), (1.55, 0.9), (0.35, 1.35))
"""Where further people stand, relative to the first one: x and z, metres."""

_WALKING_STEP_S: Final = 0.8
_GUEST_BESIDE_ONE: Final = (0.95, 2.75)
_GUEST_BEFORE_MANY: Final = (1.0, 2.1)
"""Place of the second person of the fault: x and z, metres."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One person of a scene.

    Attributes:
        subject: Who.
        outfit: Number of what they wear.
        motion: How they move.
        slot: The body slot they are tracked in, 0 to 5.
        tracking_id: The SDK's id.
        seed: What folds and weave come from.
        guest: Walks in and out again.
    """

    subject: Subject
    outfit: int
    motion: Motion
    slot: int
    tracking_id: int
    seed: tuple[int, ...]
    guest: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """A stretch of frames with the same people and room.

    Attributes:
        first: Index of its first colour frame.
        room: Number of the room.
        gain: Factors on the room's blue, green and red, for light and white balance.
        actors: The people, the main one first.
    """

    first: int
    room: int
    gain: tuple[float, float, float]
    actors: tuple[Actor, ...]


class Script:
    """The scenes of a take.

    Args:
        options: What was asked for.
        plan: The faults; some are played by the people.
    """

    def __init__(self, options: SimulatorOptions, plan: FaultPlan | None = None) -> None:
        self._options = options
        self._plan = plan or FaultPlan()
        make = self._wild if options.scene == "wild" else self._plain
        self._scene = lru_cache(maxsize=3)(make)

    def scene(self, index: int) -> Scene:
        """Return the scene of a frame; the same object as long as it lasts."""
        if self._options.scene == "wild":
            return self._scene(index // self._options.hold)
        return self._scene(0)

    def _plain(self, number: int) -> Scene:
        """Make the one scene of a recording session."""
        options = self._options
        slots = np.random.default_rng([options.seed, 201]).permutation(6)
        actors = []
        for person in range(options.persons):
            aside, behind = _BESIDE[person]
            style = Style()
            if person:
                style = replace(style, roam=(0.08, 0.08))
            elif options.persons > 1:
                style = replace(style, roam=(0.15, 0.12))
            x, z = style.center
            style = replace(style, center=(x + aside, z + behind))
            who = options.subject if person == 0 else options.subject + 17 * person
            wears = options.outfit if person == 0 else options.outfit + 1 + person
            directions = NOTHING
            acts = parse_acts(options.acts)
            if person == 1 and acts["pass"]:
                directions = Directions(passes=acts["pass"])
                style = replace(style, step_s=_WALKING_STEP_S)
            if person == 0:
                directions = Directions.of(self._plan, acts, guest=False)
                if acts["away"]:
                    style = replace(style, step_s=_WALKING_STEP_S)
            seed = (options.seed, person)
            actors.append(
                self._actor(who, wears, style, seed, int(slots[person]), person, directions)
            )
        if self._plan.named("second_person"):
            actors.append(self._guest(int(slots[options.persons])))
        return Scene(0, options.room, (1.0, 1.0, 1.0), tuple(actors))

    def _guest(self, slot: int) -> Actor:
        """Make the person who walks in and out."""
        options, number = self._options, self._options.persons
        center = _GUEST_BESIDE_ONE if number == 1 else _GUEST_BEFORE_MANY
        style = Style(center=center, roam=(0.05, 0.05), yaw=0.25, step_s=_WALKING_STEP_S)
        directions = Directions.of(self._plan, parse_acts(""), guest=True)
        who, wears = options.subject + 17 * number, options.outfit + 1 + number
        actor = self._actor(who, wears, style, (options.seed, number), slot, number, directions)
        return replace(actor, guest=True)

    def _wild(self, number: int) -> Scene:
        """Make one scene of a wild take."""
        options = self._options
        rng = np.random.default_rng([options.seed, 202, number])
        # A room is dear to draw: three scenes share one, in other light.
        room = np.random.default_rng([options.seed, 203, number // 3]).integers(*_WILD_NUMBERS)
        slots = rng.permutation(6)
        actors = []
        for person in range(options.persons):
            who, wears = (int(v) for v in rng.integers(*_WILD_NUMBERS, 2))
            style = wild_style(rng)
            aside, behind = _BESIDE[person]
            x, z = style.center
            style = replace(style, center=(x + aside, z + behind))
            seed = (options.seed, person, number)
            ident = number * 6 + person
            actors.append(self._actor(who, wears, style, seed, int(slots[person]), ident))
        gain = rng.uniform(0.75, 1.12) * rng.normal(1.0, 0.035, 3)
        return Scene(
            number * options.hold,
            int(room),
            (float(gain[0]), float(gain[1]), float(gain[2])),
            tuple(actors),
        )

    def _actor(
        self,
        who: int,
        wears: int,
        style: Style,
        seed: tuple[int, ...],
        slot: int,
        ident: int,
        directions: Directions = NOTHING,
    ) -> Actor:
        """Make one person."""
        subject = Subject.numbered(who)
        motion = Motion(seed, Bones.of(subject), style, directions)
        first = _FIRST_TRACKING_ID + self._options.seed % 10_000
        return Actor(subject, wears, motion, slot, first + ident, (who, wears))
