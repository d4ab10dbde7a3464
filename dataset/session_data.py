"""Read the tables of a session: the rows of its colour frames and the keypoints of its bodies.

Tables only, shard by shard, and of the bodies only what is needed: an hour of recording stays
small in memory.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DatasetError, SessionError, ShardError
from ..sessions.edits.journal import Edits, load_edits
from ..sessions.folders import (
    NOT_READABLE,
    find_sessions,
    may_read,
    name_problem,
    session_folder,
)
from ..sessions.info import SessionInfo
from ..sessions.lock import is_recording
from ..sessions.manifest import read_raw
from ..sessions.schema import (
    COLOR_DTYPE,
    EVENTS_DTYPE,
    STREAM_TABLE,
    Rows,
    Stream,
    by_kinect_joints,
    good_rows,
)
from ..sessions.session_file import load_session
from ..sessions.shard.layout import other_shape
from ..sessions.shard.shard_reader import ShardReader
from ..sessions.shards import ShardFile, open_shards
from .body_rows import BodyRows, SlimBodies
from .labels.shown_cues import ShownCues, shown_cues

_COLOR: Final = STREAM_TABLE[Stream.color]
_BODIES: Final = STREAM_TABLE[Stream.bodies]
_EVENTS: Final = "events"
_ROWS_AT_ONCE: Final = 512
"""Body rows that are held at a time, 3 MB."""


@dataclass(frozen=True)
class Recording:
    """The tables of one session.

    Attributes:
        name: Of the session.
        folder: Its folder.
        info: What session.json says.
        edits: The reviewer's decisions.
        manifest_sha256: Of manifest.jsonl.
        shards: File names of its sealed shards.
        color: (F,) rows of color_index, by seq.
        color_shard: (F,) index into ``shards``.
        bodies: Its bodies, by seq.
        cues: The cue that was shown at each colour frame.
        damaged_rows: How many rows of both tables can't be trusted and are in neither.
        damaged_shards: File names of its shards that are missing, or damaged outside of their rows
            and pictures; only what is whole of them is here.
    """

    name: str
    folder: Path
    info: SessionInfo
    edits: Edits
    manifest_sha256: str
    shards: tuple[str, ...]
    color: Rows
    color_shard: NDArray[np.int32]
    bodies: BodyRows
    damaged_rows: int
    damaged_shards: tuple[str, ...] = ()
    cues: ShownCues = field(default_factory=ShownCues)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of its colour images."""
        return self.info.size_px

    @property
    def mirrored(self) -> bool:
        """Return True if its images and colour positions are mirrored."""
        return self.info.mirrored

    def source(self) -> dict[str, Any]:
        """Return what a data set says about where its rows came from."""
        return {
            "session": self.name,
            "uuid": self.info.uuid,
            "subject": self.info.subject,
            "outfit": self.info.outfit or self.name,
            "manifest_sha256": self.manifest_sha256,
            "edits_sha256": self.edits.fingerprint(),
            "tags": [
                {"tag": tag, "seq_first": first, "seq_last": last}
                for tag, first, last in self.edits.tags()
            ],
            "mirrored": self.mirrored,
            "color_size_px": list(self.size_px),
            "times": self.info.device.times or "",
        }


def choose_sessions(recordings: Path, pattern: str) -> list[str]:
    """Return the sessions that a glob names, sorted.

    Raises:
        DatasetError: There is none.
    """
    found = find_sessions(recordings, pattern)
    names = [name for name in found if _unusable(recordings / name) is None]
    if names:
        return names
    if found:
        raise DatasetError("; ".join(unusable_sessions(recordings, pattern)))
    there = find_sessions(recordings)
    if there:
        raise DatasetError(
            f"--sessions {pattern}: matches none of {', '.join(there[:6])} in {recordings}"
        )
    raise DatasetError(f"{recordings}: no sessions here; record one or name another --recordings")


def unusable_sessions(recordings: Path, pattern: str) -> list[str]:
    """Return a line for each session that a glob names and that can't be used as it is called."""
    folders = [recordings / name for name in find_sessions(recordings, pattern)]
    return [f"{folder}: {why}" for folder in folders if (why := _unusable(folder)) is not None]


def _unusable(folder: Path) -> str | None:
    """Return why a session's folder can't be used, or None."""
    return name_problem(folder) or (None if may_read(folder) else NOT_READABLE)


