"""Pass 1: from the tables of all sessions to every row of the data set, but for its pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..checks.session_checks import check_session
from ..core.errors import DatasetError, SessionError
from ..core.memory.freed import give_back_freed
from ..core.progress import OnProgress
from ..core.skeleton import KEYPOINTS_13
from ..report.guard_rails import folder_alarms
from ..report.quality import known_lags, known_verdicts
from ..sessions.folders import session_folder
from ..sessions.session_file import load_session
from ..sessions.truth import has_truth, load_truth
from .candidates import Candidates, find_candidates, thin
from .counts.candidate_counts import (
    count_candidates,
    warn_of_sessions,
)
from .counts.finding_counts import Reported, report_findings
from .crop import PictureSource
from .filters import KEYPOINT_BITS, REASONS, ROW_BITS, first_reason
from .full_frames import plan_full_frames
from .given_labels import (
    GIVEN_BITS,
    GivenLabels,
    SessionLabels,
    check_sessions,
    count_given,
    load_labels,
    uncount_filled,
)
from .images.damaged_pictures import without_damaged
from .kinect13.format import FULL, IMAGES, MASKS, SPLITS, ImageShape, Meta
from .label_error import Labels, compare_labels, label_error
from .labels.label_settings import LabelSettings
from .report_page.rejected import Rejected, rejected_examples
from .rows import SessionPlan, check_masks, columns_of, cues_of, mask_pictures, pictures_of
from .scheduler.scheduler import Scheduler
from .session_data import Recording, choose_sessions, load_recording, unusable_sessions
from .settings import BuildSettings
from .split.balance import balance_poses
from .split.copies import refuse_copies
from .split.dealing import GUARD, Sides, deal_frames
from .split.flags import DEFAULT_VAL, SplitSession, SplitSettings, parse_split
from .split.folds import Fold, deal_folds
from .split.frame_times import FrameTimes, frame_times, pose_hashes
from .split.leaks import leak_report
from .split.near_copies import apart_from_near_copies, near_copy_lines
from .split.refusals import (
    check_splits,
    refuse_bodies_alone,
    refuse_same_uuid,
    refuse_unknown_ids,
)


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
        rejected: Examples of candidates that were left out.
        masks: By split, where the rows' masks come from; empty without ``--masks``.
        shape: Shape of the images; None: that of the settings.
    """

    columns: dict[str, dict[str, NDArray[Any]]]
    pictures: dict[str, PictureSource]
    meta: Meta
    warnings: tuple[str, ...]
    label_error: dict[str, Any] | None = None
    rejected: tuple[Rejected, ...] = ()
    masks: dict[str, PictureSource] = field(default_factory=dict)
    shape: ImageShape | None = None

    @property
    def pixels(self) -> dict[str, PictureSource]:
        """The sources of each dataset of pixels: ``train/images`` and so on."""
        named = {IMAGES: self.pictures, MASKS: self.masks}
        return {
            f"{split}/{what}": source
            for what, sources in named.items()
            for split, source in sources.items()
        }

    def forget_rows(self) -> None:
        """Forget tables and sources of pictures, once a file has them."""
        for by_split in (self.columns, self.pictures, self.masks):
            by_split.clear()

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(len(pictures) for pictures in self.pictures.values())


@dataclass(frozen=True)
class _JudgedSession:
    """One session before its frames have sides.

    Attributes:
        recording: Its tables.
        candidates: Its candidates, judged by the filters.
        reported: The findings of its checks.
    """

    recording: Recording
    candidates: Candidates
    reported: Reported


@dataclass(frozen=True)
class _ReadSessions:
    """All that a build knows before frames have sides.

    Attributes:
        given: Labels of ``--labels``, or None.
        sessions: The sessions, judged.
        times: Their frames.
        warnings: What a person should look at.
    """

    given: GivenLabels | None
    sessions: list[_JudgedSession]
    times: list[FrameTimes]
    warnings: tuple[str, ...]


def make_plan(settings: BuildSettings, scheduler: Scheduler, on_progress: OnProgress) -> BuildPlan:
    """Read the tables of all sessions and decide about every candidate.

    Args:
        settings: What to build; checked.
        scheduler: The processes that check sessions of other machines, and pictures where that is
            asked for.
        on_progress: Called with done, total and the present step.

    Raises:
        DatasetError: No session, a split that was asked for would be empty, or a label of
            ``--labels`` that belongs to no body.
        SessionError: A session can't be built from as it is.
    """
    named = split_sessions(settings)
    split = parse_split(settings.val, settings.test, named, settings.guard_s)
    read = _read(settings, scheduler, on_progress)
    return _plan_split(read, split, settings, scheduler, on_progress)


