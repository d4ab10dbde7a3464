"""The rows of a data set: of the chosen candidates their tables, and where their pictures are."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DatasetError
from ..core.geometry import image_to_crop, snapped_xyxy
from ..core.units import MS_100NS, SECOND_100NS
from ..sessions.schema import Stream
from .candidates import Candidates
from .counts.finding_counts import Reported
from .crop import EXACT, Pictures
from .images.masks import NO_PERSON, MaskPictures, join_masks, load_planes, masks_of
from .kinect13.format import FIELDS, SPLITS
from .labels.shown_cues import cue_names
from .session_data import Recording

_WHOLE_QUARTERS: Final = 4
_ROWS_AT_ONCE: Final = 4096


@dataclass(frozen=True)
class SessionPlan:
    """One session's candidates and where each goes.

    Attributes:
        recording: The session's tables.
        candidates: Its C candidates.
        goes_to: (C,) text: a split's name, or the reason to leave it out.
        failed: By reason (C,) bool.
        reported: The findings of its checks.
        sides: (C,) text: the split of each candidate's frame, or ``guard``.
    """

    recording: Recording
    candidates: Candidates
    goes_to: NDArray[np.str_]
    failed: dict[str, NDArray[np.bool_]]
    reported: Reported
    sides: NDArray[np.str_]

    @property
    def kept(self) -> NDArray[np.bool_]:
        """(C,) bool, the candidates in a split."""
        return self.is_in(SPLITS)

    def is_in(self, places: Sequence[str]) -> NDArray[np.bool_]:
        """Return (C,) which candidates go to some splits, or are left out for some reasons."""
        found = np.zeros(len(self.goes_to), np.bool_)
        for place in places:
            # np.isin sorts all texts, which takes many times their memory
            found |= self.goes_to == place
        return found


def columns_of(
    sessions: Sequence[SessionPlan], split: str, size: int, margin: float
) -> dict[str, NDArray[Any]]:
    """Return the tables of one split."""
    rows = [np.flatnonzero(one.goes_to == split) for one in sessions]
    count = sum(map(len, rows))
    cues = cues_of(sessions)
    none = _session_columns(0, sessions[0], rows[0][:0], size, margin, cues)
    columns = {
        name: np.empty((count, *none[name].shape[1:]), field.dtype)
        for name, field in FIELDS.items()
    }
    at = 0
    for index, (one, own) in enumerate(zip(sessions, rows, strict=True)):
        for first in range(0, len(own), _ROWS_AT_ONCE):
            some = own[first : first + _ROWS_AT_ONCE]
            part = _session_columns(index, one, some, size, margin, cues)
            for name, values in columns.items():
                values[at : at + len(some)] = part[name]
            at += len(some)
    return columns


def cues_of(sessions: Sequence[SessionPlan]) -> tuple[str, ...]:
    """Return the names that the column ``cue`` points into."""
    return cue_names(one.recording.cues for one in sessions)


def _session_columns(
    index: int,
    one: SessionPlan,
    rows: NDArray[np.intp],
    size: int,
    margin: float,
    cues: Sequence[str],
) -> dict[str, NDArray[Any]]:
    """Return the tables of some candidates of one session."""
    found, recording = one.candidates, one.recording
    box = snapped_xyxy(crops_for(found.placed[rows], margin))
    labelled = found.visibility[rows][..., None] > 0
    crop_px = np.where(labelled, image_to_crop(found.points[rows], box, size), -1)
    slot = found.slot[rows]
    return {
        "keypoints_px": crop_px,
        "visibility": found.visibility[rows],
        "weight": found.weight[rows],
        "keypoint_quality": found.keypoint_quality[rows],
        "bbox_xyxy_px": box,
        **frame_columns(index, recording, found.frame[rows], cues),
        "tracking_id": recording.bodies.tracking_id[found.body[rows], slot],
        "slot": slot,
        "pair_residual_ms": found.residual_100ns[rows] / MS_100NS,
        "quality": found.quality[rows],
    }


def frame_columns(
    index: int, recording: Recording, frame: NDArray[np.int64], cues: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Return the tables that say where rows of a session come from.

    Args:
        index: Of the session.
        recording: Its tables.
        frame: (N,) the rows' colour frames.
        cues: Names that the column ``cue`` points into.
    """
    color = recording.color[frame]
    return {
        "session": np.full(len(frame), index),
        "cue": recording.cues.at(frame, cues),
        "color_seq": color["seq"],
        "take": color["take"],
        "time_s": (color["time_device"] - _take_start(recording)[color["take"]]) / SECOND_100NS,
    }


