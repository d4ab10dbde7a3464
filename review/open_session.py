"""One open session: its tables, its frames with their bodies, its decisions."""

import contextlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.errors import KincapError
from ..core.jpeg import check_jpeg, encode_jpeg
from ..core.pairing import pair_within
from ..core.skeleton import KEYPOINT_JOINT, KEYPOINTS
from ..sessions.edits.journal import REJECT, Edits, load_edits
from ..sessions.edits.operations import Operation
from ..sessions.reader import SessionReader
from ..sessions.schema import STREAM_TABLE, Stream
from ..sessions.session_file import load_session
from ..sessions.suggestions import load_suggestions
from . import timeline
from .columns import pack_columns
from .context import Context, errors_of
from .edit_requests import SeenPerson, frames_named, with_moves
from .errors import NotHereError, OutsideError, ReplacedError
from .judging.frame_facts import FrameFacts
from .judging.lanes import LaneTable
from .judging.session_judge import SessionJudge
from .people_columns import halves_of, people_columns
from .pictures.body_outlines import body_outlines
from .pictures.empty_stage import empty_picture, stick_picture
from .pictures.previews import (
    THUMBNAIL_PX,
    THUMBNAIL_QUALITY,
    preview_of,
    thumbnail_of,
)
from .pictures.range_video import MOST_FRAMES, LabelledFrame, label_frames
from .session_bodies import SessionBodies
from .stamps import edits_stamp, file_identity, recording_stamp

