"""Pass 1: from the tables of all sessions to every row of the data set, but for its pictures."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import tomli_w
from numpy.typing import NDArray

from ..core.errors import DatasetError, SessionError
from ..core.geometry import BOX_SCALE, image_to_crop, snapped_xyxy
from ..core.pairing import PAIR_WITHIN_100NS
from ..core.units import MS_100NS, SECOND_100NS
from ..report.quality import late_lines, load_quality
from ..sessions.truth import has_truth, load_truth
from .boxes import person_boxes
from .candidates import JOINTS_AT, NEAREST, Candidates, find_candidates, side_warning
from .crop import Pictures, find_damaged
from .filters import KEYPOINT_BITS, REASONS, ROW_BITS, FilterSettings, first_reason
from .kinect13.format import FIELDS, LARGEST_SIZE, SMALLEST_SIZE, SPLITS, Meta, skeleton_meta
from .label_error import Labels, compare_labels, label_error
from .session_data import Recording, choose_sessions, load_recording
from .split.copies import refuse_copies
from .split.dealing import GUARD, Dealt, Sides, deal_frames
from .split.flags import DEFAULT_VAL, GUARD_S, SplitSettings, parse_split
from .split.frame_times import FrameTimes, frame_times, pose_hashes
from .workers import run_tasks

BLOCK_ROWS: Final = 256
"""Rows of pictures that are made, synced and marked together: whole pages of the file."""

OnProgress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class BuildSettings:
    """What to build, and from what.

    Attributes:
        out: The data set.
        recordings: The folder of all sessions.
        sessions: Glob of the sessions to build from.
        val: Share of the time that is validation, or a glob of sessions.
        test: Glob of the sessions that are the test set, or None.
        guard_s: Seconds around validation and test frames that are left out of training.
        size: Side of the pictures, pixels, a multiple of 4.
        joints_at: "nearest": as the paired body row has them; "color": moved to the colour frame's
            time, between the two body rows around it.
        skip_damaged: Check every needed picture first and leave damaged ones out.
        restart: Throw away what an interrupted build of another plan has done.
        dry_run: Count only.
        workers: Processes to cut pictures with; None for as many as there are cores.
        sheet: Where the sheet of examples goes; None for ``<out>.png``.
        filters: Thresholds.
    """

    out: Path = Path("kinect13.h5")
    recordings: Path = Path("recordings")
    sessions: str = "*"
    val: str = DEFAULT_VAL
    test: str | None = None
    guard_s: float = GUARD_S
    size: int = 224
    joints_at: str = NEAREST
    skip_damaged: bool = False
    restart: bool = False
    dry_run: bool = False
    workers: int | None = None
    sheet: Path | None = None
    filters: FilterSettings = field(default_factory=FilterSettings)

    def check(self) -> None:
        """Refuse values that make no data set.

        Raises:
            DatasetError: Names the flag.
        """
        if not SMALLEST_SIZE <= self.size <= LARGEST_SIZE or self.size % 4:
            raise DatasetError(
                f"--size {self.size}: expected a multiple of 4 from {SMALLEST_SIZE} "
                f"to {LARGEST_SIZE}"
            )
        if self.joints_at not in JOINTS_AT:
            raise DatasetError(
                f"--joints-at {self.joints_at}: expected one of {', '.join(JOINTS_AT)}"
            )
        if self.workers is not None and self.workers < 1:
            raise DatasetError(f"--workers {self.workers}: expected at least 1")

    def toml(self, split: SplitSettings) -> str:
        """Return all that decides what is in the file, as canonical TOML."""
        kept = {
            "size": self.size,
            "sessions": self.sessions,
            "skip_damaged": self.skip_damaged,
            "box_scale": BOX_SCALE,
            "joints_at": self.joints_at,
            "pair_within_ms": PAIR_WITHIN_100NS / MS_100NS,
            "split": {"val": self.val, "test": self.test or "", "guard_s": split.guard_s},
            "filters": asdict(self.filters),
        }
        return tomli_w.dumps(kept)


@dataclass(frozen=True)
class Plan:
    """All that pass 1 found out.

    Attributes:
        columns: The tables of FIELDS by split, in the order of the rows.
        pictures: By split, where the rows' pictures come from.
        meta: What the file says about itself.
        warnings: What a person should look at.
        label_error: How far the labels lie from the truth, see ``label_error``; None where a
            session has no truth.
    """

    columns: dict[str, dict[str, NDArray[Any]]]
    pictures: dict[str, Pictures]
    meta: Meta
    warnings: tuple[str, ...]
    label_error: dict[str, Any] | None = None

    @property
    def rows(self) -> int:
        """Rows of all splits."""
        return sum(len(pictures) for pictures in self.pictures.values())


@dataclass(frozen=True)
class _SessionPlan:
    """One session's candidates and where each goes: a split's name, or a reason."""

    recording: Recording
    candidates: Candidates
    goes_to: NDArray[np.str_]
    failed: dict[str, NDArray[np.bool_]]


def make_plan(settings: BuildSettings, workers: int, on_progress: OnProgress) -> Plan:
    """Read the tables of all sessions and decide about every candidate.

    Args:
        settings: What to build; checked.
        workers: Processes to check pictures with, where that is asked for.
        on_progress: Told done, total and what is being done.

    Raises:
        DatasetError: No session, or a split that was asked for would be empty.
        SessionError: A session can't be built from as it is.
    """
    names = choose_sessions(settings.recordings, settings.sessions)
    split = parse_split(settings.val, settings.test, names, settings.guard_s)
    recordings = []
    for done, name in enumerate(names):
        on_progress(done, len(names), f"reading {name}")
        recordings.append(load_recording(settings.recordings, name))
    _refuse_same_uuid(recordings)
    dealt = _deal(recordings, split)
    sessions = [
        _decide(recording, sides, settings)
        for recording, sides in zip(recordings, dealt.labels, strict=True)
    ]
    _refuse_bodies_alone(sessions, settings)
    if settings.skip_damaged:
        sessions = _without_damaged(sessions, workers, on_progress)
    counts = _count(sessions)
    _check_splits(split, settings, sessions, counts, dealt)
    asked = [name for name in SPLITS if name in split.asked_for]
    error, unread = _label_error(sessions)
    return Plan(
        columns={name: _columns(sessions, name, settings.size) for name in asked},
        pictures={name: _pictures(sessions, name) for name in asked},
        meta=Meta(
            sessions=tuple(names),
            settings=settings.toml(split),
            skeleton=skeleton_meta(),
            sources=[one.recording.source() for one in sessions],
            counts=counts,
            cues=("",),
            quality_bits={"keypoint_quality": dict(KEYPOINT_BITS), "quality": dict(ROW_BITS)},
        ),
        warnings=(*_warnings(sessions), *dealt.warnings, *unread),
        label_error=error,
    )


def _label_error(sessions: Sequence[_SessionPlan]) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    """Return how far labels lie from the truth where all sessions have one, and warnings."""
    if not all(has_truth(one.recording.folder) for one in sessions):
        return None, ()
    labels: dict[str, Labels] = {}
    for one in sessions:
        recording, kept = one.recording, np.isin(one.goes_to, SPLITS)
        try:
            truth = load_truth(recording.folder)
        except (SessionError, OSError) as error:
            return None, (f"{recording.name}: the labels' error is not known: {error}",)
        labels[recording.name] = compare_labels(recording, one.candidates, kept, truth)
    return label_error(labels), ()


def _refuse_bodies_alone(sessions: Sequence[_SessionPlan], settings: BuildSettings) -> None:
    """Refuse sessions that hold no picture at all: there is nothing to cut out."""
    if any(len(one.recording.color) for one in sessions):
        return
    if not any(len(one.recording.bodies.seq) for one in sessions):
        return
    names = ", ".join(one.recording.name for one in sessions[:6])
    raise DatasetError(
        f"--sessions {settings.sessions}: no colour pictures in {names}, recorded from bodies "
        "alone; record with colour, or name other sessions"
    )


def _refuse_same_uuid(recordings: Iterable[Recording]) -> None:
    """Refuse a recording that lies there twice: its frames could come into two splits."""
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
    return frame_times(
        recording.name,
        recording.color,
        recording.info.takes,
        guard_s,
        times=recording.info.device.times or "",
        poses=pose_hashes(bodies.take, bodies.tracked, bodies.points),
    )


def _decide(recording: Recording, sides: Sides, settings: BuildSettings) -> _SessionPlan:
    """Apply the filters to one session whose frames have their sides."""
    candidates = find_candidates(recording, settings.filters, settings.joints_at)
    splits = sides[candidates.frame]
    failed = {**candidates.failed, "guard": splits == GUARD}
    return _SessionPlan(recording, candidates, _destination(splits, failed), failed)


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
    sessions: Sequence[_SessionPlan], workers: int, on_progress: OnProgress
) -> list[_SessionPlan]:
    """Check the pictures of all rows and leave out those that can't be decoded."""
    pieces = list(_pieces(sessions))
    total = sum(len(piece.rows) for piece in pieces)
    damaged = [np.zeros(len(one.goes_to), np.bool_) for one in sessions]
    done = 0
    for piece, found in run_tasks(_find_damaged, pieces, min(workers, len(pieces))):
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