def _take_start(recording: Recording) -> NDArray[np.int64]:
    """Return the device time of each take's first colour frame, indexed by take, 100 ns."""
    takes, first = np.unique(recording.color["take"], return_index=True)
    start = np.zeros(int(takes.max(initial=0)) + 1, np.int64)
    start[takes] = recording.color["time_device"][first]
    return start


def pictures_of(
    sessions: Sequence[SessionPlan], split: str, margin: float, decoding: str
) -> Pictures:
    """Return where the pictures of one split come from."""
    return join_pictures(
        [
            session_pictures(one, np.flatnonzero(one.goes_to == split), margin, decoding)
            for one in sessions
        ]
    )


def join_pictures(parts: Sequence[Pictures]) -> Pictures:
    """Return the pictures of several sessions one after another."""
    shards = [path for part in parts for path in part.shards]
    before = np.cumsum([0, *(len(part.shards) for part in parts[:-1])])
    joined = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(Pictures)
        if item.name not in ("shards", "shard", "decoding", "columns_px")
    }
    shard = np.concatenate([part.shard + n for part, n in zip(parts, before, strict=True)])
    return Pictures(
        shards=tuple(shards),
        shard=shard.astype(np.int32),
        decoding=parts[0].decoding,
        columns_px=parts[0].columns_px,
        **joined,
    )


def session_pictures(
    one: SessionPlan,
    rows: NDArray[np.intp],
    margin: float = 1.0,
    decoding: str = EXACT,
    columns_px: int | None = None,
) -> Pictures:
    """Return where the pictures of some candidates of a session come from.

    Args:
        one: The session.
        rows: The candidates.
        margin: Side of the images, in sides of the crop.
        decoding: One of ``DECODING``.
        columns_px: Columns of whole frames; None: crops.
    """
    found, recording = one.candidates, one.recording
    frame = found.frame[rows]
    if columns_px is None:
        placed = with_margin(crops_for(found.placed[rows], margin), margin)
    else:
        placed = np.tile(np.array([0, 0, *recording.size_px], np.int64), (len(rows), 1))
    return Pictures(
        shards=tuple(recording.folder / name for name in recording.shards),
        shard=recording.color_shard[frame],
        color=recording.color[frame],
        placed=placed,
        mirrored=np.full(len(rows), recording.mirrored),
        size_px=np.tile(np.array(recording.size_px, np.int64), (len(rows), 1)),
        decoding=decoding,
        columns_px=columns_px,
    )


def mask_pictures(sessions: Sequence[SessionPlan], split: str, margin: float) -> MaskPictures:
    """Return where the masks of one split come from."""
    parts = []
    for one in sessions:
        rows, found = np.flatnonzero(one.goes_to == split), one.candidates
        placed = with_margin(crops_for(found.placed[rows], margin), margin)
        parts.append(masks_of(one.recording, found.body[rows], found.slot[rows], placed))
    return join_masks(parts)


def check_masks(sessions: Sequence[SessionPlan]) -> tuple[str, ...]:
    """Return a line for each session whose rows have no masks.

    Raises:
        DatasetError: No session has masks.
    """
    without = []
    for one in sessions:
        recording = one.recording
        if recording.info.device.depth_mapping() is None:
            why = "its session.json has no mapping from depth to colour"
        elif not len(load_planes(recording, Stream.mask).rows):
            why = "it was recorded without masks"
        else:
            continue
        without.append(f"{recording.name}: {why}; its masks are all {NO_PERSON}")
    if len(without) == len(sessions):
        raise DatasetError(
            f"--masks: no session has any ({without[0]}); record with "
            "--streams color,bodies,mask,depth, or build without --masks"
        )
    return tuple(without)


def crops_for(placed: NDArray[np.int64], margin: float) -> NDArray[np.int64]:
    """Return the boxes of crops: as they are, or with a margin of sides that are multiples of 4.

    A quarter of a side is then whole pixels, so the crop is the middle of its image to the pixel.

    Args:
        placed: (N, 3) x0, y0, side.
        margin: Side of the images, in sides of the crop.
    """
    if margin == 1:
        return placed
    more = -placed[:, 2:] % _WHOLE_QUARTERS
    return np.concatenate([placed[:, :2] - more // 2, placed[:, 2:] + more], axis=1)


def with_margin(crops: NDArray[np.int64], margin: float) -> NDArray[np.int64]:
    """Return (N, 4) x0, y0, width, height of images around crops (N, 3)."""
    side = crops[:, 2:]
    around = np.rint(side * (margin - 1) / 2).astype(np.int64)
    return np.concatenate([crops[:, :2] - around, np.repeat(side + 2 * around, 2, axis=1)], axis=1)
