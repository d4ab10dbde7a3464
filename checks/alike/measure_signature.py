"""Measure the signature of a session from a dozen of its images."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import KincapError
from ...core.files.file_io import FileIO
from ...core.geometry import as_floats, has_place_px
from ...core.jpeg import decode_small
from ...core.kinematics import yaw_from_shoulders
from ...core.skeleton import KEYPOINT, KEYPOINT_JOINT
from ...core.units import MS_100NS
from ...sessions.schema import Rows
from ..session_tables import SessionTables
from ..session_takes import Take
from .background import BackgroundMean
from .outfit_colours import OutfitCounter
from .signature import SessionSignature, floor_plane

IMAGES: Final = 12
_WIDTH_PX: Final = 480
"""Images are decoded about as wide as this."""
_CLOSE_100NS: Final = 50 * MS_100NS
_TURNED_RAD: Final = np.radians(60)
_AROUND: Final = 0.3
"""A person's box is made wider and higher by this share on each side: head, hands, shadow."""
_TRUNK: Final = [KEYPOINT[name] for name in ("l_shoulder", "r_shoulder", "l_hip", "r_hip")]


def measure_signature(tables: SessionTables, takes: Sequence[Take], io: FileIO) -> SessionSignature:
    """Measure a session from a dozen of its images; those that are damaged are left out.

    Args:
        tables: Its tables.
        takes: Its takes.
        io: File handling.
    """
    outfit, room = OutfitCounter(), BackgroundMean()
    width = (tables.info.device.color_size_px or tables.info.shape.color_size_px)[0]
    by = max(n for n in (1, 2, 4, 8) if n == 1 or width // n >= _WIDTH_PX)
    length = sum(take.length_s() for take in takes)
    for take in takes:
        share = take.length_s() / length if length else 1.0
        _measure_take(take, max(round(IMAGES * share), 1), by, outfit, room, io)
    known = tables.color["exposure"][tables.color["exposure"] > 0]
    gains = tables.color["gain"][tables.color["gain"] > 0]
    return SessionSignature(
        outfit=outfit.colours(),
        background=room.background(by),
        floor=floor_plane(_median_floor(tables.floors)),
        exposure_ms=float(np.median(known)) / MS_100NS if len(known) else None,
        gain=float(np.median(gains)) if len(gains) else None,
    )


def _measure_take(
    take: Take, most: int, by: int, outfit: OutfitCounter, room: BackgroundMean, io: FileIO
) -> None:
    """Look at some images of a take."""
    import cv2

    chosen, frames = choose_images(take, most)
    with take.images(frames, io) as files:
        for number, body in enumerate(chosen):
            try:
                image = decode_small(files.read(number), by)
            except KincapError:
                continue
            boxes = people_boxes(take, int(body["time_device"]), by)
            points = (as_floats(body["points_px"]) + 0.5) / by - 0.5
            background = empty_places(image.shape[:2], boxes)
            outfit.add(image, points, body["sure"][KEYPOINT_JOINT], background)
            room.add(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), boxes)


def choose_images(take: Take, most: int) -> tuple[Rows, NDArray[np.intp]]:
    """Return bodies of one person, evenly spread over a take, with a colour frame close in time.

    The person is the one who was tracked most; turned away by less than 60 degrees, the trunk
    tracked.

    Returns:
        (N,) SAMPLE and (N,) places in ``take.color``.
    """
    samples = take.samples
    nothing = samples[:0], np.zeros(0, np.intp)
    if not len(samples) or not len(take.color):
        return nothing
    ids, times = np.unique(samples["tracking_id"], return_counts=True)
    own = samples[samples["tracking_id"] == ids[times.argmax()]]
    size = take.tables.info.device.color_size_px or take.tables.info.shape.color_size_px
    good = own["sure"][:, KEYPOINT_JOINT][:, _TRUNK].all(axis=-1)
    good &= has_place_px(own["points_px"][:, _TRUNK], size).all(axis=-1)
    with np.errstate(invalid="ignore"):
        good &= np.abs(yaw_from_shoulders(as_floats(own["joints"]))) < _TURNED_RAD
    order = np.argsort(take.color["time_device"], kind="stable")
    clock = take.color["time_device"][order]
    after = np.searchsorted(clock, own["time_device"]).clip(1, max(len(clock) - 1, 1))
    before = after - 1
    after = after.clip(max=len(clock) - 1)
    nearer = own["time_device"] - clock[before] <= clock[after] - own["time_device"]
    frame = np.where(nearer, before, after)
    good &= np.abs(clock[frame] - own["time_device"]) <= _CLOSE_100NS
    found = np.flatnonzero(good)
    if not len(found):
        return nothing
    spread = (np.arange(most) + 0.5) * len(found) / most
    chosen = found[np.unique(spread.astype(np.intp))]
    return own[chosen], order[frame[chosen]]


def people_boxes(take: Take, time_device: int, by: int) -> list[tuple[int, int, int, int]]:
    """Return x0, y0, x1, y1 of the people in the body row of a time, in pixels of a small image."""
    there = take.people[take.people["time_device"] == time_device]
    boxes = as_floats(there["box_px"])
    boxes = boxes[np.isfinite(boxes).all(axis=-1)]
    grow = _AROUND * np.minimum(boxes[:, 2:] - boxes[:, :2], 4 * boxes[:, 2:3] - 4 * boxes[:, :1])
    placed = np.concatenate([boxes[:, :2] - grow, boxes[:, 2:] + grow], axis=-1) / by
    return [(int(a), int(b), int(c), int(d)) for a, b, c, d in placed.clip(-1e6, 1e6).tolist()]


def empty_places(
    shape: tuple[int, ...], boxes: Sequence[tuple[int, int, int, int]]
) -> NDArray[np.bool_]:
    """Return (H, W) where no box is."""
    empty = np.ones(shape, np.bool_)
    for x0, y0, x1, y1 in boxes:
        empty[max(y0, 0) : max(y1 + 1, 0), max(x0, 0) : max(x1 + 1, 0)] = False
    return empty


def _median_floor(floors: NDArray[np.float32]) -> list[float]:
    """Return the usual floor plane, [] where the sensor gave none."""
    known = floors[np.isfinite(floors).all(axis=-1) & floors[:, :3].any(axis=-1)]
    return [float(value) for value in np.median(known, axis=0)] if len(known) else []