PIECE: Final = 256
"""Colour frames, by seq, in one answer of bodies."""


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
        self._identity = file_identity(folder)
        self._reader = SessionReader(folder, skip_unreadable=True)
        self._body_rows = SessionBodies(self._reader)
        self._thumbnail: tuple[int, bytes] | None = None
        self._empty: bytes | None = None
        self._decided: tuple[object, Edits] | None = None
        self._lanes: LaneTable | None = None
        self._facts: tuple[tuple[SessionJudge, int], FrameFacts | None] | None = None
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
        identity = file_identity(self.folder)
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
        self._lanes = None
        self._paired: tuple[np.ndarray, timeline.FrameBodies] | None = None
        self._body_rows.refresh()
        # without pictures the body rows are what is paged through, on an empty stage
        self._bodies_alone = self._reader.info.is_bodies_alone
        if self._bodies_alone:
            self._color = timeline.rows_in_place_of_color(self._body_rows.rows())

    def _bodies(self) -> tuple[np.ndarray, timeline.FrameBodies]:
        """Return the bodies, and which of them belongs to which colour frame."""
        if self._paired is None:
            bodies = self._body_rows.rows()
            self._paired = (
                bodies,
                timeline.pair_bodies(
                    self._color, bodies, pair_within(self._reader.info.shape.tick_100ns)
                ),
            )
        return self._paired

    def read_more_bodies(self) -> bool:
        """Read bodies of one more shard; return False where all were read."""
        return self._body_rows.read_more()

    def detail(self) -> dict[str, Any]:
        """Return what the session's page shows beside its line in the list and its frames."""
        info = self._reader.info
        drops = timeline.find_drops(self._color, self._reader.events, self.along)
        return {
            "schema": "kincap/review-session/1",
            "uuid": self.uuid,
            "frames": len(self._color),
            "rejected": self.rejected(),
            "bodies": self._body_rows.count(),
            "source": str(info.source.get("uri") or info.source.get("kind") or ""),
            "color_size_px": self._size,
            "mirrored": bool(info.device.mirrored),
            "times": info.device.times or "",
            "along": self.along.name,
            "streams": [stream.name for stream in Stream if stream and self._has_rows(stream)],
            "takes": timeline.take_spans(self._color),
            "drops": [asdict(drop) for drop in drops],
            "events": self.events(),
            "missing": [
                {"shard": name, "problem": why} for name, why in self._reader.missing.items()
            ],
            "edits": self.edits(),
        }

    def events(self) -> list[dict[str, Any]]:
        """Return the events that the page shows."""
        return timeline.page_events(self._color, self._reader.events, self.along)

    def facts(self, judge: SessionJudge, context: Context) -> FrameFacts | None:
        """Return what is known about each frame; made anew when a decision is new."""
        edits = self.decided()
        key = (judge, len(edits.operations))
        if self._facts is None or self._facts[0] != key:
            more = self._learned(judge.seqs, context)
            self._facts = key, judge.facts(edits, more)
        return self._facts[1]

    def lanes(self, facts: FrameFacts) -> LaneTable:
        """Return the lanes of the time line; made anew when facts or files are new."""
        if self._lanes is None or self._lanes.facts is not facts:
            self._lanes = LaneTable(facts, self.events())
        return self._lanes

    def _learned(self, seqs: np.ndarray, context: Context) -> dict[str, np.ndarray]:
        """Return splits, errors of predictions and scores of suggestions along some frames."""
        audit = np.zeros(len(seqs), np.float32)
        with contextlib.suppress(KincapError):
            for one in load_suggestions(self.folder):
                begin, end = np.searchsorted(seqs, [one.seq_first, one.seq_last + 1])
                np.maximum(audit[begin:end], one.score, out=audit[begin:end])
        more = {"split": context.split_of(self.uuid, seqs), "audit": audit}
        rows = context.poses_of(self.uuid, self._size, self._mirrored)
        if len(rows):
            error = np.full((len(seqs), KEYPOINTS), np.nan, np.float32)
            own = rows[rows["source"] == rows["source"].min()]
            at = np.searchsorted(seqs, own["seq"]).clip(max=len(seqs) - 1)
            same = seqs[at] == own["seq"]
            error[at[same]] = self._errors(own[same])
            more["error"] = error
        return more

    def _errors(self, rows: np.ndarray) -> np.ndarray:
        """Return (P, 13) how far predictions are from the labels, torsos."""
        labels = np.full((len(rows), KEYPOINTS, 2), np.nan)
        for at, row in enumerate(rows):
            seen = self._person(int(row["seq"]), int(row["tracking_id"]))
            if seen is not None:
                labels[at] = seen.points[KEYPOINT_JOINT]
        return errors_of(rows["keypoint_px"].astype(np.float64), labels)

    def predictions(self, first: int, context: Context) -> bytes:
        """Return the predictions in frames [first, first + PIECE), as packed columns."""
        rows = context.poses_of(self.uuid, self._size, self._mirrored)
        begin, end = np.searchsorted(rows["seq"], [first, first + PIECE])
        own = rows[begin:end]
        columns = {
            "seq": own["seq"].astype("<f8"),
            "source": own["source"],
            "tracking_id": halves_of(own["tracking_id"]),
            "keypoint_px": own["keypoint_px"],
            "confidence": own["confidence"],
            "error": self._errors(own),
        }
        return pack_columns(columns, predictions=list(context.predictions))

    def _has_rows(self, stream: Stream) -> bool:
        """Return True if the shards have a table of a stream."""
        table = STREAM_TABLE[stream]
        shards = (self._reader.shard(shard.name) for shard in self._reader.shards)
        return any(table in shard.layout.tables for shard in shards)

    def decided(self) -> Edits:
        """Return the decisions; the file is read when it has changed."""
        stamp = edits_stamp(self.folder)
        if self._decided is None or self._decided[0] != stamp:
            self._decided = stamp, load_edits(self.folder, self.uuid)
        return self._decided[1]

    def rejected(self) -> int:
        """Return how many frames are rejected."""
        return int((self.decided().verdicts(self._color["seq"]) == REJECT).sum())

    def edits(self) -> dict[str, Any]:
        """Return the decisions as the page holds them."""
        edits, seqs = self.decided(), self._color["seq"]
        ranges = []
        within = edits.ranges_within(int(seqs[0]), int(seqs[-1])) if len(seqs) else ()
        for first, last, op in within:
            begin, end = np.searchsorted(seqs, [first, last + 1])
            ranges.append({"op": op, "first": first, "last": last, "frames": int(end) - int(begin)})
        return {
            "uuid": self.uuid,
            "revision": len(edits.operations),
            "rejected": self.rejected(),
            "ranges": ranges,
            "trim": edits.trim,
            "tags": [{"tag": tag, "first": a, "last": b} for tag, a, b in edits.tags()],
            "notes": [
                {
                    "note": one["note"],
                    "first": one.get("seq_first"),
                    "last": one.get("seq_last"),
                    "utc": one.get("utc", ""),
                }
                for one in edits.notes()
            ],
            "moves": [
                {key: value for key, value in one.items() if key not in ("uuid", "utc", "group")}
                for one in edits.labels
            ],
            "can_undo": edits.can_undo,
            "can_redo": edits.can_redo,
        }

    def operations(self, asked: Sequence[Operation]) -> list[Operation]:
        """Return operations as the journal takes them, checked against the session.

        Raises:
            OutsideError: A frame, a person or a place is not one of the session.
        """
        for one in asked:
            named = frames_named(one)
            if named is not None:
                self.check_range(*named)
        return with_moves(asked, self._color["seq"], self._person, self.decided(), self._size)

    def _person(self, seq: int, tracking_id: int) -> SeenPerson | None:
        """Return a person in a frame; None where it is not seen."""
        bodies, pairs = self._bodies()
        at = int(np.searchsorted(self._color["seq"], seq))
        if at == len(self._color) or self._color["seq"][at] != seq or pairs.body[at] < 0:
            return None
        row = bodies[pairs.body[at]]
        slots = np.flatnonzero((row["tracked"] > 0) & (row["tracking_id"] == tracking_id))
        if not len(slots):
            return None
        return SeenPerson(row["joint_color_px"][slots[0]], row["joint_state"][slots[0]])

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

    def timeline(self, first: int, axis: bool = False) -> bytes:
        """Return a row for each colour frame from seq ``first`` on, as packed columns.

        Args:
            first: Of the frames.
            axis: Only when each frame was taken: that costs no look at the bodies.
        """
        columns = {
            "seq": self._color["seq"].astype("<f8"),
            "time_s": timeline.seconds_in_take(self._color),
            "take": self._color["take"].astype("<u2"),
        }
        if not axis:
            bodies, pairs = self._bodies()
            people, states = timeline.lane_states(bodies, pairs)
            columns |= {"residual_ms": pairs.residual_ms, "bodies": people, "states": states}
        at = int(np.searchsorted(self._color["seq"], first))
        return pack_columns({name: column[at:] for name, column in columns.items()})

    def people(self, first: int) -> bytes:
        """Return the people in colour frames [first, first + PIECE), as packed columns."""
        begin, end = np.searchsorted(self._color["seq"], [first, first + PIECE])
        bodies, pairs = self._bodies()
        found = timeline.find_people(bodies, pairs, np.arange(begin, end))
        edits = self.decided()
        seq = self._color["seq"][found.frame]
        columns = people_columns(bodies, found, seq, edits, self._size, self._mirrored)
        columns["joint_xyz_m"] = self._body_rows.joints_m(found.body, found.slot)
        return pack_columns(columns, revision=len(edits.operations))

    @property
    def _mirrored(self) -> bool:
        return bool(self._reader.info.device.mirrored)

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

    def preview(self, seq: int) -> bytes:
        """Return a small JPEG of a frame, decoded at a fraction of its size.

        Raises:
            KincapError: It is damaged.
            NotHereError: No such frame is stored.
        """
        data = self.frame(seq)
        return preview_of(data, self._size[0])

    def masks(self, seq: int) -> dict[str, Any]:
        """Return the outlines of the bodies in a frame.

        Raises:
            KincapError: The mask is damaged.
            NotHereError: No such frame is stored.
        """
        if not self._has(seq):
            raise NotHereError(f"{self.name}: no frame {seq} is stored")
        bodies, pairs = self._bodies()
        body = int(pairs.body[np.searchsorted(self._color["seq"], seq)])
        found: list[dict[str, Any]] = []
        if body >= 0 and not self._bodies_alone:
            row = bodies[body]
            tracked = row["distance_m"][row["tracked"] > 0]
            near = float(np.nanmin(tracked)) if np.isfinite(tracked).any() else float("nan")
            moment = int(row["take"]), int(row["time_device"])
            found = body_outlines(self._reader, *moment, near)
        return {"schema": "kincap/review-masks/1", "seq": seq, "bodies": found}

    def labelled_frames(self, first: int, last: int) -> list[LabelledFrame]:
        """Return the frames of a range with their labels, as a video draws them.

        Raises:
            OutsideError: There are none, or too many.
        """
        begin, end = np.searchsorted(self._color["seq"], [first, last + 1])
        if not 0 < end - begin <= MOST_FRAMES:
            raise OutsideError(
                f"{self.name}: {end - begin} frames between {first} and {last}, expected 1 to "
                f"{MOST_FRAMES}; mark a shorter range"
            )
        bodies, pairs = self._bodies()
        people = timeline.find_people(bodies, pairs, np.arange(begin, end))
        seq = self._color["seq"]
        drawn = people_columns(
            bodies, people, seq[people.frame], self.decided(), self._size, self._mirrored
        )
        return label_frames(self._color[begin:end], people.frame - begin, drawn)

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
            bodies, pairs = self._bodies()
            found = timeline.find_people(bodies, pairs, np.array([at]))
            joints = bodies[found.body]["joint_color_px"][np.arange(len(found.body)), found.slot]
            return stick_picture(THUMBNAIL_PX, joints, self._size)
        return thumbnail_of(self.frame(int(self._color["seq"][at])))