def _pieces(sessions: Sequence[_SessionPlan]) -> Iterator[_Piece]:
    """Cut the rows of all splits into pieces of work."""
    for session, one in enumerate(sessions):
        rows = np.flatnonzero(np.isin(one.goes_to, SPLITS))
        for begin in range(0, len(rows), BLOCK_ROWS):
            some = rows[begin : begin + BLOCK_ROWS]
            yield _Piece(session, some, _pictures_of(one, some))


def _find_damaged(piece: _Piece) -> NDArray[np.bool_]:
    """Check one piece."""
    return find_damaged(piece.pictures)


def _count(sessions: Sequence[_SessionPlan]) -> dict[str, Any]:
    """Return what ``meta/counts`` says: each candidate once, and every reason that applied."""
    counts: dict[str, Any] = _counts_of(sessions)
    counts["sessions"] = {one.recording.name: _counts_of([one]) for one in sessions}
    return counts


def _counts_of(sessions: Sequence[_SessionPlan]) -> dict[str, Any]:
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
    }


def _why(sessions: Sequence[_SessionPlan]) -> str:
    """Return what candidates were rejected for, in words."""
    rejected = _counts_of(sessions)["rejected"]
    return ", ".join(f"{reason} {n}" for reason, n in rejected.items() if n) or "none"


