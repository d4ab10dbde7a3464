"""The split of every frame: by session or by block of time, never by frame.

Neighbouring frames are near-copies of each other, so a random split would put each validation
picture's twin into the training set. The side of a frame follows from times and content alone,
whatever the filters keep: it stays when thresholds or edits change, so that nets of two builds can
be compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.units import TICK_S
from .copies import linked_takes
from .flags import SplitSettings
from .frame_times import FrameTimes
from .guard import too_near

GUARD: Final = "guard"
SHORT_GUARDS: Final = 10
"""A run shorter than this many guards is not cut: whole, it goes to one side."""

SHARE_TO_NAME: Final = 0.3
"""A take that loses more than this share of its frames to the guard is named."""

Sides = NDArray[np.str_]


@dataclass(frozen=True)
class Dealt:
    """The side of every frame.

    Attributes:
        labels: By session (F,) text: ``train``, ``val``, ``test`` or ``guard``.
        warnings: What the guard took whole, and what to do.
    """

    labels: list[Sides]
    warnings: tuple[str, ...]


@dataclass
class _Run:
    """A run of takes.

    Attributes:
        session: Index of its session.
        rows: Its frames there.
        length_s: How long it lasts, its last frame included.
        takes: Their numbers.
    """

    session: int
    rows: NDArray[np.intp]
    length_s: float
    takes: tuple[int, ...]


@dataclass
class _Group:
    """Runs that show the same scene and stay together; most have one run."""

    runs: list[_Run] = field(default_factory=list)

    @property
    def length_s(self) -> float:
        """Length of all of them, seconds."""
        return sum(run.length_s for run in self.runs)


def deal_frames(sessions: Sequence[FrameTimes], settings: SplitSettings) -> Dealt:
    """Return the side of each colour frame of all sessions.

    Args:
        sessions: Their frames, in order of their names.
        settings: How to deal out.
    """
    labels = [_whole_sessions(one, settings) for one in sessions]
    groups = _groups(sessions)
    if settings.shares:
        free = [group for group in groups if not any(_fixed(labels, run) for run in group.runs)]
        _deal_runs(sessions, free, labels, settings)
    warnings = _keep_apart(sessions, groups, labels)
    dealt = [one.copy() for one in labels]
    _guard(sessions, labels, settings.guard_s)
    runs = [run for group in groups for run in group.runs]
    warnings += _eaten(sessions, runs, dealt, labels, settings)
    warnings += _one_scene(sessions, groups, labels)
    return Dealt(labels, tuple(warnings))


def _whole_sessions(one: FrameTimes, settings: SplitSettings) -> Sides:
    """Return the side that the flags name for a whole session."""
    side = "train"
    if one.name in settings.test:
        side = "test"
    elif one.name in settings.val:
        side = "val"
    return np.full(len(one), side, "<U5")


def _fixed(labels: Sequence[Sides], run: _Run) -> bool:
    """Return True if the flags name a side for a run."""
    return bool(labels[run.session][run.rows[0]] != "train")


def _groups(sessions: Sequence[FrameTimes]) -> list[_Group]:
    """Return the runs of all sessions, those that show the same scene together."""
    runs: list[_Run] = []
    run_of: dict[tuple[int, int], int] = {}
    for index, one in enumerate(sessions):
        for number in np.unique(one.run):
            rows = np.flatnonzero(one.run == number)
            takes = np.unique(one.take[rows]).tolist()
            run_of.update({(index, take): len(runs) for take in takes})
            runs.append(_Run(index, rows, float(np.ptp(one.run_s[rows])) + TICK_S, tuple(takes)))
    leader = list(range(len(runs)))
    for first, second in linked_takes(sessions):
        a, b = (_leader(leader, run_of[take]) for take in (first, second))
        leader[max(a, b)] = min(a, b)
    groups: dict[int, _Group] = {}
    for index, run in enumerate(runs):
        groups.setdefault(_leader(leader, index), _Group()).runs.append(run)
    return list(groups.values())


def _leader(leader: list[int], index: int) -> int:
    """Return the first run of the group that a run belongs to."""
    while leader[index] != index:
        index = leader[index]
    return index


def _deal_runs(
    sessions: Sequence[FrameTimes],
    groups: Sequence[_Group],
    labels: list[Sides],
    settings: SplitSettings,
) -> None:
    """Cut long runs; short ones and those of one scene go whole to the side that lacks time."""
    shares = settings.shares
    short = []
    for group in groups:
        if len(group.runs) == 1 and group.length_s >= SHORT_GUARDS * settings.guard_s:
            _cut(sessions, group.runs[0], labels, shares)
        else:
            short.append(group)
    total = 0.0
    given = dict.fromkeys(shares, 0.0)
    training = []
    for group in short:
        total += group.length_s
        for side, share in shares.items():
            if given[side] + group.length_s / 2 <= share * total:
                given[side] += group.length_s
                _give(group, labels, side)
                break
        else:
            training.append(group)
    if len(short) == len(groups):
        missing = {side: share for side, share in shares.items() if not given[side]}
        _give_some(sessions, training, labels, missing)


def _give(group: _Group, labels: list[Sides], side: str) -> None:
    """Put all runs of a group on a side."""
    for run in group.runs:
        labels[run.session][run.rows] = side


def _give_some(
    sessions: Sequence[FrameTimes],
    training: list[_Group],
    labels: list[Sides],
    missing: dict[str, float],
) -> None:
    """Give each side that has nothing the shortest of a few short groups; cut one that is alone."""
    for side in list(missing):
        if len(training) > 1:
            shortest = min(range(len(training)), key=lambda index: training[index].length_s)
            _give(training.pop(shortest), labels, side)
            del missing[side]
    if missing and len(training) == 1 and len(training[0].runs) == 1:
        _cut(sessions, training[0].runs[0], labels, missing)


def _cut(
    sessions: Sequence[FrameTimes], run: _Run, labels: list[Sides], shares: Mapping[str, float]
) -> None:
    """Make the last shares of a run's time validation and test, in this order."""
    times = sessions[run.session].run_s[run.rows]
    first, last = float(times.min()), float(times.max())
    rest = 1.0
    for side in ("test", "val"):
        if side not in shares:
            continue
        until, rest = rest, rest - shares[side]
        chosen = times >= first + rest * (last - first)
        if until < 1:
            chosen &= times < first + until * (last - first)
        labels[run.session][run.rows[chosen]] = side


