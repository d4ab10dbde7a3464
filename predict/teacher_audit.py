"""Audit recordings by a net of others, and fill in the joints that the sensor only guessed.

The teacher and the sensor put joints at other places of the body, so constant offsets are fitted
first, on the keypoints of a session that the sensor tracks and no filter speaks against.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..checks.filters.verdict import has_flag
from ..checks.session_checks import check_session
from ..core.errors import KincapError
from ..core.files.file_io import write_atomic
from ..core.files.output_folder import check_file_name
from ..core.geometry import snapped_xyxy, unmirror_points
from ..core.jpeg import decode_jpeg
from ..core.pairing import NO_BODY
from ..core.progress import OnProgress
from ..core.skeleton import KEYPOINT_NAMES
from ..dataset.candidates import Candidates, find_candidates
from ..dataset.labels.label_settings import ALL, LabelSettings
from ..dataset.session_data import Recording, load_recording
from ..engines.constant_offsets import LEAST_POSES, ConstantOffsets, fit_offsets
from ..engines.teacher import Teacher
from ..engines.teacher_process import TeacherProcess
from ..sessions.folders import find_sessions
from ..sessions.reader import SessionReader
from ..sessions.session_file import load_session
from ..sessions.suggestions import Suggestion, check_replaceable, save_suggestions
from ..train.checkpoint_files import READABLE
from .audit import DEFAULT_TOP, AuditResult, SessionAudit, least_score
from .disagreement import Disagreement, compare, suggest

LEAST_CONFIDENCE: Final = 0.5
"""A keypoint of which the teacher is less sure neither judges nor fills."""
WORTHLESS_TORSO: Final = 0.2
"""Usual distance of teacher and sensor, in torsos, from which a filled label has no weight."""
LEAST_WEIGHT: Final = 0.1
LEAST_TRUSTED: Final = 4
"""Trusted keypoints of a body below which its others are not filled."""
COLUMNS: Final = (
    "session", "color_seq", "tracking_id", "slot", "keypoint", "x", "y", "visibility", "weight",
    "filled_by",
)  # fmt: skip

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class TeacherAuditSettings:
    """Settings of an audit by a teacher.

    Attributes:
        teacher: As ``--teacher`` takes it.
        recordings: The folder of all sessions.
        sessions: Glob of the sessions that are audited.
        top: Suggestions that are kept, over all sessions.
        dry_run: Write no file.
        fill: File for the labels of guessed joints (CSV), or None.
    """

    teacher: str
    recordings: Path = Path("recordings")
    sessions: str = "*"
    top: int = DEFAULT_TOP
    dry_run: bool = False
    fill: Path | None = None


@dataclass(frozen=True)
class FilledLabels:
    """Labels of guessed joints of one session, L of them.

    Attributes:
        lines: Each as ``COLUMNS``.
        guessed: Keypoints that the sensor guessed, filled or not.
    """

    lines: tuple[tuple[object, ...], ...] = ()
    guessed: int = 0


@dataclass(frozen=True)
class TeacherAudit:
    """Result of an audit by a teacher.

    Attributes:
        result: What disagrees, by session.
        filled: By session.
        file: The file of labels; None: none was written.
    """

    result: AuditResult
    filled: dict[str, FilledLabels]
    file: Path | None

    def to_json(self) -> dict[str, object]:
        """Return the report of ``--json``."""
        return {
            **self.result.to_json(),
            "filled": {
                name: {"guessed": one.guessed, "filled": len(one.lines)}
                for name, one in self.filled.items()
            },
            "fill_file": None if self.file is None else str(self.file),
        }


@dataclass(frozen=True)
class TaughtBodies:
    """The tracked bodies of one session beside the poses of a teacher, N of them.

    Attributes:
        recording: The session.
        candidates: Its labels; ``rows`` are those with a body.
        rows: (N,) rows of the candidates.
        found_px: (N, 13, 2) of the teacher, un-mirrored pixels; NaN where there was no image.
        confidence: (N, 13), times the score of the person.
    """

    recording: Recording
    candidates: Candidates
    rows: NDArray[np.int64]
    found_px: Floats
    confidence: Floats

    @property
    def labels_px(self) -> Floats:
        """The labels (N, 13, 2), un-mirrored pixels."""
        return self.candidates.points[self.rows]

    @property
    def sure(self) -> Bools:
        """Keypoints (N, 13) of which the teacher is sure."""
        return self.confidence >= LEAST_CONFIDENCE

    @property
    def trusted(self) -> Bools:
        """Keypoints (N, 13) that nothing speaks against, of which the teacher is sure."""
        return self.candidates.trusted[self.rows] & self.sure

    @property
    def guessed(self) -> Bools:
        """Keypoints (N, 13) that the sensor guessed and no person has edited."""
        flags = self.candidates.keypoint_quality[self.rows]
        touched = has_flag(flags, "edited") | has_flag(flags, "removed")
        return np.asarray(has_flag(flags, "inferred") & ~touched)


def audit_by_teacher(
    settings: TeacherAuditSettings, on_progress: OnProgress | None = None
) -> TeacherAudit:
    """Compare a teacher with the sensor, on all tracked bodies of sessions.

    Args:
        settings: What to audit, by which teacher.
        on_progress: Called with bodies done, bodies in all, and the session.

    Raises:
        KincapError: No session matches, or a flag has no possible value; nothing was written.
            Exit 1: a file can't be written.
        MissingPartError: The teacher's library or weights are missing.
    """
    if settings.top < 1:
        raise KincapError(f"--top {settings.top}: expected at least 1")
    if settings.fill is not None:
        check_file_name("--fill-inferred", settings.fill, (".csv",))
    names = _chosen(settings)
    if not settings.dry_run:
        for name in names:
            check_replaceable(settings.recordings / name)
    audits: dict[str, tuple[int, list[Suggestion]]] = {}
    filled: dict[str, FilledLabels] = {}
    with TeacherProcess(settings.teacher) as teacher:
        for name in names:
            bodies = look_at(teacher, settings.recordings, name, on_progress)
            offsets = fit_offsets(bodies.found_px, bodies.labels_px, bodies.trusted)
            moved = offsets.apply(bodies.found_px)
            compared = compare(np.nan_to_num(moved), np.nan_to_num(bodies.labels_px),
                               bodies.trusted)  # fmt: skip
            audits[name] = len(bodies.rows), _suggestions(bodies, compared, settings.teacher)
            filled[name] = fill_labels(bodies, compared, offsets, settings.teacher)
    result = _kept(settings, audits)
    if settings.fill is None or settings.dry_run:
        return TeacherAudit(result, filled, None)
    _write(settings.fill, filled)
    return TeacherAudit(result, filled, settings.fill)


def _chosen(settings: TeacherAuditSettings) -> list[str]:
    there = find_sessions(settings.recordings) if settings.recordings.is_dir() else []
    names = [name for name in there if fnmatchcase(name, settings.sessions)]
    if not names:
        raise KincapError(
            f"--sessions {settings.sessions}: matches no session in {settings.recordings}; name "
            "their folder with --recordings"
        )
    return names


def look_at(
    teacher: Teacher, recordings: Path, name: str, on_progress: OnProgress | None = None
) -> TaughtBodies:
    """Return the tracked bodies of a session beside the teacher's poses in their boxes."""
    recording = load_recording(recordings, name)
    checks = check_session(recording.folder, lag=False).flags()
    found = find_candidates(recording, checks, LabelSettings(bodies=ALL), None)
    rows = np.flatnonzero(found.body != NO_BODY)
    poses = np.full((len(rows), len(KEYPOINT_NAMES), 2), np.nan)
    confidence = np.zeros(poses.shape[:2])
    boxes = snapped_xyxy(found.placed[rows])
    image, at = np.empty((0, 0, 3), np.uint8), -1
    with SessionReader(recording.folder) as reader:
        for n, row in enumerate(rows.tolist()):
            if found.frame[row] != at:
                at = int(found.frame[row])
                image = _image(reader, int(recording.color["seq"][at]), recording.mirrored)
            if image.size:
                pose = teacher.pose_in_box(image, boxes[n])
                poses[n], confidence[n] = pose.keypoints_px, pose.confidence * pose.score
            if on_progress:
                on_progress(n + 1, len(rows), name)
    confidence[~np.isfinite(poses).all(axis=2)] = 0
    return TaughtBodies(recording, found, rows, poses, confidence)


