"""The speed of each keypoint of each tracked body, from the stored rows."""

from pathlib import Path
from typing import Final

import numpy as np

from ...core.skeleton import KEYPOINT_JOINT, KEYPOINTS
from ...core.units import SECOND_100NS
from ...sessions.info import SessionInfo
from ...sessions.schema import STREAM_TABLE, Stream, by_kinect_joints, good_rows
from ...sessions.shard.layout import other_shape
from ...sessions.shards import open_shards

LINKED_100NS: Final = SECOND_100NS // 10
"""Rows of a body at most 0.1 s apart follow each other."""
_BODIES: Final = STREAM_TABLE[Stream.bodies]
_ROWS_AT_ONCE: Final = 512

BODY_SPEED: Final = np.dtype([("seq", "<u8"), ("slot", "u1"), ("speed_m_s", "<f4", (KEYPOINTS,))])
_PLACED: Final = np.dtype(
    [
        ("seq", "<u8"), ("slot", "u1"), ("take", "<u2"), ("time_device", "<i8"),
        ("tracking_id", "<u8"), ("keypoint_m", "<f4", (KEYPOINTS, 3)),
    ]
)  # fmt: skip


def keypoint_speeds(folder: Path, info: SessionInfo) -> np.ndarray:
    """Return the speeds of all tracked bodies of a session.

    Args:
        folder: The session's folder.
        info: What session.json says.

    Returns:
        (T,) ``BODY_SPEED``, by seq of the body row and slot: metres a second since the row before
        of the same body; NaN where there is none, at most 0.1 s earlier.
    """
    parts = [np.zeros(0, _PLACED)]
    for shard in open_shards(folder, info):
        reader = shard.reader
        if reader is None or other_shape(reader.layout, info.shape):
            continue
        for first in range(0, reader.layout.rows.get(_BODIES, 0), _ROWS_AT_ONCE):
            rows = reader.all_rows(_BODIES, first, _ROWS_AT_ONCE)
            if len(rows) and rows["row_crc"].any():
                good = by_kinect_joints(rows[good_rows(rows)], info.shape.skeleton)
                parts.append(_placed(good))
    placed = np.concatenate(parts)
    order = np.lexsort((placed["time_device"], placed["tracking_id"], placed["take"]))
    found = np.zeros(len(placed), BODY_SPEED)
    found["seq"], found["slot"] = placed["seq"], placed["slot"]
    found["speed_m_s"] = np.nan
    found["speed_m_s"][order] = _steps(placed[order])
    return found[np.lexsort((found["slot"], found["seq"]))]


def _placed(rows: np.ndarray) -> np.ndarray:
    """Return the tracked bodies of some rows."""
    row, slot = np.nonzero(rows["tracked"] != 0)
    placed = np.zeros(len(row), _PLACED)
    for name in ("seq", "take", "time_device"):
        placed[name] = rows[name][row]
    placed["slot"] = slot
    placed["tracking_id"] = rows["tracking_id"][row, slot]
    placed["keypoint_m"] = rows["joint_xyz_m"][row, slot][:, KEYPOINT_JOINT]
    return placed


def _steps(placed: np.ndarray) -> np.ndarray:
    """Return (T, 13) speeds of bodies sorted by take, id and time."""
    speeds = np.full((len(placed), KEYPOINTS), np.nan, np.float32)
    if len(placed) < 2:
        return speeds
    step = np.diff(placed["time_device"])
    linked = (step > 0) & (step <= LINKED_100NS)
    for name in ("take", "tracking_id"):
        linked &= placed[name][1:] == placed[name][:-1]
    with np.errstate(all="ignore"):
        metres = np.linalg.norm(np.diff(placed["keypoint_m"], axis=0), axis=-1)
        speed = metres / (step[:, None] / SECOND_100NS)
    speeds[1:][linked] = speed[linked]
    return speeds
