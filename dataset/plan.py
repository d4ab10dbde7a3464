"""Pass 1: from the tables of all sessions to every row of the data set, but for its pictures."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..checks.session_checks import check_session
from ..core.errors import DatasetError, SessionError
from ..core.skeleton import KEYPOINTS_13
from ..sessions.truth import has_truth, load_truth
from .candidates import find_candidates, side_warning
from .crop import Pictures, PictureSource, find_damaged
from .filters import KEYPOINT_BITS, REASONS, ROW_BITS, WRONG_LABELS, first_reason
from .finding_counts import count_findings, poor_lines, report_findings
from .given_labels import GIVEN_BITS, GivenLabels, check_sessions, count_given, load_labels
from .kinect13.format import SPLITS, Meta
from .label_error import Labels, compare_labels, label_error
from .rows import SessionPlan, columns_of, pictures_of, session_pictures
from .scheduler.scheduler import Scheduler
from .session_data import Recording, choose_sessions, load_recording, unusable_sessions
from .settings import BuildSettings
from .split.copies import refuse_copies
from .split.dealing import GUARD, Dealt, Sides, deal_frames
from .split.flags import SplitSettings, parse_split
from .split.frame_times import FrameTimes, frame_times, pose_hashes

BLOCK_ROWS: Final = 256
"""Rows of pictures that are made, synced and marked together: whole pages of the file."""

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class BuildPlan:
    """Results of pass 1.

    Attributes:
        columns: The tables of FIELDS by split, in the order of the rows.
        pictures: By split, where the rows' pictures come from.
        meta: What the file says about itself.
        warnings: What a person should look at.
        label_error: Distance of the labels from the truth, see ``label_error``; None if a
            session has no truth.
    """

    columns: dict[str, dict[str, NDArray[Any]]]
    pictures: Mapping[str, PictureSource]
    meta: Meta
    warnings: tuple[str, ...]
    label_error: dict[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(len(pictures) for pictures in self.pictures.values())


def make_plan(settings: BuildSettings, scheduler: Scheduler, on_progress: OnProgress) -> BuildPlan:
    """Read the tables of all sessions and decide about every candidate.

    Args:
        settings: What to build; checked.
        scheduler: The processes that check pictures, where that is asked for.
        on_progress: Called with done, total and the present step.

    Raises:
        DatasetError: No session, a split that was asked for would be empty, or a label of
            ``--labels`` that belongs to no body.
        SessionError: A session can't be built from as it is.
    """
    given = None if settings.labels is None else load_labels(settings.labels)
    names = choose_sessions(settings.recordings, settings.sessions)
    unused = [] if given is None else check_sessions(given, settings.recordings, names)
    left_out = unusable_sessions(settings.recordings, settings.sessions)
    split = parse_split(settings.val, settings.test, names, settings.guard_s)
    recordings = []
    for done, name in enumerate(names):
        on_progress(done, len(names), f"reading {name}")
        recordings.append(load_recording(settings.recordings, name))
    _refuse_same_uuid(recordings)
    _refuse_bodies_alone(recordings, settings)
    dealt = _deal(recordings, split)
    sessions = []
    for done, (recording, sides) in enumerate(zip(recordings, dealt.labels, strict=True)):
        on_progress(done, len(names), f"checking {recording.name}")
        sessions.append(_decide(recording, sides, settings, given))
    if settings.skip_damaged:
        sessions = _without_damaged(sessions, scheduler, on_progress)
    counts = _count(sessions)
    if given is not None:
        used = [(one.candidates.given, one.kept) for one in sessions]
        counts["given_labels"] = count_given(given, used)
    _check_splits(split, settings, sessions, counts, dealt)
    asked = [name for name in SPLITS if name in split.asked_for]
    error, unread = _label_error(sessions)
    return BuildPlan(
        columns={
            name: columns_of(sessions, name, settings.size, settings.margin) for name in asked
        },
        pictures={
            name: pictures_of(sessions, name, settings.margin, settings.decoding) for name in asked
        },
        meta=Meta(
            sessions=tuple(names),
            settings=settings.toml(split, None if given is None else given.sha256),
            skeleton=KEYPOINTS_13,
            sources=[one.recording.source() for one in sessions],
            counts=counts,
            cues=("",),
            quality_bits={
                "keypoint_quality": {**KEYPOINT_BITS, **({} if given is None else GIVEN_BITS)},
                "quality": dict(ROW_BITS),
            },
        ),
        warnings=(
            *(f"{line}; left out" for line in left_out),
            *unused,
            *_warnings(sessions),
            *dealt.warnings,
            *unread,
        ),
        label_error=error,
    )


def _label_error(sessions: Sequence[SessionPlan]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return the labels' distance from the truth if all sessions have one, and warnings."""
    if not all(has_truth(one.recording.folder) for one in sessions):
        return None, ()
    labels: dict[str, Labels] = {}
    for one in sessions:
        recording, kept = one.recording, one.kept
        try:
            truth = load_truth(recording.folder)
        except (SessionError, OSError) as error:
            return None, (f"{recording.name}: the labels' error is not known: {error}",)
        labels[recording.name] = compare_labels(recording, one.candidates, kept, truth)
    return label_error(labels), ()


