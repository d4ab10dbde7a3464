"""Audit labels: frames where a trained net and the label disagree, for a person to look at.

Out of fold: a session is judged only by nets that were neither trained on it nor chosen by it.
Nothing is changed but ``suggestions.json`` in each session's folder.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..core.errors import CheckpointError, KincapError
from ..core.progress import OnProgress
from ..dataset.kinect13.reader import Kinect13, open_kinect13
from ..sessions.folders import find_sessions
from ..sessions.session_file import load_session
from ..sessions.suggestions import Suggestion, check_replaceable, save_suggestions
from ..train.checkpoint import Checkpoint, load_checkpoint
from ..train.data import Samples, load_samples
from ..train.loop import choose_device
from ..train.nets.registry import finds_people, whole_images
from ..train.validate import run_net
from .disagreement import compare, suggest

SCHEMA: Final = "kincap/audit/1"
DEFAULT_TOP: Final = 200


@dataclass(frozen=True)
class AuditSettings:
    """Settings of an audit.

    Attributes:
        checkpoints: The nets; not used where ``folds`` trains its own.
        data: The data set whose labels are audited.
        recordings: The folder of all sessions.
        sessions: Glob of the sessions that are audited.
        top: Suggestions that are kept, over all sessions.
        dry_run: Write no file.
        device: See ``loop.choose_device``.
    """

    checkpoints: tuple[Path, ...] = ()
    data: Path = Path("kinect13.h5")
    recordings: Path = Path("recordings")
    sessions: str = "*"
    top: int = DEFAULT_TOP
    dry_run: bool = False
    device: str = "auto"


@dataclass(frozen=True)
class SessionAudit:
    """Result for one session.

    Attributes:
        session: Its name.
        rows: Rows of the data set that were judged.
        nets: Checkpoints that judged it.
        suggestions: The highest score first.
        file: Its ``suggestions.json``; None: none was written.
        skipped: Why it was not judged; None: it was.
    """

    session: str
    rows: int = 0
    nets: tuple[str, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    file: Path | None = None
    skipped: str | None = None


@dataclass(frozen=True)
class AuditResult:
    """Result of an audit.

    Attributes:
        sessions: One for each session of the data set that was asked for.
    """

    sessions: tuple[SessionAudit, ...]

    @property
    def suggestions(self) -> list[Suggestion]:
        """Those of all sessions, the highest score first."""
        every = [one for session in self.sessions for one in session.suggestions]
        return sorted(every, key=lambda one: (-one.score, one.session, one.seq_first))

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``."""
        return {
            "schema": SCHEMA,
            "sessions": [
                {
                    "session": one.session,
                    "rows": one.rows,
                    "nets": list(one.nets),
                    "suggestions": len(one.suggestions),
                    "file": None if one.file is None else str(one.file),
                    "skipped": one.skipped,
                }
                for one in self.sessions
            ],
            "suggestions": [asdict(one) for one in self.suggestions],
        }


@dataclass(frozen=True)
class AuditNet:
    """A net and the sessions it must not judge.

    Attributes:
        path: Its checkpoint.
        checkpoint: The checkpoint.
        seen: (name, uuid) of each session that it has learnt from.
        digest: First digits of the SHA-256 of its file.
    """

    path: Path
    checkpoint: Checkpoint
    seen: frozenset[tuple[str, str]]
    digest: str

    def may_judge(self, session: str, uuid: str) -> bool:
        """Return True if it has not learnt from a session, whatever its name is now."""
        return not any(uuid == known if uuid and known else session == name
                       for name, known in self.seen)  # fmt: skip

    @property
    def words(self) -> str:
        """Its name and digest, for ``source``."""
        return f"{self.path.name} {self.digest}"