def _check_splits(
    split: SplitSettings,
    settings: BuildSettings,
    sessions: Sequence[_SessionPlan],
    counts: dict[str, Any],
    dealt: Dealt,
) -> None:
    """Refuse a build that would leave a split empty."""
    for name in split.asked_for:
        if counts["splits"].get(name):
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


def _columns(sessions: Sequence[_SessionPlan], split: str, size: int) -> dict[str, NDArray[Any]]:
    """Return the tables of one split."""
    parts = [_session_columns(index, one, split, size) for index, one in enumerate(sessions)]
    return {
        name: np.concatenate([part[name] for part in parts]).astype(FIELDS[name].dtype)
        for name in FIELDS
    }


def _session_columns(
    index: int, one: _SessionPlan, split: str, size: int
) -> dict[str, NDArray[Any]]:
    """Return the rows of one session in one split."""
    rows = np.flatnonzero(one.goes_to == split)
    found, recording = one.candidates, one.recording
    color = recording.color[found.frame[rows]]
    box = snapped_xyxy(person_boxes(found.points[rows], found.visibility[rows]))
    labelled = found.visibility[rows][..., None] > 0
    crop_px = np.where(labelled, image_to_crop(found.points[rows], box, size), -1)
    slot = found.slot[rows]
    return {
        "keypoints_px": crop_px,
        "visibility": found.visibility[rows],
        "weight": found.weight[rows],
        "keypoint_quality": found.keypoint_quality[rows],
        "bbox_xyxy_px": box,
        "session": np.full(len(rows), index),
        "cue": np.zeros(len(rows)),
        "color_seq": color["seq"],
        "tracking_id": recording.bodies.tracking_id[found.body[rows], slot],
        "take": color["take"],
        "slot": slot,
        "time_s": (color["time_device"] - _take_start(recording)[color["take"]]) / SECOND_100NS,
        "pair_residual_ms": found.residual_100ns[rows] / MS_100NS,
        "quality": found.quality[rows],
    }


def _take_start(recording: Recording) -> NDArray[np.int64]:
    """Return the device time of each take's first colour frame, indexed by take, 100 ns."""
    takes, first = np.unique(recording.color["take"], return_index=True)
    start = np.zeros(int(takes.max(initial=0)) + 1, np.int64)
    start[takes] = recording.color["time_device"][first]
    return start


def _pictures(sessions: Sequence[_SessionPlan], split: str) -> Pictures:
    """Return where the pictures of one split come from."""
    parts = [_pictures_of(one, np.flatnonzero(one.goes_to == split)) for one in sessions]
    shards = [path for part in parts for path in part.shards]
    before = np.cumsum([0, *(len(part.shards) for part in parts[:-1])])
    joined = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(Pictures)
        if item.name not in ("shards", "shard")
    }
    shard = np.concatenate([part.shard + n for part, n in zip(parts, before, strict=True)])
    return Pictures(shards=tuple(shards), shard=shard.astype(np.int32), **joined)


def _pictures_of(one: _SessionPlan, rows: NDArray[np.intp]) -> Pictures:
    """Return where the pictures of some candidates of a session come from."""
    found, recording = one.candidates, one.recording
    frame = found.frame[rows]
    return Pictures(
        shards=tuple(recording.folder / name for name in recording.shards),
        shard=recording.color_shard[frame],
        color=recording.color[frame],
        placed=person_boxes(found.points[rows], found.visibility[rows]),
        mirrored=np.full(len(rows), recording.mirrored),
        size_px=np.tile(np.array(recording.size_px, np.int64), (len(rows), 1)),
    )


def _warnings(sessions: Sequence[_SessionPlan]) -> tuple[str, ...]:
    """Return what a person should look at."""
    found = []
    for one in sessions:
        name, kept = one.recording.name, np.isin(one.goes_to, SPLITS)
        if one.recording.damaged_rows:
            found.append(
                f"{name}: damaged rows of its tables, left out: {one.recording.damaged_rows}; "
                f"kincap sessions verify {name} says which"
            )
        if len(one.recording.bodies.seq) and not len(one.recording.color):
            found.append(f"{name}: holds no colour pictures, nothing of it is in the data set")
        elif not kept.any():
            found.append(f"{name}: no frame of it is kept (rejected: {_why([one])})")
        found += late_lines(load_quality(one.recording.folder))
        warning = side_warning(one.recording, one.candidates, kept)
        if warning:
            found.append(warning)
    return tuple(found)