def _refuse_bodies_alone(recordings: Sequence[Recording], settings: BuildSettings) -> None:
    """Refuse sessions that hold no picture at all: there is nothing to cut out."""
    if any(len(one.color) for one in recordings):
        return
    if not any(len(one.bodies.seq) for one in recordings):
        return
    names = ", ".join(one.name for one in recordings[:6])
    raise DatasetError(
        f"--sessions {settings.sessions}: no colour pictures in {names}, recorded from bodies "
        "alone; record with colour, or name other sessions"
    )


def _refuse_same_uuid(recordings: Iterable[Recording]) -> None:
    """Refuse a recording that is there twice: its frames could come into two splits."""
    seen: dict[str, Recording] = {}
    for one in recordings:
        first = seen.setdefault(one.info.uuid, one)
        if first is not one:
            raise DatasetError(
                f"{one.folder}: a copy of session {first.name} (the same uuid); "
                "move one of them away, or leave it out with --sessions"
            )


def _deal(recordings: Sequence[Recording], split: SplitSettings) -> Dealt:
    """Return the side of every colour frame.

    Raises:
        DatasetError: A session holds the same pictures as another one.
    """
    times = [_times_of(recording, split.guard_s) for recording in recordings]
    refuse_copies(times)
    return deal_frames(times, split)


def _times_of(recording: Recording, guard_s: float) -> FrameTimes:
    """Return when the colour frames of a session were taken, and what they show."""
    bodies = recording.bodies
    simulated = recording.info.source.get("kind") == "simulator"
    return frame_times(
        recording.name,
        recording.color,
        recording.info.takes,
        guard_s,
        times=recording.info.device.times or "",
        # a simulator moves in the same way in other clothes: only its pictures tell a copy
        poses={} if simulated else pose_hashes(bodies.take, bodies.tracked, bodies.points),
    )


def _decide(
    recording: Recording, sides: Sides, settings: BuildSettings, given: GivenLabels | None
) -> SessionPlan:
    """Check one session and apply the filters; its frames have their sides."""
    checks = check_session(recording.folder, thorough=True)
    labels = None if given is None else given.sessions.get(recording.name)
    candidates = find_candidates(recording, checks, settings.filters, settings.joints_at, labels)
    splits = sides[candidates.frame]
    failed = {**candidates.failed, "guard": splits == GUARD}
    reported = report_findings(recording, checks, candidates)
    return SessionPlan(recording, candidates, _destination(splits, failed), failed, reported)


def _destination(
    splits: NDArray[np.str_], failed: dict[str, NDArray[np.bool_]]
) -> NDArray[np.str_]:
    """Return the split of each kept candidate, and the first failing reason of each other one."""
    first = first_reason(failed, len(splits))
    return np.where(first < 0, splits.astype("<U16"), np.array(REASONS)[first])


@dataclass(frozen=True)
class _Piece:
    """Some rows of one session whose pictures are checked together."""

    session: int
    rows: NDArray[np.intp]
    pictures: Pictures


def _without_damaged(
    sessions: Sequence[SessionPlan], scheduler: Scheduler, on_progress: OnProgress
) -> list[SessionPlan]:
    """Check the pictures of all rows and leave out those that can't be decoded."""
    pieces = list(_pieces(sessions))
    total = sum(len(piece.rows) for piece in pieces)
    damaged = [np.zeros(len(one.goes_to), np.bool_) for one in sessions]
    done = 0
    for piece, found in scheduler.run(_find_damaged, pieces):
        damaged[piece.session][piece.rows] = found
        done += len(found)
        on_progress(done, total, "checking pictures")
    return [
        replace(
            one,
            failed={**one.failed, "damaged": bad},
            goes_to=np.where(bad, "damaged", one.goes_to),
        )
        for one, bad in zip(sessions, damaged, strict=True)
    ]


def _pieces(sessions: Sequence[SessionPlan]) -> Iterator[_Piece]:
    """Cut the rows of all splits into pieces of work."""
    for session, one in enumerate(sessions):
        rows = np.flatnonzero(one.kept)
        for begin in range(0, len(rows), BLOCK_ROWS):
            some = rows[begin : begin + BLOCK_ROWS]
            yield _Piece(session, some, session_pictures(one, some))


