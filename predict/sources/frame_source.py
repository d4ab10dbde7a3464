"""The interface of every source of images, and what it yields."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from ...engines.detection import Detection
from ...engines.engine import Images

PICTURES: Final = "pictures"
VIDEO: Final = "video"
CAMERA: Final = "camera"
SESSION: Final = "session"
SENSOR: Final = "sensor"


@dataclass(frozen=True)
class SensorPose:
    """What the sensor says of one person.

    Attributes:
        keypoints_px: (13, 2) float64, pixels of the un-mirrored image; NaN where unknown.
        trusted: (13,) bool, tracked by the sensor.
    """

    keypoints_px: npt.NDArray[np.float64]
    trusted: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SourceFrame:
    """One image of a source.

    Attributes:
        number: Index from 0; of a session the colour frame's seq.
        name: File name of a picture, else "".
        time_s: Seconds since the first frame; None for pictures.
        image: (H, W, 3) uint8, RGB; of no size where a picture can't be read.
        problem: Why it can't be read; None: it can.
        sensor: The people that the sensor saw; empty for other sources.
    """

    number: int
    name: str
    time_s: float | None
    image: Images
    problem: str | None = None
    sensor: tuple[SensorPose, ...] = ()
    detections: tuple[Detection, ...] = field(default=())


class FrameSource(Protocol):
    """Images in order. Close it after use.

    Attributes:
        kind: ``PICTURES``, ``VIDEO``, ``CAMERA``, ``SESSION`` or ``SENSOR``.
        name: As the user wrote it.
        total: Number of frames, where it is known.
        dropped: Frames of a camera that came while the net was busy.
        problem: What was wrong at its end, for example a video that was cut; None: nothing.
    """

    kind: str
    name: str
    total: int | None
    dropped: int
    problem: str | None

    def frames(self) -> Iterator[SourceFrame]:
        """Yield the frames."""

    def close(self) -> None:
        """Release the source."""