def load_audit_net(path: Path) -> AuditNet:
    """Load a checkpoint that says which sessions it was trained on.

    Raises:
        CheckpointError: It is not a checkpoint, or does not say that.
    """
    checkpoint = load_checkpoint(path)
    if finds_people(checkpoint.model):
        raise CheckpointError(whole_images(path, "kincap audit"))
    sessions = checkpoint.trained.get("sessions")
    try:
        seen = frozenset((str(one["session"]), str(one["uuid"])) for one in sessions or ())
    except (KeyError, TypeError):
        sessions = None
    if not isinstance(sessions, list):
        raise CheckpointError(
            f"{path}: does not say which sessions it was trained on (an older kincap made it, or "
            "its --init); train it again, or use kincap audit --folds K"
        )
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return AuditNet(path, checkpoint, seen, digest[:12])


def audit(settings: AuditSettings, on_progress: OnProgress | None = None) -> AuditResult:
    """Compare nets with the labels of sessions that they were not trained on.

    Args:
        settings: What to audit, with which nets.
        on_progress: Called with rows done, rows in all, and the session.

    Returns:
        What disagrees, by session.

    Raises:
        CheckpointError: A file is not a checkpoint, or does not say its sessions.
        DatasetError: The data set can't be read.
        KincapError: No session can be judged, or a flag has no possible value; nothing was written.
        SessionError: A ``suggestions.json`` that kincap did not make is in the way (nothing was
            written), or one can't be written (exit 1).
    """
    if settings.top < 1:
        raise KincapError(f"--top {settings.top}: expected at least 1")
    nets = [load_audit_net(path) for path in settings.checkpoints]
    if not nets:
        raise KincapError("no net to audit with: name a checkpoint, or --folds K to train some")
    device = choose_device(settings.device)
    with open_kinect13(settings.data) as dataset:
        chosen = choose(dataset, settings)
        judged = {name: [net for net in nets if net.may_judge(name, uuid)]
                  for name, uuid in chosen.items()}  # fmt: skip
        if not any(judged.values()):
            raise KincapError(
                f"every net was trained on every session of {settings.data} that matches "
                f"--sessions {settings.sessions}; a net must not judge what it has learnt: train "
                "without them, or use --folds K"
            )
        folders = _folders(settings, {name: chosen[name] for name in judged if judged[name]})
        found = _judge_all(settings, dataset, chosen, judged, device, on_progress)
    return _kept(settings, found, folders, judged)


def choose(dataset: Kinect13, settings: AuditSettings) -> dict[str, str]:
    """Return name and uuid of the sessions of a data set that are asked for.

    Raises:
        KincapError: There is none.
    """
    uuids = {str(one.get("session")): str(one.get("uuid", "")) for one in dataset.meta.sources}
    there_are = [name for name in dataset.meta.sessions if name not in dataset.meta.forgotten]
    names = [name for name in there_are if fnmatchcase(name, settings.sessions)]
    if not names:
        there = ", ".join(there_are[:6])
        raise KincapError(
            f"--sessions {settings.sessions}: matches none of {there} in {dataset.path}"
        )
    return {name: uuids.get(name, "") for name in names}


def _folders(settings: AuditSettings, sessions: Mapping[str, str]) -> dict[str, Path]:
    """Return the folder of each session that will be judged.

    Raises:
        KincapError: A session is not there, or another one has its name.
        SessionError: Its suggestions can't be replaced.
    """
    folders = {}
    there = find_sessions(settings.recordings) if settings.recordings.is_dir() else []
    for name, uuid in sessions.items():
        folder = settings.recordings / name
        if name not in there:
            if settings.dry_run:
                continue
            raise KincapError(
                f"{folder}: no such session, the data set was built from it; name its folder with "
                "--recordings, leave it out with --sessions, or use --dry-run"
            )
        if load_session(folder).uuid != uuid:
            raise KincapError(
                f"{folder}: another session than the one that {settings.data} was built from; "
                "build the data set again"
            )
        check_replaceable(folder)
        folders[name] = folder
    return folders


@dataclass(frozen=True)
class _SplitRows:
    """Rows of one split of a data set that belong to one session."""

    split: str
    rows: NDArray[np.int64]


