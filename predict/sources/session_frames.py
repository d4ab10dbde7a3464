"""A session as a source: its colour frames, un-mirrored, and what the sensor said of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ...core.geometry import has_place_px, tight_box, unmirror_points
from ...core.jpeg import decode_jpeg
from ...core.pairing import pair_nearest, pair_within
from ...core.skeleton import KEYPOINTS_13, KINECT_V2_SKELETON, TrackingState
from ...core.units import SECOND_100NS
from ...engines.detection import Detection
from ...sessions.reader import SessionReader
from ...sessions.schema import by_kinect_joints
from .frame_source import SESSION, SensorPose, SourceFrame

_JOINTS = KEYPOINTS_13.joint_indices(KINECT_V2_SKELETON)


class SessionSource:
    """A recorded session.

    Args:
        folder: Its folder.

    Raises:
        SessionError: It is not a session, or has no colour frames.
    """

    kind = SESSION

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.dropped = 0
        self.problem: str | None = None
        self._reader = SessionReader(folder)
        self.total: int | None = len(self._reader.color)
        if not self.total:
            self._reader.close()
            raise KincapError(f"{folder}: the session has no colour frames")

    def frames(self) -> Iterator[SourceFrame]:
        """Yield its colour frames."""
        info = self._reader.info
        color = self._reader.color
        bodies = by_kinect_joints(self._reader.bodies, info.shape.skeleton)
        within = pair_within(info.shape.tick_100ns)
        paired, _ = pair_nearest(
            color["take"], color["time_device"], bodies["take"], bodies["time_device"], within
        )
        mirrored = info.mirrored
        times_s = _times_s(color["take"], color["time_device"], info.shape.tick_100ns)
        damaged = 0
        for row, time_s, body in zip(color, times_s, paired.tolist(), strict=True):
            seq = int(row["seq"])
            try:
                image, problem = decode_jpeg(self._reader.color_blob(seq)), None
            except KincapError as error:
                image, problem = np.empty((0, 0, 3), np.uint8), str(error)
                damaged += 1
            if mirrored:
                image = np.ascontiguousarray(image[:, ::-1])
            people: tuple[SensorPose, ...] = ()
            if body >= 0 and not problem:
                people = people_of(bodies[body], image.shape[1::-1], mirrored=mirrored)
            yield SourceFrame(seq, "", time_s, image, problem, people, boxes_of(people))
        if damaged:
            self.problem = f"{self.name}: {damaged} stored pictures are damaged"

    def close(self) -> None:
        """Close the shards."""
        self._reader.close()


def _times_s(
    take: npt.NDArray[np.integer], time: npt.NDArray[np.integer], tick_100ns: int
) -> list[float]:
    """Return the times of frames, seconds since the first one; takes follow without a gap.

    Times of a sensor compare only inside a take: its clock may begin anew with the next one.

    Args:
        take: (N,) take of each frame.
        time: (N,) the sensor's clock, 100 ns.
        tick_100ns: Usual time between two frames, from the end of a take to the next one, too.
    """
    steps = np.diff(time.astype(np.int64))
    steps[np.diff(take.astype(np.int64)) != 0] = tick_100ns
    found: list[float] = (np.concatenate([[0], np.cumsum(steps)]) / SECOND_100NS).tolist()
    return found


def people_of(row: np.void, size_px: tuple[int, int], *, mirrored: bool) -> tuple[SensorPose, ...]:
    """Return the tracked people of a row of bodies."""
    people = []
    for slot in np.flatnonzero(row["tracked"]):
        points = row["joint_color_px"][slot][_JOINTS].astype(np.float64)
        there = has_place_px(points, size_px)
        if not there.any():
            continue
        if mirrored:
            points = unmirror_points(points, size_px[0])
        points[~there] = np.nan
        trusted = there & (row["joint_state"][slot][_JOINTS] == TrackingState.tracked)
        people.append(SensorPose(points, trusted))
    return tuple(people)


def boxes_of(people: tuple[SensorPose, ...]) -> tuple[Detection, ...]:
    """Return the sensor's boxes: tight ones round the trusted keypoints, else round all."""
    boxes: list[Detection] = []
    for person in people:
        known = np.asarray(np.isfinite(person.keypoints_px).all(axis=1), np.bool_)
        used = person.trusted if person.trusted.sum() > 1 else known
        box = tight_box(np.nan_to_num(person.keypoints_px), used)
        boxes.append(Detection(box, float(person.trusted.mean())))
    return tuple(boxes)
