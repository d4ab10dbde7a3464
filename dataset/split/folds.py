"""Folds for cross-validation: outfits that are left out together."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...core.errors import DatasetError

FEWEST = 2


@dataclass(frozen=True)
class Fold:
    """One fold.

    Attributes:
        number: From 1.
        outfits: Those that are validation, sorted.
        sessions: Their sessions.
    """

    number: int
    outfits: tuple[str, ...]
    sessions: frozenset[str]


def deal_folds(
    outfit_of: Mapping[str, str], frames_of: Mapping[str, int], count: int
) -> list[Fold]:
    """Deal the outfits out to folds of about equal length; with a fold for each, one is left out.

    Args:
        outfit_of: Outfit of each session that takes part.
        frames_of: Colour frames of each session.
        count: Number of folds.

    Returns:
        The folds, in order of their first outfit. Each outfit is in exactly one.

    Raises:
        DatasetError: Fewer outfits than folds, or fewer than two folds.
    """
    length = dict.fromkeys(sorted(outfit_of.values()), 0)
    for name, outfit in outfit_of.items():
        length[outfit] += frames_of[name]
    if not FEWEST <= count <= len(length):
        there = ", ".join(list(length)[:8]) + (" ..." if len(length) > 8 else "")
        raise DatasetError(
            f"--folds {count}: expected {FEWEST} to the number of outfits, {len(length)} "
            f"({there}); an outfit is in one fold"
        )
    members: list[list[str]] = [[] for _ in range(count)]
    # the longest first, each to the fold that has least; ties go by name and by order
    for outfit in sorted(length, key=lambda name: (-length[name], name)):
        lightest = min(members, key=lambda fold: sum(length[name] for name in fold))
        # an outfit without frames must not leave a fold empty
        empty = next((fold for fold in members if not fold), lightest)
        empty.append(outfit)
    return [
        Fold(
            number,
            tuple(sorted(fold)),
            frozenset(name for name, outfit in outfit_of.items() if outfit in fold),
        )
        for number, fold in enumerate(sorted(members, key=min), start=1)
    ]