def make_fold_plans(
    settings: BuildSettings, scheduler: Scheduler, on_progress: OnProgress
) -> Iterator[tuple[Fold, BuildPlan]]:
    """Yield a plan for each of ``--folds``; sessions are read and checked once.

    Args:
        settings: What to build, ``folds`` of them; checked.
        scheduler: As in ``make_plan``.
        on_progress: As in ``make_plan``.

    Raises:
        DatasetError: More folds than outfits; and as in ``make_plan``.
    """
    named = split_sessions(settings)
    base = parse_split(DEFAULT_VAL, settings.test, named, settings.guard_s)
    outfits = {one.name: one.outfit for one in named if one.name not in base.test}
    # before the work: too many folds
    deal_folds(outfits, dict.fromkeys(outfits, 1), settings.folds or 0)
    read = _read(settings, scheduler, on_progress)
    frames = {one.name: len(one) for one in read.times}
    for fold in deal_folds(outfits, frames, settings.folds or 0):
        split = replace(base, fraction=None, val=fold.sessions)
        yield fold, _plan_split(read, split, settings, scheduler, on_progress, fold)


def split_sessions(settings: BuildSettings) -> list[SplitSession]:
    """Return the sessions of a build as the flags of its split name them.

    Raises:
        DatasetError: There is none.
        SessionError: A session.json can't be read.
    """
    found = []
    for name in choose_sessions(settings.recordings, settings.sessions):
        info = load_session(session_folder(settings.recordings, name))
        found.append(SplitSession(name, info.subject or "", info.outfit or name))
    return found


def _read(settings: BuildSettings, scheduler: Scheduler, on_progress: OnProgress) -> _ReadSessions:
    """Read and check all sessions.

    Raises:
        DatasetError: A session holds the same pictures as another one, or there is nothing to cut.
        SessionError: A session can't be built from as it is.
    """
    given = None if settings.labels is None else load_labels(settings.labels)
    names = choose_sessions(settings.recordings, settings.sessions)
    unused = [] if given is None else check_sessions(given, settings.recordings, names)
    left_out = unusable_sessions(settings.recordings, settings.sessions)
    recordings = []
    for done, name in enumerate(names):
        on_progress(done, len(names), f"reading {name}")
        recordings.append(load_recording(settings.recordings, name, settings.skip_damaged))
        give_back_freed()
    refuse_same_uuid(recordings)
    refuse_bodies_alone(recordings, settings)
    refuse_unknown_ids(recordings, settings)
    times = [_times_of(recording, settings.guard_s) for recording in recordings]
    refuse_copies(times)
    sessions = _judge_all(recordings, settings, given, scheduler, on_progress)
    alarms = (alarm.line() for alarm in folder_alarms(settings.recordings, names))
    return _ReadSessions(
        given, sessions, times, (*(f"{line}; left out" for line in left_out), *unused, *alarms)
    )


def _plan_split(
    read: _ReadSessions,
    split: SplitSettings,
    settings: BuildSettings,
    scheduler: Scheduler,
    on_progress: OnProgress,
    fold: Fold | None = None,
) -> BuildPlan:
    """Deal all frames out and put the rows of the data set together."""
    given = read.given
    dealt = deal_frames(read.times, split)
    sessions = [
        _decide(one, sides, settings.labelling())
        for one, sides in zip(read.sessions, dealt.labels, strict=True)
    ]
    if settings.skip_damaged:
        sessions = without_damaged(sessions, settings, scheduler, on_progress)
    balance = None
    if settings.balance is not None:
        sessions, balance = balance_poses(sessions, settings.balance)
    give_back_freed()
    sessions, near_copies = apart_from_near_copies(
        sessions, settings.near_copies, settings.dry_run, scheduler, on_progress
    )
    give_back_freed()
    counts = count_candidates(sessions)
    counts["leaks"] = leak_report(sessions, read.times, near_copies)
    if balance is not None:
        counts["balance"] = balance
    if given is not None:
        used = [(one.candidates.given, one.kept) for one in sessions]
        counts["given_labels"] = count_given(given, used)
    check_splits(split, settings, sessions, counts, dealt)
    asked = [name for name in SPLITS if name in split.asked_for]
    give_back_freed()
    without_masks = check_masks(sessions) if settings.masks else ()
    error, unread = _label_error(sessions)
    pixels = _pixels(sessions, asked, settings)
    for name in set(asked) - {"train"}:
        uncount_filled(pixels.columns[name])
    if pixels.counts is not None:
        counts["full_frames"] = pixels.counts
    return BuildPlan(
        columns=pixels.columns,
        pictures=pixels.pictures,
        meta=Meta(
            sessions=tuple(one.recording.name for one in sessions),
            settings=settings.toml(split, None if given is None else given.sha256, fold),
            skeleton=KEYPOINTS_13,
            sources=[one.recording.source() for one in sessions],
            counts=counts,
            cues=cues_of(sessions),
            quality_bits={
                "keypoint_quality": {**KEYPOINT_BITS, **({} if given is None else GIVEN_BITS)},
                "quality": dict(ROW_BITS),
            },
        ),
        warnings=(
            *read.warnings,
            *warn_of_sessions(sessions),
            *dealt.warnings,
            *near_copy_lines(near_copies),
            *unread,
            *without_masks,
        ),
        label_error=error,
        rejected=rejected_examples(sessions),
        masks=pixels.masks,
        shape=pixels.shape,
    )


