"""A video of a range of frames with the labels drawn, each frame at its own time."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import KincapError
from ...core.jpeg import decode_small
from ...core.skeleton import KEYPOINT_JOINT, KEYPOINTS_13, TrackingState
from ...core.units import SECOND_100NS
from ...predict.outputs.drawing import draw_pose
from ...predict.outputs.video_file import VideoFile
from ...sessions.reader import SessionReader
from .empty_stage import empty_image

MOST_FRAMES: Final = 900
MOST_WIDTH: Final = 1280
"""Wider frames are made at half their size."""


@dataclass(frozen=True)
class LabelledFrame:
    """One frame to draw.

    Attributes:
        seq: Its number.
        time_s: When it is shown, seconds.
        poses: (P, 13, 2) float64 keypoints, pixels of the stored image; NaN for none.
        sure: (P, 13) bool, keypoints that the sensor tracked; others are drawn hollow.
    """

    seq: int
    time_s: float
    poses: np.ndarray
    sure: np.ndarray


def label_frames(
    color: np.ndarray, frame: np.ndarray, people: Mapping[str, np.ndarray]
) -> list[LabelledFrame]:
    """Return frames with the labels of their people.

    Args:
        color: (F,) rows of colour frames, in their order.
        frame: (P,) which of them each person is in.
        people: Columns of the people, see ``people_columns``.
    """
    points = people["joint_px"][:, KEYPOINT_JOINT].astype(np.float64)
    state = people["joint_state"][:, KEYPOINT_JOINT]
    points[state == TrackingState.not_tracked] = np.nan
    times = (color["time_device"] - color["time_device"][0]) / SECOND_100NS
    return [
        LabelledFrame(
            int(color["seq"][at]),
            float(times[at]),
            points[frame == at],
            state[frame == at] == TrackingState.tracked,
        )
        for at in range(len(color))
    ]


def range_video(folder: Path, frames: Sequence[LabelledFrame]) -> bytes:
    """Return an MP4 of some frames; a damaged one is an empty picture.

    Args:
        folder: The session's folder.
        frames: In their order.

    Raises:
        KincapError: The video can't be made.
    """
    with tempfile.TemporaryDirectory(prefix="kincap-video-") as name:
        path = Path(name) / "range.mp4"
        video = VideoFile(path)
        try:
            with SessionReader(folder, skip_unreadable=True) as reader:
                for frame in frames:
                    video.write(_drawn(reader, frame), frame.time_s - frames[0].time_s)
        finally:
            video.close()
        return path.read_bytes()


def _drawn(reader: SessionReader, frame: LabelledFrame) -> np.ndarray:
    """Return a frame with its labels, (H, W, 3) uint8 RGB."""
    width, height = reader.info.size_px
    by = 2 if width > MOST_WIDTH else 1
    try:
        if reader.info.is_bodies_alone:
            raise KincapError("no picture")
        image = np.ascontiguousarray(decode_small(reader.color_blob(frame.seq), by)[..., ::-1])
    except KincapError:
        image = empty_image((-(-width // by), -(-height // by)))
    thick = max(1, round(max(image.shape[:2]) / 400))
    for pose, sure in zip(frame.poses, frame.sure, strict=True):
        draw_pose(image, pose / by, sure, KEYPOINTS_13, thick)
    return image
