"""The samples of a run: read from its data sets, mixed for training, pooled for validation."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ...core.errors import DatasetError, KincapError
from ...core.skeleton import Skeleton
from ...dataset.kinect13.format import FULL, LAYOUTS
from ...dataset.kinect13.reader import Kinect13, open_kinect13
from ...engines.teacher_process import MaskProcess
from ..batch_source import BatchSource, SplitBatches
from ..data import Indices, Samples, load_samples, no_labels, no_masks
from ..mirror import Images
from ..nets.registry import load_net
from ..outfits import sessions_left_out
from ..people.batches import PeopleBatches
from ..people.frames import load_people
from ..settings import TrainSettings
from .choice import DataChoice, check_choices
from .mixture import MixedBatches, MixedSet, warps

CHANGES_OF_CROPS: Final = ("half_body", "clothing", "background", "patches", "forearm")
"""Fields of ``AugmentSettings`` that ``PeopleBatches`` does not know."""

MOST_FRAMES: Final = 64
"""Whole frames that a net of several people is validated on while it learns."""


class OpenSet(NamedTuple):
    """A data set of a run, open.

    Attributes:
        choice: Its path, weight and share.
        dataset: The data set.
        away: Names of its sessions that are left out.
    """

    choice: DataChoice
    dataset: Kinect13
    away: tuple[str, ...]


class Splits(NamedTuple):
    """The samples of a run.

    Attributes:
        source: The training batches.
        train: The training samples, their labels as they are, without those that are rehearsed.
        val: The validation samples of all sets but those that are rehearsed.
        shares: How many training and validation samples each set has, by its file.
        without_masks: Files whose crops are left as they are by changes that need masks.
    """

    source: BatchSource
    train: Samples
    val: Samples
    shares: dict[Path, tuple[int, int]]
    without_masks: tuple[Path, ...] = ()


@contextmanager
def open_sets(
    choices: Sequence[DataChoice],
    skeleton: Skeleton,
    leave_out: Sequence[str] = (),
    outfit: str | None = None,
) -> Iterator[list[OpenSet]]:
    """Open the data sets of a run.

    Args:
        choices: Which.
        skeleton: Their keypoints.
        leave_out: Sessions that are left out of each.
        outfit: See ``outfits.sessions_left_out``; not asked of sets that are rehearsed.

    Raises:
        DatasetError: One is not a data set, or has no such outfit.
        KincapError: They can't be mixed.
    """
    check_choices(choices)
    with ExitStack() as stack:
        found = []
        for one in choices:
            dataset = stack.enter_context(open_kinect13(one.path, skeleton, LAYOUTS))
            glob = outfit if one.share is None else None
            found.append(OpenSet(one, dataset, sessions_left_out(dataset, leave_out, glob)))
        yield found


def load_splits(sets: Sequence[OpenSet], settings: TrainSettings, homogeneous: bool) -> Splits:
    """Read the samples of a run.

    Args:
        sets: Its data sets.
        settings: Its settings.
        homogeneous: Learn only from samples with all keypoints.

    Raises:
        DatasetError: A set has nothing to learn from or not the images that the net takes, or no
            set has a validation split.
        KincapError: See ``MixedBatches``.
    """
    if load_net(settings.model).finds_people:
        return _load_people(sets, settings, homogeneous)
    choices = [one.choice for one in sets]
    for one in sets:
        if one.dataset.layout == FULL:
            raise DatasetError(
                f"{one.choice.path}: holds whole frames (layout full), {settings.model} learns "
                "from crops; build it without --layout full, or use --model transfer"
            )
    wide = warps(settings.recipe.augment, choices)
    needs_masks = settings.recipe.augment.needs_masks
    has_masks = _with_masks(sets) if needs_masks and settings.recipe.masks == "file" else set()
    mixed, val, shares = [], [], {}
    for choice, dataset, away in sets:
        train: Samples | None = load_samples(
            dataset, "train", settings.size, away, with_margin=wide,
            with_mask=choice.path in has_masks,
            with_previous=load_net(settings.model).takes_pose,
        )  # fmt: skip
        if needs_masks and settings.recipe.masks == "selfie" and train is not None:
            with MaskProcess() as net:
                train = train.with_masks(net.mask)
            has_masks.add(choice.path)
        if homogeneous and train is not None:
            train = train.with_all_keypoints()
        if train is not None:
            _check_labels(choice.path, train)
            mixed.append(MixedSet(choice, train))
        learnt = 0 if train is None else len(train)
        shares[choice.path] = (learnt, 0)
        if choice.share is None and ("val" in dataset.splits or len(sets) == 1):
            val.append(load_samples(dataset, "val", settings.size, away))
            shares[choice.path] = (learnt, len(val[-1]))
    if all(one.choice.share is not None for one in mixed):
        raise DatasetError(
            "--homogeneous: no training row of --data has all keypoints; leave --homogeneous out"
        )
    if not val:
        names = ", ".join(str(one.path) for one in choices if one.share is None)
        raise DatasetError(f"no val split in {names}; build one of them again with --val")
    if not any(one.weight.any() for one in val):
        raise no_labels(choices[0].path, "val", "validate on")
    labelled = mixed
    if settings.shuffle_labels:
        labelled = [replace(one, samples=one.samples.shuffled(settings.seed)) for one in mixed]
    recipe, seed = settings.recipe, settings.seed
    source: BatchSource
    if len(sets) == 1 and choices[0].rotation_deg is None:
        source = SplitBatches(labelled[0].samples, recipe.batch, seed)
    else:
        source = MixedBatches(labelled, recipe.batch, seed, settings.size, recipe.augment)
    fresh = [one.samples for one in mixed if one.choice.share is None]
    lacking = [one.path for one in choices if needs_masks and one.path not in has_masks]
    return Splits(source, pooled(fresh), pooled(val), shares, tuple(lacking))


def _check_labels(path: Path, train: Samples) -> None:
    """Refuse training samples of which no keypoint has weight.

    Raises:
        DatasetError: There are only such.
    """
    if not train.weight.any():
        raise no_labels(path, "train", "learn from")


def _with_masks(sets: Sequence[OpenSet]) -> set[Path]:
    """Return the files whose training crops have masks.

    Raises:
        DatasetError: None has.
    """
    found = {
        one.choice.path for one in sets
        if "train" in one.dataset.splits and one.dataset.split("train").has_masks
    }  # fmt: skip
    if not found:
        raise no_masks(one.choice.path for one in sets)
    return found


def _load_people(sets: Sequence[OpenSet], settings: TrainSettings, homogeneous: bool) -> Splits:
    """Read the samples of a run of a net of several people.

    Raises:
        KincapError: There is more than one set, or a change that only crops can have.
    """
    if homogeneous:
        raise KincapError(
            f"--homogeneous: {settings.model} learns from everyone in a frame; leave it out"
        )
    for name in CHANGES_OF_CROPS:
        if getattr(settings.recipe.augment, name):
            raise KincapError(
                f"--set augment.{name}: only crops are changed so, {settings.model} learns from "
                "whole frames; leave it out"
            )
    if settings.recipe.beyond is not None:
        raise KincapError(
            f"--set beyond: only crops have an outside, {settings.model} learns from whole frames; "
            "leave it out"
        )
    (choice, dataset, away), *more = sets
    if more or choice.rotation_deg is not None:
        raise KincapError(
            f"--data: {settings.model} learns from one file of whole frames, as it is; give --data "
            "once, without a rotation, and no --replay"
        )
    recipe, size = settings.recipe, settings.size
    train = load_people(dataset, "train", size, away)
    val = load_people(dataset, "val", size, away, most=MOST_FRAMES)
    labelled = train.shuffled(settings.seed) if settings.shuffle_labels else train
    source = PeopleBatches(labelled, size, recipe.batch, recipe.augment, settings.seed)
    return Splits(source, train, val, {})


def mixture_lines(choices: Sequence[DataChoice], splits: Splits) -> list[str]:
    """Return the plan of a mixture as lines for a person; none for a single set.

    Args:
        choices: The data sets.
        splits: Their samples.
    """
    if len(choices) == 1:
        return []
    source, lines = splits.source, []
    drawn = source.set_shares if isinstance(source, MixedBatches) else {}
    for one in choices:
        train, val = splits.shares[one.path]
        share = drawn.get(one.path, 0.0)
        rest = "rehearsed" if one.share is not None else _percent(val, len(splits.val))
        lines.append(f"{one.path}: {train} crops, {100 * share:.1f} % of those drawn; {rest}")
    for path in splits.without_masks:
        lines.append(
            f"{path}: no masks, so augment.background and augment.forearm leave its crops as they "
            "are"
        )
    return lines


def _percent(val: int, of: int) -> str:
    return f"{val} of the {of} crops of the validation pool ({100 * val / of:.1f} %)"


def pooled(parts: Sequence[Samples]) -> Samples:
    """Return the samples of several splits as one; images must have one size to be asked for."""
    if len(parts) == 1:
        return parts[0]
    ends = np.cumsum([len(one) for one in parts])

    def images(chosen: Indices) -> Images:
        which = np.searchsorted(ends, chosen, side="right")
        found: list[Images] = []
        where = []
        for k in np.unique(which):
            here = np.flatnonzero(which == k)
            where.append(here)
            found.append(parts[k].images(chosen[here] - (ends[k] - len(parts[k]))))
        together = np.concatenate(found)
        made = np.empty_like(together)
        made[np.concatenate(where)] = together
        return made

    return Samples(
        split=parts[0].split,
        images=images,
        targets=np.concatenate([one.targets for one in parts]),
        weight=np.concatenate([one.weight for one in parts]),
        visibility=np.concatenate([one.visibility for one in parts]),
        bbox_xyxy_px=np.concatenate([one.bbox_xyxy_px for one in parts]),
        skeleton=parts[0].skeleton,
    )