@dataclass(frozen=True)
class _PlannedRows:
    """The rows of all splits: their tables, and where their pixels come from."""

    columns: dict[str, dict[str, NDArray[Any]]]
    pictures: dict[str, PictureSource]
    masks: dict[str, PictureSource]
    shape: ImageShape
    counts: dict[str, Any] | None = None


def _pixels(
    sessions: Sequence[SessionPlan], asked: Sequence[str], settings: BuildSettings
) -> _PlannedRows:
    """Put the rows together as the layout says."""
    size, margin, decoding = settings.size, settings.margin, settings.decoding
    if settings.layout == FULL:
        full = plan_full_frames(sessions, asked, size, decoding, settings.masks)
        return _PlannedRows(
            full.columns, {**full.pictures}, {**full.masks}, full.shape, full.counts
        )
    return _PlannedRows(
        columns={name: columns_of(sessions, name, size, margin) for name in asked},
        pictures={name: pictures_of(sessions, name, margin, decoding) for name in asked},
        masks={name: mask_pictures(sessions, name, margin) for name in asked if settings.masks},
        shape=settings.image_shape,
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


@dataclass(frozen=True)
class _SessionTask:
    """One session to check and judge, for a process that has not read it."""

    recordings: Path
    name: str
    settings: BuildSettings
    labels: SessionLabels | None


def _judge_all(
    recordings: Sequence[Recording],
    settings: BuildSettings,
    given: GivenLabels | None,
    scheduler: Scheduler,
    on_progress: OnProgress,
) -> list[_JudgedSession]:
    """Check all sessions and apply the filters, on other machines where there are some."""
    labels = {} if given is None else given.sessions
    judged: dict[str, _JudgedSession] = {}
    if not scheduler.is_remote:
        for recording in recordings:
            what = "checking" if known_lags(recording.folder) else "measuring the lag of"
            on_progress(len(judged), len(recordings), f"{what} {recording.name}")
            candidates, reported = _judge(recording, settings, labels.get(recording.name))
            judged[recording.name] = _JudgedSession(recording, candidates, reported)
        return list(judged.values())
    by_name = {one.name: one for one in recordings}
    tasks = [
        _SessionTask(settings.recordings, name, settings, labels.get(name)) for name in by_name
    ]
    for task, (source, candidates, reported) in scheduler.run(_judge_there, tasks):
        recording = by_name[task.name]
        if source != recording.source():
            raise DatasetError(
                f"{recording.folder}: changed while the build read it; run the build again"
            )
        judged[task.name] = _JudgedSession(recording, candidates, reported)
        on_progress(len(judged), len(recordings), f"checked {task.name}")
    return [judged[one.name] for one in recordings]


def _judge_there(task: _SessionTask) -> tuple[dict[str, Any], Candidates, Reported]:
    """Read, check and judge a session in another process."""
    recording = load_recording(task.recordings, task.name, task.settings.skip_damaged)
    return recording.source(), *_judge(recording, task.settings, task.labels)


def _judge(
    recording: Recording, settings: BuildSettings, labels: SessionLabels | None
) -> tuple[Candidates, Reported]:
    """Check one session and apply the filters."""
    lags = known_lags(recording.folder)
    checks = check_session(
        recording.folder,
        settings=settings.filters,
        lags=lags,
        every_plane=True,
        verdicts=known_verdicts(recording.folder),
    ).flags()
    give_back_freed()
    candidates = find_candidates(recording, checks, settings.labelling(), labels)
    return candidates, report_findings(recording, checks, candidates)


def _decide(judged: _JudgedSession, sides: Sides, settings: LabelSettings) -> SessionPlan:
    """Give the candidates of a session the sides of their frames."""
    candidates = judged.candidates
    splits = sides[candidates.frame]
    failed = {**candidates.failed, "guard": splits == GUARD}
    kept = first_reason(failed, len(splits)) < 0
    failed["redundancy"] = thin(judged.recording, candidates, kept, settings)
    goes_to = _destination(splits, failed)
    return SessionPlan(judged.recording, candidates, goes_to, failed, judged.reported, splits)


def _destination(
    splits: NDArray[np.str_], failed: dict[str, NDArray[np.bool_]]
) -> NDArray[np.str_]:
    """Return the split of each kept candidate, and the first failing reason of each other one."""
    first = first_reason(failed, len(splits))
    return np.where(first < 0, splits.astype("<U16"), np.array(REASONS)[first])
