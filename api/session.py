"""A recorded session for notebooks and scripts: frames, joints, keypoints, events, findings."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..checks.findings import Finding
from ..checks.session_checks import check_session
from ..core.closing import Closing
from ..core.errors import SessionError
from ..core.geometry import has_place_px, unmirror_points
from ..core.pairing import NO_BODY, pair_nearest, pair_within
from ..core.skeleton import JOINT_NAMES, KEYPOINT_JOINT, KEYPOINT_NAMES, TrackingState
from ..core.units import SECOND_100NS
from ..sessions.edits.journal import EDITS_FILE, REJECT, Edits, load_edits
from ..sessions.edits.labels import UNCHANGED, edit_labels
from ..sessions.info import SessionInfo
from ..sessions.kinds import EventKind
from ..sessions.reader import SessionReader
from ..sessions.schema import Rows, Stream, by_kinect_joints
from .session_records import (
    Floats,
    SessionEvent,
    SessionFrame,
    SessionJoints,
    SessionKeypoints,
)
from .tables import frames_table, joints_table, keypoints_table, records_table

if TYPE_CHECKING:
    import pandas as pd

Ints = npt.NDArray[np.int64]


class Session(Closing):
    """A session that is open for reading; ``kincap.open_session`` makes it.

    Close it, or use it in a with statement. A session that is being recorded can be read, too:
    ``refresh`` finds its new frames. One session object belongs to one thread.

    Attributes:
        folder: Its folder.
        joint_names: Names of the 25 joints, in order.
        keypoint_names: Names of the 13 keypoints, in order.
    """

    joint_names = JOINT_NAMES
    keypoint_names = KEYPOINT_NAMES

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reader = SessionReader(folder)
        self._known_edits: tuple[object, Edits] | None = None

    def __len__(self) -> int:
        """Return the number of colour frames."""
        return len(self._color)

    def __repr__(self) -> str:
        return f"<kincap session {self.name!r}: {len(self)} frames>"

    def close(self) -> None:
        """Close the session's files."""
        self._reader.close()

    def refresh(self) -> None:
        """Read what was recorded since the session was opened or refreshed."""
        self._reader.refresh()
        self.__dict__.pop("_starts", None)
        self.__dict__.pop("_pairs", None)

    @property
    def info(self) -> SessionInfo:
        """The content of session.json: subject, outfit, note, tags, source, device, takes ..."""
        return self._reader.info

    @property
    def name(self) -> str:
        """The session's name."""
        return self.info.name

    @property
    def seqs(self) -> npt.NDArray[np.uint64]:
        """(F,) the numbers of the colour frames, rising; a lost frame leaves a gap."""
        return np.asarray(self._color["seq"])

    @property
    def times_s(self) -> npt.NDArray[np.float64]:
        """(F,) seconds of each colour frame since its take's first item, by the sensor's clock."""
        return self._times(self._color)

    def frame(self, seq: int) -> SessionFrame:
        """Return the colour frame with a number.

        Raises:
            SessionError: The session has no such frame.
            ShardError: It is damaged.
        """
        index = self._reader.index_by_seq(Stream.color, seq)
        if index < 0:
            raise SessionError(f"{self.folder}: no colour frame with seq {seq}")
        return self._frame(index)

    def frame_at(self, time_s: float, take: int = 0) -> SessionFrame:
        """Return the colour frame of a take that is nearest to a moment.

        Args:
            time_s: Seconds since the take's first item.
            take: Which take.

        Raises:
            SessionError: The take has no colour frame.
            ShardError: The frame is damaged.
        """
        inside = np.flatnonzero(self._color["take"] == take)
        if not len(inside):
            raise SessionError(f"{self.folder}: no colour frame in take {take}")
        return self._frame(int(inside[np.argmin(np.abs(self.times_s[inside] - time_s))]))

    def frames(self, step: int = 1) -> Iterator[SessionFrame]:
        """Yield the colour frames in order.

        Args:
            step: Only every n-th frame.

        Raises:
            ShardError: A frame is damaged.
        """
        for index in range(0, len(self), step):
            yield self._frame(index)

    def joints(self) -> SessionJoints:
        """Return all body rows, at the sensor's own times."""
        rows = self._bodies
        return SessionJoints(
            seq=np.asarray(rows["seq"]),
            take=np.asarray(rows["take"]),
            time_s=self._times(rows),
            tracked=rows["tracked"] != 0,
            tracking_id=np.asarray(rows["tracking_id"]),
            xyz_m=np.asarray(rows["joint_xyz_m"]),
            px=self._points_px(rows),
            state=np.asarray(rows["joint_state"]),
        )

    @property
    def is_rejected(self) -> npt.NDArray[np.bool_]:
        """(F,) which colour frames a reviewer rejected or trimmed off."""
        return np.asarray(self._edits.verdicts(self.seqs) == REJECT)

    def keypoints(self, *, edits: bool = True) -> SessionKeypoints:
        """Return the 13 keypoints of each colour frame, from the body row nearest in time.

        Args:
            edits: With what a reviewer moved, hid and exchanged; else as the sensor gave them.
        """
        paired = self._pairs != NO_BODY
        rows = self._bodies[np.where(paired, self._pairs, 0)] if len(self._bodies) else None
        count, slots = len(self), self._bodies["tracked"].shape[1]
        there = np.zeros((count, slots), np.bool_)
        ids = np.zeros((count, slots), np.uint64)
        px = np.full((count, slots, len(KEYPOINT_NAMES), 2), np.nan, np.float32)
        visibility = np.zeros(px.shape[:3], np.uint8)
        if rows is not None:
            there = paired[:, None] & (rows["tracked"] != 0)
            ids[there] = rows["tracking_id"][there]
            points, seen = self._keypoints_of(rows)
            px[there], visibility[there] = points[there], seen[there]
            if edits:
                seq = np.broadcast_to(self.seqs[:, None], ids.shape)[there]
                px[there], visibility[there] = self._with_edits(
                    seq, ids[there], px[there], visibility[there]
                )
        return SessionKeypoints(
            seq=np.asarray(self._color["seq"]),
            take=np.asarray(self._color["take"]),
            time_s=self.times_s,
            tracked=there,
            tracking_id=ids,
            px=px,
            visibility=visibility,
        )

    def events(self) -> tuple[SessionEvent, ...]:
        """Return what the recorder noted, in the order written."""
        return tuple(map(self._event, self._reader.events))

    def findings(self, *, lag: bool = False) -> tuple[Finding, ...]:
        """Check the session and return everything that the checks found.

        Args:
            lag: Also measure how late joints are; decodes some of the images, which takes seconds.
        """
        return check_session(self.folder, lag=lag).findings

    def table(self, name: str) -> "pd.DataFrame":
        """Return one of the session's tables for pandas.

        Args:
            name: ``"frames"`` (a row for each colour frame), ``"joints"`` (a row for each joint of
                each tracked body), ``"keypoints"`` (a row for each keypoint of each tracked body in
                each colour frame), ``"events"`` or ``"findings"``.

        Raises:
            SessionError: There is no such table.
        """
        tables = {
            "frames": lambda: frames_table(self.keypoints()),
            "joints": lambda: joints_table(self.joints()),
            "keypoints": lambda: keypoints_table(self.keypoints()),
            "events": lambda: records_table(self.events(), SessionEvent),
            "findings": lambda: records_table(self.findings(), Finding),
        }
        if name not in tables:
            raise SessionError(f"there is no table {name!r}; choose one of {', '.join(tables)}")
        return tables[name]()

    @property
    def _edits(self) -> Edits:
        """The reviewer's decisions, read again where the file has changed."""
        try:
            status = (self.folder / EDITS_FILE).stat()
            stamp = status.st_mtime_ns, status.st_ino, status.st_size
        except FileNotFoundError:
            return Edits()
        if self._known_edits is None or self._known_edits[0] != stamp:
            self._known_edits = stamp, load_edits(self.folder, self.info.uuid)
        return self._known_edits[1]

    def _with_edits(
        self,
        seq: npt.NDArray[np.uint64],
        ids: npt.NDArray[np.uint64],
        points: Floats,
        visibility: npt.NDArray[np.uint8],
    ) -> tuple[Floats, npt.NDArray[np.uint8]]:
        """Return positions (N, 13, 2) and visibility (N, 13) with a reviewer's edits."""
        edited = edit_labels(self._edits.labels, seq, ids, points, visibility)
        width, height = self.info.size_px
        # edits are in pixels of the stored image
        moved = unmirror_points(edited.points, width) if self.info.mirrored else edited.points
        placed = np.where(edited.moved[..., None], moved, edited.points).astype(np.float32)
        seen = np.where(edited.moved, np.uint8(TrackingState.tracked), edited.state)
        seen = np.where(edited.visibility != UNCHANGED, edited.visibility, seen)
        return placed, np.where(np.isfinite(placed).all(axis=-1), seen, 0).astype(np.uint8)

    @property
    def _color(self) -> Rows:
        return self._reader.color

    @property
    def _bodies(self) -> Rows:
        return by_kinect_joints(self._reader.bodies, self.info.shape.skeleton)

    @cached_property
    def _starts(self) -> dict[int, int]:
        """Device time of each take's first item, 100 ns."""
        starts: dict[int, int] = {}
        for rows in (self._reader.color, self._reader.bodies):
            for take in np.unique(rows["take"]).tolist():
                first = int(rows["time_device"][rows["take"] == take].min())
                starts[take] = min(first, starts.get(take, first))
        return starts

    @cached_property
    def _pairs(self) -> Ints:
        """(F,) index of the body row nearest in time to each colour frame, or NO_BODY."""
        color, bodies = self._reader.color, self._reader.bodies
        return pair_nearest(
            color["take"],
            color["time_device"],
            bodies["take"],
            bodies["time_device"],
            pair_within(self.info.shape.tick_100ns),
        )[0]

    def _times(self, rows: Rows) -> npt.NDArray[np.float64]:
        starts = np.array([self._starts[take] for take in rows["take"].tolist()], np.int64)
        return (rows["time_device"] - starts) / SECOND_100NS

    def _points_px(self, rows: Rows) -> Floats:
        """Return the joints (N, S, 25, 2) in the un-mirrored image, NaN without a position."""
        points = np.asarray(rows["joint_color_px"], np.float64)
        width, height = self.info.size_px
        placed = has_place_px(points, (width, height))[..., None]
        points = unmirror_points(points, width) if self.info.mirrored else points
        return np.where(placed, points, np.nan).astype(np.float32)

    def _keypoints_of(self, rows: Rows) -> tuple[Floats, npt.NDArray[np.uint8]]:
        """Return positions (N, S, 13, 2) and visibility (N, S, 13) of the keypoints of rows."""
        points = self._points_px(rows)[:, :, KEYPOINT_JOINT]
        state = np.asarray(rows["joint_state"])[:, :, KEYPOINT_JOINT]
        is_placed = np.isfinite(points).all(axis=-1)
        return points, np.where(is_placed, np.minimum(state, TrackingState.tracked), 0).astype("u1")

    def _frame(self, index: int) -> SessionFrame:
        row = self._color[index]
        body = int(self._pairs[index])
        rows = self._bodies[body : body + 1] if body != NO_BODY else self._bodies[:0]
        there = rows["tracked"] != 0
        seq, ids = int(row["seq"]), rows["tracking_id"][there]
        keypoints, visibility = (values[there] for values in self._keypoints_of(rows))
        keypoints, visibility = self._with_edits(
            np.full(len(ids), seq, np.uint64), ids, keypoints, visibility
        )
        return SessionFrame(
            seq=seq,
            take=int(row["take"]),
            time_s=float(self._times(self._color[index : index + 1])[0]),
            jpeg=self._reader.color_blob(seq),
            is_mirrored=self.info.mirrored,
            body_row=None if body == NO_BODY else body,
            tracking_ids=ids,
            joints_m=rows["joint_xyz_m"][there],
            joints_px=self._points_px(rows)[there],
            joint_state=rows["joint_state"][there],
            keypoints_px=keypoints,
            visibility=visibility,
        )

    def _event(self, row: Any) -> SessionEvent:
        kind, stream, take = int(row["kind"]), int(row["stream"]), int(row["take"])
        known = {int(one) for one in EventKind}
        streams = {int(one) for one in Stream}
        start, moment = self._starts.get(take), int(row["time_device"])
        return SessionEvent(
            kind=EventKind(kind).name if kind in known else str(kind),
            stream=Stream(stream).name if stream in streams else str(stream),
            take=take,
            seq_first=int(row["seq_first"]),
            seq_last=int(row["seq_last"]),
            count=int(row["count"]),
            text=bytes(row["text"]).decode("utf-8", "replace"),
            time_s=float("nan") if start is None or moment < 0 else (moment - start) / SECOND_100NS,
        )


def open_session(path: str | os.PathLike[str]) -> Session:
    """Open a session for reading.

    Args:
        path: Its folder, for example ``"recordings/clothing3"``.

    Raises:
        SessionError: There is no session, or it can't be read.
        ShardError: One of its shards can't be read, not even by its layout.
    """
    return Session(Path(path))
