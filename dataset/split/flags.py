"""The flags that say which rows train: ``--val``, ``--test`` and ``--guard``.

A side is a share of the time, or whole sessions: by a glob of their names, ``subject:GLOB`` or
``outfit:GLOB``; several, separated by commas.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...core.errors import DatasetError

DEFAULT_VAL: Final = "0.2"
GUARD_S: Final = 2.0
"""No training frame is nearer in time to a validation frame, seconds."""
LONGEST_GUARD_S: Final = 3600.0
KINDS: Final = ("session", "subject", "outfit")
"""Kinds of names that a side can have."""


@dataclass(frozen=True)
class SplitSession:
    """A session as the flags name it.

    Attributes:
        name: Of the session.
        subject: The person; empty where session.json does not say.
        outfit: What the person wears; the session's name where session.json does not say.
    """

    name: str
    subject: str = ""
    outfit: str = ""

    def value(self, kind: str) -> str:
        """Return its session, subject or outfit name."""
        return {"session": self.name, "subject": self.subject, "outfit": self.outfit}[kind]


@dataclass(frozen=True)
class SplitSettings:
    """The split that was asked for.

    Attributes:
        fraction: Share of the time that is validation; None where whole sessions are.
        val: Sessions that are validation, where ``fraction`` is None.
        test: Sessions that are the test set, where ``test_fraction`` is None.
        guard_s: Seconds around validation and test frames that are left out of training.
        test_fraction: Share of the time that is the test set; None where whole sessions are, or
            there is no test set.
    """

    fraction: float | None
    val: frozenset[str]
    test: frozenset[str]
    guard_s: float = GUARD_S
    test_fraction: float | None = None

    @property
    def shares(self) -> dict[str, float]:
        """Shares of the time by side; sides that are whole sessions have none."""
        shares = {"val": self.fraction, "test": self.test_fraction}
        return {side: share for side, share in shares.items() if share is not None}

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The splits that must not be empty."""
        has_test = self.test or self.test_fraction is not None
        return ("train", "val", "test") if has_test else ("train", "val")


def parse_split(
    val: str, test: str | None, sessions: Sequence[SplitSession], guard_s: float = GUARD_S
) -> SplitSettings:
    """Read the flags ``--val``, ``--test`` and ``--guard``.

    Args:
        val: A share between 0 and 1, or whole sessions.
        test: The same, or None.
        sessions: The sessions of the build.
        guard_s: Seconds between training and validation.

    Raises:
        DatasetError: A name that no session has, a share out of range, a session in both, or
            nothing left to train on.
    """
    if not 0 <= guard_s <= LONGEST_GUARD_S:
        raise DatasetError(f"--guard {guard_s:g}: expected 0 to {LONGEST_GUARD_S:g} seconds")
    test_fraction, tested = (None, frozenset[str]())
    if test is not None:
        test_fraction, tested = _side("--test", test, sessions)
    fraction, chosen = _side("--val", val, sessions)
    flags = f"--val {val}" + ("" if test is None else f" --test {test}")
    if chosen & tested:
        both = ", ".join(sorted(chosen & tested))
        raise DatasetError(f"{flags}: both take {both}; a session is in one")
    if (fraction or 0) + (test_fraction or 0) >= 1:
        raise DatasetError(f"{flags}: nothing is left for train; take smaller shares")
    if len(chosen | tested) == len(sessions):
        raise DatasetError(
            f"{flags}: nothing is left for train, every session is taken; record more, or take "
            "other sessions"
        )
    return SplitSettings(fraction, chosen, tested, guard_s, test_fraction)


def _side(
    flag: str, text: str, sessions: Sequence[SplitSession]
) -> tuple[float | None, frozenset[str]]:
    """Return a side as a share of the time or as sessions."""
    fraction = _fraction(text)
    if fraction is not None and 0 < fraction < 1:
        return fraction, frozenset()
    if fraction is None or text in {one.name for one in sessions}:
        parts = [part.strip() for part in text.split(",")]
        return None, frozenset[str]().union(*(_matching(flag, part, sessions) for part in parts))
    raise DatasetError(f"{flag} {text}: expected a share between 0 and 1, or sessions by glob")


def _fraction(text: str) -> float | None:
    """Return a text as a number; None if it is another text."""
    try:
        return float(text)
    except ValueError:
        return None


def _matching(flag: str, part: str, sessions: Sequence[SplitSession]) -> frozenset[str]:
    """Return the sessions that one part of a flag names."""
    kind, colon, pattern = part.partition(":")
    if not colon:
        kind, pattern = "session", part
    if kind not in KINDS:
        expected = ", ".join(f"{known}:NAME" for known in KINDS)
        raise DatasetError(f"{flag} {part}: expected a share, a glob of sessions, or {expected}")
    values = {one.name: one.value(kind) for one in sessions}
    chosen = frozenset(
        name for name, value in values.items() if value and fnmatch.fnmatchcase(value, pattern)
    )
    if not chosen:
        there = sorted({value for value in values.values() if value})
        if not there:
            raise DatasetError(f"{flag} {part}: no session.json names a {kind}")
        raise DatasetError(f"{flag} {part}: matches none of the {kind}s {_some(there)}")
    return chosen


def _some(names: Sequence[str]) -> str:
    """Return the first few of many names."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