def _find_damaged(piece: _Piece) -> NDArray[np.bool_]:
    """Check one piece."""
    return find_damaged(piece.pictures)


def _count(sessions: Sequence[SessionPlan]) -> dict[str, Any]:
    """Return what ``meta/counts`` says: each candidate once, and every reason that applied."""
    counts: dict[str, Any] = _counts_of(sessions)
    counts["sessions"] = {one.recording.name: _counts_of([one]) for one in sessions}
    return counts


def _counts_of(sessions: Sequence[SessionPlan]) -> dict[str, Any]:
    """Count the candidates of some sessions."""
    goes_to = np.concatenate([one.goes_to for one in sessions])
    splits = {name: int((goes_to == name).sum()) for name in SPLITS}
    return {
        "candidates": len(goes_to),
        "kept": sum(splits.values()),
        "rejected": {reason: int((goes_to == reason).sum()) for reason in REASONS},
        "rejected_all": {
            reason: sum(int(one.failed[reason].sum()) for one in sessions if reason in one.failed)
            for reason in REASONS
        },
        "splits": {name: n for name, n in splits.items() if n},
        "findings": count_findings([(one.reported, one.kept, one.weighted) for one in sessions]),
    }


def _why(sessions: Sequence[SessionPlan]) -> str:
    """Return what candidates were rejected for, in words."""
    rejected = _counts_of(sessions)["rejected"]
    return ", ".join(f"{reason} {n}" for reason, n in rejected.items() if n) or "none"


def _check_splits(
    split: SplitSettings,
    settings: BuildSettings,
    sessions: Sequence[SessionPlan],
    counts: dict[str, Any],
    dealt: Dealt,
) -> None:
    """Refuse a build that would leave a split empty."""
    for name in split.asked_for:
        if counts["splits"].get(name):
            _check_weights(name, sessions)
            continue
        val = f"--val {settings.val}"
        test = "" if settings.test is None else f"--test {settings.test}"
        flags = {"train": f"{val} {test}".rstrip(), "val": val, "test": test}[name]
        kept = ", ".join(f"{other} {n}" for other, n in counts["splits"].items())
        help_with = "record more, or name other sessions"
        if counts["rejected"]["guard"]:
            help_with += f", or set a --guard shorter than {split.guard_s:g} s"
        raise DatasetError(
            f"{flags}: nothing is left for {name} of {counts['candidates']} candidates "
            f"(kept: {kept or 'none'}; rejected: {_why(sessions)}); "
            f"{'; '.join([*dealt.warnings[:2], help_with])}"
        )


def _check_weights(split: str, sessions: Sequence[SessionPlan]) -> None:
    """Refuse a split in which no keypoint has weight."""
    if any((one.candidates.weight[one.goes_to == split] > 0).any() for one in sessions):
        return
    kinds = {
        kind: sum(
            int((one.candidates.wrong[kind] & (one.goes_to == split)).sum()) for one in sessions
        )
        for kind in WRONG_LABELS
    }
    why = ", ".join(f"{kind} {n}" for kind, n in kinds.items() if n)
    raise DatasetError(
        f"{split}: every row has weight 0 ({why}); see kincap sessions report, and record again"
    )


def _without_states(one: SessionPlan) -> list[str]:
    """Warn where nothing tells which joints were guessed."""
    bit = np.uint32(1 << KEYPOINT_BITS["unknown_state"])
    rows = int(((one.candidates.keypoint_quality & bit) != 0).any(axis=1)[one.kept].sum())
    if not rows:
        return []
    return [
        f"{one.recording.name}: its source has no tracking states, so guessed joints have full "
        f"weight in {rows} rows"
    ]


def _warnings(sessions: Sequence[SessionPlan]) -> tuple[str, ...]:
    """Return lines about what needs a look."""
    found = []
    for one in sessions:
        name, kept = one.recording.name, one.kept
        if one.recording.damaged_rows:
            found.append(
                f"{name}: damaged rows of its tables, left out: {one.recording.damaged_rows}; "
                f"kincap sessions verify {name} says which"
            )
        if len(one.recording.bodies.seq) and not len(one.recording.color):
            found.append(f"{name}: holds no colour pictures, nothing of it is in the data set")
            continue
        if not kept.any():
            found.append(f"{name}: no frame of it is kept (rejected: {_why([one])})")
        found += poor_lines(name, one.reported)
        found += _without_states(one)
        warning = side_warning(one.recording, one.candidates, kept)
        if warning:
            found.append(warning)
    return tuple(found)