def _judge_all(
    settings: AuditSettings,
    dataset: Kinect13,
    chosen: Mapping[str, str],
    judged: Mapping[str, Sequence[AuditNet]],
    device: torch.device,
    on_progress: OnProgress | None,
) -> dict[str, tuple[int, list[Suggestion]]]:
    """Return by session the number of rows and all suggestions."""
    places = _places(dataset, [name for name in chosen if judged[name]])
    total = sum(len(part.rows) * len(judged[name]) for name, own in places.items() for part in own)
    done = 0
    found = {}
    for name, own in places.items():
        poses: list[NDArray[np.float64]] = []
        parts: list[tuple[NDArray[Any], ...]] = []
        for part in own:
            sums: NDArray[np.float64] | None = None
            for net in judged[name]:
                size = net.checkpoint.size
                every = load_samples(dataset, part.split, size, in_memory=False)
                samples = every.take(part.rows)
                pose = _predict(net, samples, device)
                if on_progress:
                    on_progress(done + len(part.rows), total, name)
                done += len(part.rows)
                sums = pose if sums is None else sums + pose
            assert sums is not None
            rows = dataset.split(part.split)
            poses.append(sums / len(judged[name]))
            labels = samples.to_image_px(samples.targets)
            parts.append((labels, samples.weight > 0, rows.take[part.rows],
                          rows.color_seq[part.rows], rows.tracking_id[part.rows]))  # fmt: skip
        labels, counted, take, seq, person = map(np.concatenate, zip(*parts, strict=True))
        words = ", ".join(net.words for net in judged[name])
        compared = compare(np.concatenate(poses), labels, counted)
        found[name] = (len(labels), suggest(compared, name, chosen[name], take, seq, person, words))
    return found


def _places(dataset: Kinect13, names: Sequence[str]) -> dict[str, list[_SplitRows]]:
    """Return by session where its rows are; sessions without a row are left out."""
    index = {name: k for k, name in enumerate(dataset.meta.sessions)}
    places: dict[str, list[_SplitRows]] = {}
    for split in dataset.splits:
        session = np.asarray(dataset.split(split).session)
        for name in names:
            rows = np.flatnonzero(session == index[name])
            if len(rows):
                places.setdefault(name, []).append(_SplitRows(split, rows))
    return places


def _predict(net: AuditNet, samples: Samples, device: torch.device) -> NDArray[np.float64]:
    """Return (N, 13, 2) poses in pixels of the image, those of a mirrored copy averaged in."""
    module = net.checkpoint.build().to(device)
    poses = run_net(module, samples, device).poses
    if net.checkpoint.mirror_training:
        other = run_net(module, samples, device, mirrored=True).poses
        poses = np.float32(0.5) * (poses + other)
    return samples.to_image_px(poses)


def least_score(found: Sequence[Sequence[Suggestion]], top: int) -> float:
    """Return the score that a suggestion of any session needs to be among the ``top`` highest."""
    every = sorted(-one.score for own in found for one in own)
    return -every[top - 1] if len(every) >= top else 0.0


def _kept(
    settings: AuditSettings,
    found: Mapping[str, tuple[int, list[Suggestion]]],
    folders: Mapping[str, Path],
    judged: Mapping[str, Sequence[AuditNet]],
) -> AuditResult:
    """Keep the highest scores of all sessions, and write each session's file."""
    least = least_score([own for _, own in found.values()], settings.top)
    sessions = []
    for name, nets in judged.items():
        if not nets:
            why = "every net was trained on it"
            sessions.append(SessionAudit(name, skipped=why))
            continue
        if name not in found:
            sessions.append(SessionAudit(name, skipped="no row of it is in the data set"))
            continue
        rows, own = found[name]
        words = tuple(net.words for net in nets)
        top = tuple(one for one in own if one.score >= least)
        sessions.append(SessionAudit(name, rows, words, top))
    if not settings.dry_run:
        sessions = [
            one
            if one.skipped
            else replace(one, file=save_suggestions(folders[one.session], one.suggestions))
            for one in sessions
        ]
    return AuditResult(tuple(sessions))
