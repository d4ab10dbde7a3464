"""One open session: its tables, its frames with their bodies, its decisions."""

import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ..core.errors import KincapError
from ..core.jpeg import check_jpeg, decode_jpeg, encode_jpeg
from ..core.pairing import pair_within
from ..sessions.edits.journal import REJECT, Edits, load_edits
from ..sessions.folders import SESSION_FILE
from ..sessions.lock import in_use
from ..sessions.reader import SessionReader, ShardState
from ..sessions.schema import Stream, by_kinect_joints
from ..sessions.session_file import load_session
from . import timeline
from .columns import pack_columns
from .empty_stage import empty_picture, stick_picture
from .errors import NotHereError, OutsideError, ReplacedError

PIECE: Final = 256
"""Colour frames, by seq, in one answer of bodies."""

THUMBNAIL_PX: Final = (384, 216)
THUMBNAIL_QUALITY: Final = 82


class OpenSession:
    """A session that is being looked at, by one thread at a time.

    Args:
        name: The session.
        folder: Its folder.

    Raises:
        SessionError: The session can't be read.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self._stamp = recording_stamp(folder)
        self._identity = _file_identity(folder)
        self._reader = SessionReader(folder)
        self._slim: dict[str, np.ndarray] = {}
        self._thumbnail: tuple[int, bytes] | None = None
        self._empty: bytes | None = None
        self._load()

    @property
    def uuid(self) -> str:
        """The session's identity: it is another one when a session is recorded anew."""
        return self._reader.info.uuid

    @property
    def along(self) -> Stream:
        """The stream whose frames are paged through: bodies where there are no pictures."""
        return Stream.bodies if self._bodies_alone else Stream.color

    def close(self) -> None:
        """Close the files."""
        self._reader.close()

    def is_replaced(self) -> bool:
        """Return True if another session was recorded under this name; costs one look at a file."""
        identity = _file_identity(self.folder)
        if identity == self._identity:
            return False
        if load_session(self.folder).uuid != self.uuid:
            return True
        self._identity = identity
        return False

    def refresh(self) -> None:
        """Look at the files again: a recorder may be writing.

        Raises:
            ReplacedError: Another session was recorded under this name.
        """
        stamp = recording_stamp(self.folder)
        if stamp == self._stamp:
            return
        if self.is_replaced():
            raise ReplacedError(self.name)
        self._reader.refresh()
        self._load()
        # taken before the look: what was written during it is found the next time
        self._stamp = stamp

    def _load(self) -> None:
        """Take the small tables; the bodies are read when the page asks for them."""
        self._size = self._reader.info.size_px
        self._color = self._reader.color
        self._paired: tuple[np.ndarray, timeline.FrameBodies] | None = None
        # without pictures the body rows are what is paged through, on an empty stage
        self._bodies_alone = self._reader.info.is_bodies_alone
        if self._bodies_alone:
            self._color = timeline.rows_in_place_of_color(self._slim_bodies())

    def _bodies(self) -> tuple[np.ndarray, timeline.FrameBodies]:
        """Return the bodies, and which of them belongs to which colour frame."""
        if self._paired is None:
            bodies = self._slim_bodies()
            self._paired = (
                bodies,
                timeline.pair_bodies(
                    self._color, bodies, pair_within(self._reader.info.shape.tick_100ns)
                ),
            )
        return self._paired

    def _slim_bodies(self) -> np.ndarray:
        """Return what is needed of all bodies."""
        none = np.zeros(0, timeline.body_dtype(self._reader.info.shape.bodies))
        parts = [none, *map(self._slim_shard, self._reader.shards)]
        return np.concatenate(parts)

    def _slim_shard(self, shard: ShardState) -> np.ndarray:
        """Return what is needed of a shard's bodies; kept for a sealed one, which never changes."""
        if shard.record is None:
            return self._read_slim(shard)
        key = shard.record.sha256
        if key not in self._slim:
            self._slim[key] = self._read_slim(shard)
        return self._slim[key]

    def _read_slim(self, shard: ShardState) -> np.ndarray:
        rows = self._reader.shard(shard.name).rows("bodies")
        return timeline.slim_bodies(by_kinect_joints(rows, self._reader.info.shape.skeleton))

    def detail(self) -> dict[str, Any]:
        """Return what the session's page shows beside its line in the list and its frames."""
        info = self._reader.info
        drops = timeline.find_drops(self._color, self._reader.events, self.along)
        edits = load_edits(self.folder, self.uuid)
        verdicts = edits.verdicts(self._color["seq"])
        return {
            "schema": "kincap/review-session/1",
            "uuid": self.uuid,
            "frames": len(self._color),
            "rejected": int((verdicts == REJECT).sum()),
            "bodies": len(self._bodies()[0]),
            "source": str(info.source.get("uri") or info.source.get("kind") or ""),
            "color_size_px": self._size,
            "mirrored": bool(info.device.mirrored),
            "times": info.device.times or "",
            "takes": timeline.take_spans(self._color),
            "drops": [asdict(drop) for drop in drops],
            "edits": self.edits(edits),
        }

    def edits(self, edits: Edits) -> dict[str, Any]:
        """Return the decisions as the page holds them."""
        seqs = self._color["seq"]
        ranges = []
        within = edits.ranges_within(int(seqs[0]), int(seqs[-1])) if len(seqs) else ()
        for first, last, op in within:
            begin, end = np.searchsorted(seqs, [first, last + 1])
            ranges.append({"op": op, "first": first, "last": last, "frames": int(end) - int(begin)})
        return {"ranges": ranges, "can_undo": edits.can_undo, "can_redo": edits.can_redo}

    def check_range(self, first: int, last: int) -> None:
        """Check that a range to decide about is one of the session's frames.

        Raises:
            OutsideError: It begins before the first frame or ends after the last one.
        """
        seqs = self._color["seq"]
        if len(seqs) == 0:
            raise OutsideError(f"{self.name}: no frames to decide about")
        if first < seqs[0] or last > seqs[-1]:
            raise OutsideError(
                f"{self.name}: frames {first} to {last}: expected a range within {seqs[0]} to "
                f"{seqs[-1]}"
            )

    def timeline(self, first: int) -> bytes:
        """Return a row for each colour frame from seq ``first`` on, as packed columns."""
        at = int(np.searchsorted(self._color["seq"], first))
        bodies, pairs = self._bodies()
        people, states = timeline.lane_states(bodies, pairs)
        columns = {
            "seq": self._color["seq"].astype("<f8"),
            "time_s": timeline.seconds_in_take(self._color),
            "residual_ms": pairs.residual_ms,
            "take": self._color["take"].astype("<u2"),
            "bodies": people,
            "states": states,
        }
        return pack_columns({name: column[at:] for name, column in columns.items()})

    def people(self, first: int) -> bytes:
        """Return the people in colour frames [first, first + PIECE), as packed columns."""
        begin, end = np.searchsorted(self._color["seq"], [first, first + PIECE])
        frames = np.arange(begin, end)
        return pack_columns(timeline.people_columns(self._color, *self._bodies(), frames))

    def frame(self, seq: int) -> bytes:
        """Return a colour frame's JPEG as stored, its checksum and its size checked.

        Of a session without pictures, an empty one.

        Raises:
            KincapError: It is damaged; names shard and seq.
            NotHereError: No such frame is stored.
        """
        if not self._has(seq):
            self.refresh()
            if not self._has(seq):
                raise NotHereError(f"{self.name}: no frame {seq} is stored")
        if self._bodies_alone:
            self._empty = self._empty or empty_picture(self._size)
            return self._empty
        data = self._reader.color_blob(seq)
        check_jpeg(data, self._size)
        return data

    def _has(self, seq: int) -> bool:
        seqs = self._color["seq"]
        at = int(np.searchsorted(seqs, seq))
        return at < len(seqs) and int(seqs[at]) == seq

    def thumbnail(self) -> bytes:
        """Return a small JPEG of a frame from the first third.

        Raises:
            NotHereError: There is no frame, or none that can be read.
        """
        count = len(self._color)
        for at in dict.fromkeys((count // 3, 0, count // 2, count - 1) if count else ()):
            seq = int(self._color["seq"][at])
            if self._thumbnail is not None and self._thumbnail[0] == seq:
                return self._thumbnail[1]
            try:
                small = self._small(at)
            except KincapError:
                continue
            self._thumbnail = seq, encode_jpeg(small, THUMBNAIL_QUALITY)
            return self._thumbnail[1]
        raise NotHereError(f"{self.name}: no frame that can be shown")

    def _small(self, at: int) -> np.ndarray:
        """Return a frame at the size of a thumbnail, with its bones where it has no picture."""
        if self._bodies_alone:
            people = timeline.people_columns(self._color, *self._bodies(), [at])
            return stick_picture(THUMBNAIL_PX, people["joint_px"], self._size)
        picture = decode_jpeg(self.frame(int(self._color["seq"][at])), rgb=False)
        small = cv2.resize(picture, THUMBNAIL_PX, interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.uint8)


def _file_identity(folder: Path) -> object:
    """Return something that changes when session.json is written, also by another session."""
    status = (folder / SESSION_FILE).stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def recording_stamp(folder: Path) -> object:
    """Return something that changes whenever the recorder, not the reviewer, changed a file."""
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("edits."):
            continue
        # a recorder renames and deletes files of its own
        with contextlib.suppress(FileNotFoundError):
            status = entry.lstat()
            found.append((entry.name, status.st_mtime_ns, status.st_size))
    return in_use(folder), found
