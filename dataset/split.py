"""Which rows train and which are kept apart: by session or by block of time, never by frame.

Neighbouring frames are near-copies of each other, so a random split would put each validation
picture's twin into the training set.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DatasetError
from ..core.units import SECOND_100NS

DEFAULT_VAL: Final = "0.2"
GUARD_S: Final = 2.0
"""Nothing is taken from this long before a validation block."""
GUARD: Final = "guard"


@dataclass(frozen=True)
class SplitSettings:
    """How rows are dealt out.

    Attributes:
        fraction: Share of each take, its last part, that is validation; None where whole sessions
            are.
        val: Sessions that are validation, where ``fraction`` is None.
        test: Sessions that are the test set.
        guard_s: Seconds before a validation block that are left out.
    """

    fraction: float | None
    val: frozenset[str]
    test: frozenset[str]
    guard_s: float = GUARD_S

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The splits that must not be empty."""
        return ("train", "val", "test") if self.test else ("train", "val")


def parse_split(val: str, test: str | None, sessions: Sequence[str]) -> SplitSettings:
    """Read the flags ``--val`` and ``--test``.

    Args:
        val: A share between 0 and 1, or a glob of sessions.
        test: A glob of sessions, or None.
        sessions: Names of the sessions of the build.

    Raises:
        DatasetError: A glob that no session matches, a share out of range, a session in both.
    """
    tested = _matching("--test", test, sessions) if test is not None else frozenset()
    fraction = _fraction(val)
    if fraction is not None and not (0 < fraction < 1) and val not in sessions:
        raise DatasetError(f"--val {val}: expected a share between 0 and 1, or sessions by glob")
    if fraction is not None and 0 < fraction < 1:
        return SplitSettings(fraction, frozenset(), tested)
    chosen = _matching("--val", val, sessions)
    if chosen & tested:
        both = ", ".join(sorted(chosen & tested))
        raise DatasetError(f"--val {val} and --test {test}: both take {both}; a session is in one")
    return SplitSettings(None, chosen, tested)


def _fraction(val: str) -> float | None:
    """Return a text as a number, None where it is none."""
    try:
        return float(val)
    except ValueError:
        return None


def _matching(flag: str, pattern: str, sessions: Sequence[str]) -> frozenset[str]:
    """Return the sessions that a flag's glob names."""
    chosen = frozenset(name for name in sessions if fnmatch.fnmatchcase(name, pattern))
    if not chosen:
        raise DatasetError(f"{flag} {pattern}: matches none of the sessions {_some(sessions)}")
    return chosen


def _some(names: Sequence[str]) -> str:
    """Return the first few of many names."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def assign_frames(
    session: str,
    take: NDArray[np.integer],
    time: NDArray[np.integer],
    settings: SplitSettings,
) -> NDArray[np.str_]:
    """Return the split of each colour frame of a session.

    The cut lies at a share of the take's time, whatever the filters keep: a frame stays on its
    side when thresholds or edits change, so nets of two builds can be compared.

    Args:
        session: Its name.
        take: (F,) take of each frame; times compare only inside one.
        time: (F,) device time, 100 ns.
        settings: How to deal out.

    Returns:
        (F,) text: ``train``, ``val``, ``test`` or ``guard``.
    """
    splits = np.full(len(time), "train", "<U5")
    if session in settings.test:
        splits[:] = "test"
    elif session in settings.val:
        splits[:] = "val"
    elif settings.fraction is not None:
        for one in np.unique(take):
            frames = np.flatnonzero(take == one)
            splits[frames] = _cut_take(time[frames].astype(np.int64), settings)
    return splits


def _cut_take(time: NDArray[np.int64], settings: SplitSettings) -> NDArray[np.str_]:
    """Return the split of each frame of one take."""
    share = settings.fraction or 0.0
    first, last = int(time.min()), int(time.max())
    is_val = time >= first + (1 - share) * (last - first)
    before = int(time[is_val].min()) - time
    splits = np.where(is_val, "val", "train").astype("<U5")
    splits[~is_val & (before <= settings.guard_s * SECOND_100NS)] = GUARD
    return splits
