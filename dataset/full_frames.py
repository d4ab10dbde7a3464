"""The rows of a data set of whole frames: every person in a frame, and frames without people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..core.errors import DatasetError
from ..core.geometry import Floats, snapped_xyxy
from ..core.pairing import NO_BODY, pair_nearest, pair_within
from ..core.skeleton import KEYPOINTS_13
from ..core.units import MS_100NS
from .crop import Pictures
from .images.masks import MaskPictures, join_masks, masks_of
from .kinect13.format import (
    ABSENT,
    FULL,
    LABELLED,
    UNLABELLED,
    ImageShape,
    fields_of,
    full_width,
)
from .rows import SessionPlan, cues_of, frame_columns, join_pictures, session_pictures

_FRAME_REASONS: Final = ("edits", "damaged", "guard", "balance", "near_copy")
"""Reasons that leave a whole frame out; the others are about a person."""


@dataclass(frozen=True)
class _SessionFrames:
    """The frames of one session in one split.

    Attributes:
        first: (F,) the first candidate of each frame.
        candidate: (F, P) candidates of its people, by slot; -1: no person.
    """

    first: NDArray[np.intp]
    candidate: NDArray[np.int64]


@dataclass(frozen=True)
class FullFrames:
    """The frames of all sessions by split.

    Attributes:
        shape: Shape of the images.
        columns: The tables by split.
        pictures: Sources of the images by split.
        masks: Sources of the masks by split; empty where there are none.
        counts: Frames by split, and those without people.
    """

    shape: ImageShape
    columns: dict[str, dict[str, NDArray[Any]]]
    pictures: dict[str, Pictures]
    masks: dict[str, MaskPictures]
    counts: dict[str, dict[str, int]]


def plan_full_frames(
    sessions: Sequence[SessionPlan],
    asked: Sequence[str],
    size: int,
    decoding: str,
    masks: bool,
) -> FullFrames:
    """Put the rows of a data set of whole frames together.

    Args:
        sessions: The sessions, decided.
        asked: Names of the splits.
        size: Height of the images, pixels.
        decoding: One of ``DECODING``.
        masks: Whether there are masks beside the images.

    Raises:
        DatasetError: Sessions have images of different proportions.
    """
    width = _width(sessions, size)
    frames = {name: [_frames(one, name) for one in sessions] for name in asked}
    people = max([1, *(part.candidate.shape[1] for parts in frames.values() for part in parts)])
    shape = ImageShape(size, masks=masks, layout=FULL, width=width, people=people)
    columns = {name: _columns(sessions, parts, shape) for name, parts in frames.items()}
    return FullFrames(
        shape=shape,
        columns=columns,
        pictures={
            name: join_pictures(
                [
                    session_pictures(one, part.first, decoding=decoding, columns_px=width)
                    for one, part in zip(sessions, parts, strict=True)
                ]
            )
            for name, parts in frames.items()
        },
        masks={
            name: join_masks(
                [_masks(one, part, width) for one, part in zip(sessions, parts, strict=True)]
            )
            for name, parts in frames.items()
            if masks
        },
        counts={
            name: {
                "frames": len(table["people"]),
                "without_people": int((table["people"] == 0).sum()),
            }
            for name, table in columns.items()
        },
    )


def _width(sessions: Sequence[SessionPlan], size: int) -> int:
    """Return the width of all images."""
    widths = {one.recording.name: full_width(size, one.recording.size_px) for one in sessions}
    if len(set(widths.values())) > 1:
        found = ", ".join(f"{name} {width}x{size}" for name, width in list(widths.items())[:4])
        raise DatasetError(
            f"--layout full: images of different proportions ({found}); name sessions of one "
            "size with --sessions"
        )
    return next(iter(widths.values()))


def _frames(one: SessionPlan, split: str) -> _SessionFrames:
    """Return the frames of one session in one split, with their people."""
    found, recording = one.candidates, one.recording
    color, bodies = recording.color, recording.bodies
    paired, _ = pair_nearest(
        color["take"],
        color["time_device"],
        bodies.take,
        bodies.time_device,
        pair_within(recording.info.shape.tick_100ns),
    )
    out = one.is_in(_FRAME_REASONS)
    for reason in _FRAME_REASONS:
        out |= one.failed.get(reason, np.zeros(len(out), np.bool_))
    # a frame that no body row is near says nothing about who is in it
    out |= paired[found.frame] == NO_BODY
    left_out = np.zeros(len(color), np.bool_)
    left_out[found.frame[out]] = True
    rows = np.flatnonzero((one.sides == split) & ~left_out[found.frame])
    _, first, frame = np.unique(found.frame[rows], return_index=True, return_inverse=True)
    is_person = found.body[rows] != NO_BODY
    place = np.zeros(len(rows), np.int64)
    # candidates are sorted by frame and slot
    place[1:] = np.where(frame[1:] == frame[:-1], 1, 0)
    for index in range(1, len(rows)):
        if place[index]:
            place[index] = place[index - 1] + 1
    candidate = np.full((len(first), int(place.max(initial=0)) + 1), -1, np.int64)
    candidate[frame[is_person], place[is_person]] = rows[is_person]
    return _SessionFrames(rows[first], candidate)


def _columns(
    sessions: Sequence[SessionPlan], parts: Sequence[_SessionFrames], shape: ImageShape
) -> dict[str, NDArray[Any]]:
    """Return the tables of one split."""
    cues = cues_of(sessions)
    tables = [
        _session_columns(index, one, part, shape, cues)
        for index, (one, part) in enumerate(zip(sessions, parts, strict=True))
    ]
    return {
        name: np.concatenate([table[name] for table in tables]).astype(about.dtype)
        for name, about in fields_of(KEYPOINTS_13, shape).items()
    }


def _session_columns(
    index: int,
    one: SessionPlan,
    part: _SessionFrames,
    shape: ImageShape,
    cues: Sequence[str],
) -> dict[str, NDArray[Any]]:
    """Return the rows of one session in one split."""
    found, recording = one.candidates, one.recording
    candidate = np.full((len(part.first), shape.people), -1, np.int64)
    candidate[:, : part.candidate.shape[1]] = part.candidate
    there = candidate >= 0
    at = np.where(there, candidate, 0)
    accepted = there & _is_labelled(one)[at]
    labelled = there[..., None] & (found.visibility[at] > 0)
    points = to_full_frame(found.points[at], recording.size_px, (shape.width, shape.size))
    slot = found.slot[at]
    return {
        "people": there.sum(axis=1),
        "person": np.where(accepted, LABELLED, np.where(there, UNLABELLED, ABSENT)),
        "keypoints_px": np.where(labelled[..., None], points, -1),
        "visibility": np.where(labelled, found.visibility[at], 0),
        "weight": np.where(accepted[..., None], found.weight[at], 0),
        "keypoint_quality": np.where(there[..., None], found.keypoint_quality[at], 0),
        "bbox_xyxy_px": np.where(there[..., None], snapped_xyxy(found.placed[at]), -1),
        "tracking_id": np.where(there, recording.bodies.tracking_id[found.body[at], slot], 0),
        "slot": np.where(there, slot, 0),
        "quality": np.where(there, found.quality[at], 0),
        "pair_residual_ms": found.residual_100ns[part.first] / MS_100NS,
        **frame_columns(index, recording, found.frame[part.first], cues),
    }


def _is_labelled(one: SessionPlan) -> NDArray[np.bool_]:
    """Return (C,) which people the filters pass; whose crops are asked for does not count here."""
    failed = [where for reason, where in one.failed.items() if reason != "other_body"]
    return np.asarray(~np.any([np.zeros(len(one.candidates), np.bool_), *failed], axis=0))


def to_full_frame(points: Floats, size_px: tuple[int, int], frame_px: tuple[int, int]) -> Floats:
    """Return points of the colour image in pixels of the stored frame.

    Args:
        points: (..., 2) pixels of the un-mirrored colour image.
        size_px: Its width and height.
        frame_px: Width and height of the stored frame.
    """
    scale = np.array(frame_px) / np.array(size_px)
    return np.asarray((points + 0.5) * scale - 0.5)


def _masks(one: SessionPlan, part: _SessionFrames, width: int) -> MaskPictures:
    """Return the sources of the masks of one session in one split."""
    found, recording = one.candidates, one.recording
    count = len(part.first)
    placed = np.tile(np.array([0, 0, *recording.size_px], np.int64), (count, 1))
    # a person's distance is only where the search for a pixel's depth begins
    body, slot = found.body[part.first], found.slot[part.first]
    return masks_of(recording, body, slot, placed, columns_px=width)
