"""The flags that say which rows train: ``--val``, ``--test`` and ``--guard``."""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...core.errors import DatasetError

DEFAULT_VAL: Final = "0.2"
GUARD_S: Final = 2.0
"""No training frame is nearer in time to a validation frame, seconds."""
LONGEST_GUARD_S: Final = 3600.0


@dataclass(frozen=True)
class SplitSettings:
    """The split that was asked for.

    Attributes:
        fraction: Share of the time that is validation; None where whole sessions are.
        val: Sessions that are validation, where ``fraction`` is None.
        test: Sessions that are the test set.
        guard_s: Seconds around validation and test frames that are left out of training.
    """

    fraction: float | None
    val: frozenset[str]
    test: frozenset[str]
    guard_s: float = GUARD_S

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The splits that must not be empty."""
        return ("train", "val", "test") if self.test else ("train", "val")


def parse_split(
    val: str, test: str | None, sessions: Sequence[str], guard_s: float = GUARD_S
) -> SplitSettings:
    """Read the flags ``--val``, ``--test`` and ``--guard``.

    Args:
        val: A share between 0 and 1, or a glob of sessions.
        test: A glob of sessions, or None.
        sessions: Names of the sessions of the build.
        guard_s: Seconds between training and validation.

    Raises:
        DatasetError: A glob that no session matches, a share out of range, a session in both.
    """
    if not 0 <= guard_s <= LONGEST_GUARD_S:
        raise DatasetError(f"--guard {guard_s:g}: expected 0 to {LONGEST_GUARD_S:g} seconds")
    tested = _matching("--test", test, sessions) if test is not None else frozenset()
    fraction = _fraction(val)
    if fraction is not None and not (0 < fraction < 1) and val not in sessions:
        raise DatasetError(f"--val {val}: expected a share between 0 and 1, or sessions by glob")
    if fraction is not None and 0 < fraction < 1:
        return SplitSettings(fraction, frozenset(), tested, guard_s)
    chosen = _matching("--val", val, sessions)
    if chosen & tested:
        both = ", ".join(sorted(chosen & tested))
        raise DatasetError(f"--val {val} and --test {test}: both take {both}; a session is in one")
    return SplitSettings(None, chosen, tested, guard_s)


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
