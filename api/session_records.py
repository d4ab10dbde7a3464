"""The records of a session: a frame, all joints, all keypoints, an event."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..core.jpeg import decode_jpeg

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SessionFrame:
    """One colour frame with the bodies that belong to it.

    Attributes:
        seq: Its number in the session.
        take: Its take.
        time_s: Seconds since the take's first item, by the sensor's clock.
        jpeg: The stored bytes; of a mirrored session they show a mirrored image.
        is_mirrored: Whether they do.
        body_row: Index of its row in ``joints()``; None if no body row is near enough in time.
        tracking_ids: (B,) uint64 of the bodies that are tracked in it.
        joints_m: (B, 25, 3) float32, camera space, metres.
        joints_px: (B, 25, 2) float32, pixels of ``image()``; NaN for a joint without a position.
        joint_state: (B, 25) uint8: 0 not tracked, 1 inferred, 2 tracked.
        keypoints_px: (B, 13, 2) float32, pixels of ``image()``; NaN without a position.
        visibility: (B, 13) uint8: 0 no position, 1 inferred, 2 tracked.
    """

    seq: int
    take: int
    time_s: float
    jpeg: bytes
    is_mirrored: bool
    body_row: int | None
    tracking_ids: npt.NDArray[np.uint64]
    joints_m: Floats
    joints_px: Floats
    joint_state: npt.NDArray[np.uint8]
    keypoints_px: Floats
    visibility: npt.NDArray[np.uint8]

    def image(self) -> npt.NDArray[np.uint8]:
        """Return the colour image (H, W, 3) uint8, RGB, not mirrored."""
        image = decode_jpeg(self.jpeg, rgb=True)
        return np.ascontiguousarray(image[:, ::-1]) if self.is_mirrored else image


@dataclass(frozen=True)
class SessionJoints:
    """All body rows of a session; N rows of S slots, one for each body that the sensor can follow.

    Attributes:
        seq: (N,) uint64 numbers of the rows.
        take: (N,) uint16.
        time_s: (N,) float64, seconds since the take's first item, by the sensor's clock.
        tracked: (N, S) bool, whether the slot holds a body; elsewhere nothing else counts.
        tracking_id: (N, S) uint64.
        xyz_m: (N, S, 25, 3) float32, camera space, metres.
        px: (N, S, 25, 2) float32, pixels of the un-mirrored colour image; NaN without a position.
        state: (N, S, 25) uint8: 0 not tracked, 1 inferred, 2 tracked.
    """

    seq: npt.NDArray[np.uint64]
    take: npt.NDArray[np.uint16]
    time_s: npt.NDArray[np.float64]
    tracked: npt.NDArray[np.bool_]
    tracking_id: npt.NDArray[np.uint64]
    xyz_m: Floats
    px: Floats
    state: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SessionKeypoints:
    """The 13 keypoints of all colour frames; F frames of S slots.

    Attributes:
        seq: (F,) uint64 numbers of the colour frames.
        take: (F,) uint16.
        time_s: (F,) float64, seconds since the take's first item, by the sensor's clock.
        tracked: (F, S) bool, whether the slot holds a body.
        tracking_id: (F, S) uint64, 0 where no body is tracked.
        px: (F, S, 13, 2) float32, pixels of the un-mirrored colour image; NaN without a position.
        visibility: (F, S, 13) uint8: 0 no position, 1 inferred, 2 tracked.
    """

    seq: npt.NDArray[np.uint64]
    take: npt.NDArray[np.uint16]
    time_s: npt.NDArray[np.float64]
    tracked: npt.NDArray[np.bool_]
    tracking_id: npt.NDArray[np.uint64]
    px: Floats
    visibility: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SessionEvent:
    """One event that the recorder wrote.

    Attributes:
        kind: Name of its kind (docs/format.md), or its number where this kincap does not know it.
        stream: Name of the stream concerned; ``"none"`` for none.
        take: Its take.
        seq_first: First item concerned.
        seq_last: Last item concerned, included.
        count: How many items.
        text: A description, perhaps empty.
        time_s: Seconds since the take's first item; NaN if the event has no time.
    """

    kind: str
    stream: str
    take: int
    seq_first: int
    seq_last: int
    count: int
    text: str
    time_s: float