def _image(reader: SessionReader, seq: int, mirrored: bool) -> NDArray[np.uint8]:
    """Return an un-mirrored image (H, W, 3); of no size where it is damaged."""
    try:
        image = decode_jpeg(reader.color_blob(seq))
    except KincapError:
        return np.empty((0, 0, 3), np.uint8)
    return np.ascontiguousarray(image[:, ::-1]) if mirrored else image


def _suggestions(bodies: TaughtBodies, compared: Disagreement, teacher: str) -> list[Suggestion]:
    color, frame = bodies.recording.color, bodies.candidates.frame[bodies.rows]
    slot = bodies.candidates.slot[bodies.rows]
    person = bodies.recording.bodies.tracking_id[bodies.candidates.body[bodies.rows], slot]
    uuid = load_session(bodies.recording.folder).uuid
    return suggest(compared, bodies.recording.name, uuid, color["take"][frame],
                   color["seq"][frame], person, teacher)  # fmt: skip


def fill_labels(
    bodies: TaughtBodies, compared: Disagreement, offsets: ConstantOffsets, teacher: str
) -> FilledLabels:
    """Return labels of the joints that the sensor guessed, with a weight by agreement.

    The weight is the teacher's confidence, less as teacher and sensor usually are apart at this
    keypoint, or at the trusted keypoints of this body: 0 from ``WORTHLESS_TORSO`` on.
    """
    guessed = bodies.guessed
    apart = np.where(bodies.trusted, compared.torso, np.nan)
    usual = _medians(apart, axis=0, least=LEAST_POSES)
    here = _medians(apart, axis=1, least=LEAST_TRUSTED)
    worst = np.maximum(usual[None, :], here[:, None])
    weight = bodies.confidence * np.clip(1 - worst / WORTHLESS_TORSO, 0, 1)
    fills = guessed & bodies.sure & (offsets.poses >= LEAST_POSES) & (weight >= LEAST_WEIGHT)
    moved, recording = offsets.apply(bodies.found_px), bodies.recording
    if recording.mirrored:
        moved = unmirror_points(moved, recording.size_px[0])
    lines = []
    for n, k in zip(*np.nonzero(fills), strict=True):
        row = bodies.rows[n]
        frame, slot = bodies.candidates.frame[row], int(bodies.candidates.slot[row])
        x, y = moved[n, k]
        lines.append(
            (
                recording.name, int(recording.color["seq"][frame]),
                int(recording.bodies.tracking_id[bodies.candidates.body[row], slot]), slot,
                KEYPOINT_NAMES[k], f"{x:.2f}", f"{y:.2f}", 1, f"{weight[n, k]:.2f}", teacher,
            )
        )  # fmt: skip
    return FilledLabels(tuple(lines), int(guessed.sum()))