def _keep_apart(
    sessions: Sequence[FrameTimes], groups: Sequence[_Group], labels: list[Sides]
) -> list[str]:
    """Leave out runs that show the same scene as a run for validation or test; name them."""
    warnings = []
    for group in groups:
        sides = {side for run in group.runs for side in np.unique(labels[run.session][run.rows])}
        if len(sides) < 2 or len(group.runs) < 2:
            continue
        kept = next(side for side in ("test", "val", "train") if side in sides)
        for run in group.runs:
            own = labels[run.session][run.rows]
            labels[run.session][run.rows] = np.where(own == kept, own, GUARD)
            if (own != kept).any():
                warnings.append(
                    f"{sessions[run.session].name}: take {run.takes[0]} shows the same pictures "
                    f"as a take for {kept}; it is left out"
                )
    return warnings


def _guard(sessions: Sequence[FrameTimes], labels: list[Sides], guard_s: float) -> None:
    """Leave out training frames near validation or test, and validation frames near test."""
    for side, others in (("val", ("test",)), ("train", ("val", "test"))):
        near = too_near(
            sessions,
            [own == side for own in labels],
            [np.isin(own, others) for own in labels],
            guard_s,
        )
        for own, where in zip(labels, near, strict=True):
            own[where] = GUARD


def _eaten(
    sessions: Sequence[FrameTimes],
    runs: Sequence[_Run],
    dealt: Sequence[Sides],
    labels: Sequence[Sides],
    settings: SplitSettings,
) -> list[str]:
    """Name the takes that lost all frames of a side to the guard, and what to do."""
    found = []
    for run in runs:
        one = sessions[run.session]
        for take in run.takes:
            rows = run.rows[one.take[run.rows] == take]
            before, now = dealt[run.session][rows], labels[run.session][rows]
            lost = int((now == GUARD).sum())
            if SHARE_TO_NAME * len(rows) < lost < int((before == "train").sum()):
                found.append(
                    f"{one.name}: the guard of {settings.guard_s:g} s takes {lost} of the "
                    f"{len(rows)} frames of take {take}; record longer takes, or set a shorter "
                    "--guard"
                )
            gone = [s for s in ("train", "val") if (before == s).any() and not (now == s).any()]
            for side in gone:
                found.append(
                    f"{one.name}: the guard of {settings.guard_s:g} s takes all "
                    f"{int((before == side).sum())} {side} frames of take {take}, "
                    f"{float(np.ptp(one.run_s[rows])):.1f} s long; "
                    f"record longer takes, or set a shorter --guard"
                )
    return found


def _one_scene(
    sessions: Sequence[FrameTimes], groups: Sequence[_Group], labels: Sequence[Sides]
) -> list[str]:
    """Return why no take validates: all that could show one scene."""
    if any((own == "val").any() for own in labels):
        return []
    return [
        f"takes of {', '.join(sorted({sessions[run.session].name for run in group.runs}))} show "
        "the same pictures, so they stay on one side"
        for group in groups
        if len(group.runs) > 1
    ]
