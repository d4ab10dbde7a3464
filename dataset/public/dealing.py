"""Deal the people of public sets to training, validation and test.

Validation people are labelled completely and are chosen before any crop exists, so that no second
box, mirrored copy, near-copy or neighbour in a clip of theirs is in training.
"""

import fnmatch
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from .settings import MOST_VAL, SEED, PublicSettings

GUARD: Final = "guard"
"""Shares a picture, a near-copy or a clip with people of another split."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidate:
    """The N people that may come into a split, in the order of sets and pictures.

    Attributes:
        complete: (N,) bool, all 13 keypoints are labelled.
        group: (N,) group of the person's picture.
        names: (N,) text: the set, ``lspet``.
        parts: (N,) text: the set and its part, ``lsp/test``.
    """

    complete: Bools
    group: NDArray[np.int64]
    names: NDArray[np.str_]
    parts: NDArray[np.str_]


def deal_people(people: Candidate, settings: PublicSettings) -> NDArray[np.str_]:
    """Return where each person goes: ``train``, ``val``, ``test`` or ``guard``.

    Raises:
        DatasetError: A flag that no set matches, or a split that would be empty.
    """
    test = np.zeros(len(people.group), np.bool_)
    if settings.test is not None:
        test = _matching("--test", settings.test, people)
    share = _share(settings.val)
    if share is None:
        val = _matching("--val", settings.val, people) & ~test
    else:
        free = ~np.isin(people.group, people.group[test])
        val = _sample(people.complete & free, people.group, share)
    side = np.full(len(people.group), "train", "<U5")
    side[np.isin(people.group, people.group[val])] = GUARD
    side[val] = "val"
    side[np.isin(people.group, people.group[test]) & ~test] = GUARD
    side[test] = "test"
    _refuse_empty(side, people, settings)
    return side


def _share(val: str) -> float | None:
    """Return ``--val`` as a share, None where it is a glob.

    Raises:
        DatasetError: A number that is not a share.
    """
    try:
        share = float(val)
    except ValueError:
        return None
    if not 0 < share < 1:
        raise DatasetError(f"--val {val}: expected a share between 0 and 1, or sets by glob")
    return share


def _matching(flag: str, pattern: str, people: Candidate) -> Bools:
    """Return the people of the sets, or of the parts of sets, that a glob names."""
    parts = np.unique(np.concatenate([people.names, people.parts]))
    chosen = [name for name in parts.tolist() if fnmatch.fnmatchcase(name, pattern)]
    if not chosen:
        raise DatasetError(f"{flag} {pattern}: matches none of {', '.join(parts.tolist())}")
    return np.asarray(np.isin(people.names, chosen) | np.isin(people.parts, chosen))


def _sample(pool: Bools, group: NDArray[np.int64], share: float) -> Bools:
    """Choose whole groups at random until they hold the wanted number of people of the pool."""
    wanted = min(MOST_VAL, round(share * int(pool.sum())))
    groups, sizes = np.unique(group[pool], return_counts=True)
    chosen, got = [], 0
    for index in np.random.default_rng(SEED).permutation(len(groups)).tolist():
        if got + sizes[index] <= wanted:
            chosen.append(groups[index])
            got += int(sizes[index])
    return np.asarray(pool & np.isin(group, chosen))


def _refuse_empty(side: NDArray[np.str_], people: Candidate, settings: PublicSettings) -> None:
    """Refuse a build that would leave a split empty."""
    for name in ("train", "val", *(["test"] if settings.test is not None else [])):
        if (side == name).any():
            continue
        flag = f"--test {settings.test}" if name == "test" else f"--val {settings.val}"
        raise DatasetError(
            f"{flag}: nothing is left for {name} of {len(side)} people, "
            f"{int(people.complete.sum())} of them with all 13 keypoints; "
            "add a set, or choose other sets with --val and --test"
        )
