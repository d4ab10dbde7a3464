"""Read the public sets of a build: their people, the check of sides, usable pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import DatasetError
from ...core.geometry import has_place_px
from ...core.progress import OnProgress
from ...core.skeleton import KEYPOINT
from ..formats.options import BACKS_DROP, LoadOptions
from ..formats.people import FEW_KEYPOINTS, NO_KEYPOINTS, People, make_points
from .picture_facts import PictureFacts
from .settings import AddedSet, PublicSettings
from .sides import SideCheck, check_sides

DAMAGED: Final = "damaged"
"""Reason to leave out people whose picture is missing or can't be decoded."""


@dataclass(frozen=True)
class ReadSet:
    """One ``--add``, read.

    Attributes:
        added: What was asked for.
        people: Its people.
        first: Number of its first picture among those of all sets.
        sides: The check of left and right.
    """

    added: AddedSet
    people: People
    first: int
    sides: SideCheck

    @property
    def name(self) -> str:
        """Name of the set."""
        return self.added.name

    @property
    def paths(self) -> list[Path]:
        """Paths of its pictures."""
        return [self.people.root / name for name in self.people.pictures]


def read_sets(settings: PublicSettings, on_progress: OnProgress) -> list[ReadSet]:
    """Read the files of labels and check the sides."""
    sets: list[ReadSet] = []
    seen: dict[Path, str] = {}
    first = 0
    for done, added in enumerate(settings.add):
        on_progress(done, len(settings.add), f"reading {added.name}")
        people = _with_options(added.format.load(added.path, added.options), added.options)
        for file in people.files:
            if file.resolve() in seen:
                raise DatasetError(
                    f"--add {added.name}:{added.path}: {file} was added before; add it once"
                )
            seen[file.resolve()] = added.name
        backs = added.format.backs and added.options.backs != BACKS_DROP
        sides = check_sides(people, backs)
        if sides.problem and added.options.sides == "checked":
            raise DatasetError(
                f"--add {added.name}:{added.path}: {sides.problem}; correct the labels, or take "
                f"them all the same with --add {added.name},sides=unchecked:{added.path}"
            )
        sets.append(ReadSet(added, people, first, sides))
        first += len(people.pictures)
    return sets


def _with_options(people: People, options: LoadOptions) -> People:
    """Apply the options that every set has: the fewest keypoints, and where the head is."""
    xy, labelled = people.labels.xy.copy(), people.labels.labelled
    ends = [
        xy[:, [KEYPOINT[f"r_{name}"], KEYPOINT[f"l_{name}"]]].mean(axis=1)
        for name in ("shoulder", "hip")
    ]
    if options.head_up:
        moved = xy[:, KEYPOINT["head"]] + options.head_up * (ends[0] - ends[1])
        known = np.isfinite(moved).all(axis=-1)
        xy[known, KEYPOINT["head"]] = moved[known]
    count = labelled.sum(axis=1)
    few = people.usable & (count > 0) & (count < options.least)
    return replace(
        people,
        labels=replace(people.labels, xy=xy),
        problem=np.where(few, FEW_KEYPOINTS, people.problem),
    )


def refuse_missing(sets: Sequence[ReadSet], facts: PictureFacts) -> None:
    """Refuse sets whose usable people are on pictures that can't be used."""
    for one in sets:
        wanted = np.unique(one.people.picture[one.people.usable])
        bad = [index for index in wanted.tolist() if one.first + index in facts.problems]
        if bad:
            path = one.people.root / one.people.pictures[bad[0]]
            raise DatasetError(
                f"{path}: {facts.problems[one.first + bad[0]]} ({len(bad)} of {len(wanted)} "
                f"pictures of {one.name}); complete the set, or pass --skip-damaged"
            )


def keep_possible(one: ReadSet, facts: PictureFacts) -> ReadSet:
    """Leave out positions that are none, and people without a picture or a label."""
    people, labels = one.people, one.people.labels
    size_px = facts.size_px[one.first + people.picture]
    there = np.zeros(labels.labelled.shape, np.bool_)
    # the rule of core.geometry is for pictures of one size
    for size in np.unique(size_px, axis=0).tolist():
        same = (size_px == size).all(axis=1)
        there[same] = has_place_px(labels.xy[same], (size[0], size[1]))
    kept = make_points(labels.xy, labels.labelled & there, labels.visible)
    problem = people.problem.copy()
    problem[people.usable & (size_px[:, 0] == 0)] = DAMAGED
    problem[(problem == "") & ~kept.labelled.any(axis=1)] = NO_KEYPOINTS
    return replace(one, people=replace(people, labels=kept, problem=problem))


def clips_of(one: ReadSet) -> list[str]:
    """Return the clip of each picture of a set."""
    clips = [""] * len(one.people.pictures)
    for picture, clip in zip(one.people.picture.tolist(), one.people.clip.tolist(), strict=True):
        if clip:
            clips[picture] = f"{one.name}/{clip}"
    return clips