def load_recording(
    recordings: Path, name: str, skip_damaged: bool = False, *, unsealed: bool = False
) -> Recording:
    """Read the tables of a session whose shards are all sealed.

    Args:
        recordings: The folder of all sessions.
        name: The session.
        skip_damaged: Of damaged shards use what is whole.
        unsealed: Take what is readable of any session, also of one that is being recorded: to look
            at, not to build from.

    Raises:
        SessionError: It is being recorded, or was left by a killed recorder; says what to do.
        ShardError: A shard can't be read.
    """
    folder = session_folder(recordings, name)
    info = load_session(folder)
    _check_device(folder, info)
    if not unsealed and is_recording(folder):
        raise SessionError(f"{folder}: being recorded now; build when the recorder has ended")
    shards: list[str] = []
    color: list[Rows] = []
    events: list[Rows] = []
    bodies = SlimBodies(info.size_px)
    damaged_shards: list[str] = []
    damaged = 0
    for shard in open_shards(folder, info):
        if unsealed:
            reader = shard.reader
            if reader is None or other_shape(reader.layout, info.shape):
                continue
        elif skip_damaged and _is_damaged(shard):
            damaged_shards.append(shard.name)
            reader = shard.reader
            if reader is not None and other_shape(reader.layout, info.shape):
                continue
        else:
            reader = _whole(shard, name)
        if reader is None:
            continue
        frames, lost = _good_rows(reader, _COLOR)
        damaged += lost
        for first in range(0, reader.layout.rows.get(_BODIES, 0), _ROWS_AT_ONCE):
            rows, lost = _good_rows(reader, _BODIES, first, _ROWS_AT_ONCE)
            bodies.add(by_kinect_joints(rows, info.shape.skeleton))
            damaged += lost
        shards.append(shard.name)
        color.append(frames)
        events.append(_good_rows(reader, _EVENTS)[0])
    counts = [len(rows) for rows in color]
    all_color = np.concatenate([np.empty(0, COLOR_DTYPE), *color])
    return Recording(
        name=name,
        folder=folder,
        info=info,
        edits=load_edits(folder, info.uuid),
        manifest_sha256=_manifest_sha256(folder),
        shards=tuple(shards),
        color=all_color,
        color_shard=np.repeat(np.arange(len(shards), dtype=np.int32), counts),
        bodies=bodies.joined(),
        damaged_rows=damaged,
        damaged_shards=tuple(damaged_shards),
        cues=shown_cues(all_color, np.concatenate([np.empty(0, EVENTS_DTYPE), *events])),
    )


def _problem(shard: ShardFile) -> str | None:
    """Return what is wrong with a shard as a whole."""
    return shard.problem or (shard.found.problem if shard.found else None)


def _is_damaged(shard: ShardFile) -> bool:
    """Return True for a sealed shard of this session that is missing or damaged as a whole."""
    if shard.record is None or (shard.found is not None and shard.found.foreign):
        return False
    return shard.reader is None or _problem(shard) is not None


def _whole(shard: ShardFile, name: str) -> ShardReader | None:
    """Return the open reader of a sealed shard; None for one without a row.

    Raises:
        ShardError: It can't be read, or its header is damaged; says what to do.
        SessionError: It is missing, or was left by a killed recorder; says what to do.
    """
    if shard.bytes < 0:
        raise SessionError(
            f"{shard.path}: missing, the manifest has it; kincap sessions verify {name}, or use "
            "the others with kincap build --skip-damaged"
        )
    if shard.reader is None or _problem(shard):
        raise ShardError(
            f"{shard.path}: {_problem(shard)}; kincap sessions repair {name}, or use what is whole "
            "of it with kincap build --skip-damaged"
        )
    if shard.record is not None:
        return shard.reader
    if shard.reader.is_empty():
        return None
    raise SessionError(
        f"{shard.path}: not sealed, its recorder was killed; kincap sessions repair {name}"
    )


def _good_rows(
    reader: ShardReader, table: str, first: int = 0, count: int | None = None
) -> tuple[Rows, int]:
    """Return the rows of a table that count, and how many damaged ones it has."""
    rows = reader.all_rows(table, first, count)
    good = good_rows(rows)
    damaged = int((rows["row_crc"][~good] != 0).sum())
    return rows[good], damaged


def _check_device(folder: Path, info: SessionInfo) -> None:
    """Refuse a session that does not say how its pictures are to be read."""
    try:
        _ = info.mirrored, info.size_px
    except SessionError as err:
        raise SessionError(f"{folder.parent}/{err}") from err


def _manifest_sha256(folder: Path) -> str:
    """Return the checksum of the manifest, which holds that of every shard."""
    return hashlib.sha256(read_raw(folder)).hexdigest()
