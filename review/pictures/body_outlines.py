"""Outlines of the sensor's body masks, in pixels of the stored colour image."""

from typing import Any, Final

import cv2
import numpy as np

from ...core.cameras.depth_mapping import DepthMapping
from ...core.png import decode_png
from ...sessions.reader import SessionReader
from ...sessions.schema import Stream

STEP_PX: Final = 4
"""One point of the mask is looked up for every this many pixels of the image."""
LEAST_AREA: Final = 12.0
"""Smaller specks are left out, squares of ``STEP_PX``."""
USUAL_M: Final = 2.5
SLOTS: Final = 6


def body_outlines(
    reader: SessionReader, take: int, time_device: int, distance_m: float
) -> list[dict[str, Any]]:
    """Return the outlines of all bodies in the mask of a moment.

    Args:
        reader: The session.
        take: The take.
        time_device: Device time of the body row, 100 ns: the mask has the same.
        distance_m: Distance of the person, metres; NaN unknown.

    Returns:
        Of each body: ``slot`` and ``outlines``, lists of [x, y]. Nothing where there is no mask of
        that moment, or where its place in the colour image is not known.

    Raises:
        KincapError: The mask is damaged.
    """
    mapping = reader.info.device.depth_mapping()
    mask = _plane(reader, Stream.mask, take, time_device)
    if mapping is None or mask is None:
        return []
    depth = _plane(reader, Stream.depth, take, time_device)
    shown = _in_color(reader, mapping, mask, depth, distance_m)
    found = []
    for slot in range(SLOTS):
        own = (shown == slot).astype(np.uint8)
        if own.any():
            lines, _ = cv2.findContours(own, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)
            outlines = [
                (STEP_PX * line[:, 0]).tolist()
                for line in lines
                if cv2.contourArea(line) >= LEAST_AREA
            ]
            found.append({"slot": slot, "outlines": outlines})
    return found


def _plane(reader: SessionReader, stream: Stream, take: int, time_device: int) -> np.ndarray | None:
    """Return the mask or depth image of a moment, None where there is none."""
    rows = reader.rows(stream) if _has(reader, stream) else np.zeros(0)
    if not len(rows):
        return None
    row = rows[reader.nearest(stream, take, time_device)]
    if row["take"] != take or abs(int(row["time_device"]) - time_device) > 1:
        return None
    return np.asarray(decode_png(reader.blob(stream, int(row["seq"]))))


def _has(reader: SessionReader, stream: Stream) -> bool:
    table = f"{stream.name}_index"
    return any(table in reader.shard(shard.name).layout.tables for shard in reader.shards)


def _in_color(
    reader: SessionReader,
    mapping: DepthMapping,
    mask: np.ndarray,
    depth: np.ndarray | None,
    distance_m: float,
) -> np.ndarray:
    """Return what the mask says at every ``STEP_PX`` pixels of the colour image."""
    width, height = reader.info.size_px
    x, y = np.meshgrid(np.arange(0, width, STEP_PX), np.arange(0, height, STEP_PX))
    start = distance_m if np.isfinite(distance_m) else USUAL_M
    grid = np.stack([x, y], axis=-1).astype(np.float64)
    with np.errstate(all="ignore"):
        return mapping.mask_in_color(grid, mask, depth, start)