def _medians(values: Floats, axis: int, least: int) -> Floats:
    """Return medians along an axis; infinite where fewer values than ``least`` are known."""
    known = np.isfinite(values).sum(axis=axis)
    medians = np.full(known.shape, np.inf)
    kept = np.moveaxis(values, axis, 0)[:, known >= least]
    if kept.size:
        medians[known >= least] = np.nanmedian(kept, axis=0)
    return medians


def _kept(
    settings: TeacherAuditSettings, audits: dict[str, tuple[int, list[Suggestion]]]
) -> AuditResult:
    """Keep the highest scores of all sessions, and write each session's file."""
    least = least_score([own for _, own in audits.values()], settings.top)
    sessions = []
    for name, (rows, own) in audits.items():
        top = tuple(one for one in own if one.score >= least)
        sessions.append(SessionAudit(name, rows, (settings.teacher,), top))
    if not settings.dry_run:
        sessions = [
            replace(one, file=save_suggestions(settings.recordings / one.session, one.suggestions))
            for one in sessions
        ]
    return AuditResult(tuple(sessions))


def _rows(filled: dict[str, FilledLabels]) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for one in filled.values():
        yield from one.lines


def _write(path: Path, filled: dict[str, FilledLabels]) -> None:
    """Write the labels as ``build --labels`` takes them."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(_rows(filled))
    try:
        write_atomic(path, text.getvalue().encode(), READABLE)
    except OSError as error:
        raise KincapError(
            f"--fill-inferred {path}: can't be written ({error.strerror})", exit_code=1
        ) from None
