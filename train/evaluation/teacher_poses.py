"""Poses of a teacher for the rows of a split: in the labels' boxes, or followed in whole images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ...core.jpeg import decode_jpeg
from ...dataset.kinect13.format import Meta
from ...dataset.kinect13.reader import Split
from ...engines.teacher import Teacher, TeacherPose
from ...sessions.reader import SessionReader
from ...sessions.session_file import load_session
from ..data import Indices
from ..following.stretches import LONGEST_GAP_S
from ..mirror import Images

Floats = npt.NDArray[np.float64]
OnRow = Callable[[], None]


def poses_in_label_boxes(
    teacher: Teacher, rows: Split, chosen: Indices, on_row: OnRow = lambda: None
) -> Floats:
    """Return poses (M, 13, 2) of some rows, pixels of the original images.

    The teacher gets the stored image; what is outside of it is black.
    """
    border = (rows.image_size - rows.size) / 2
    box = np.array([border, border, border + rows.size, border + rows.size]) - 0.5
    label = np.asarray(rows.bbox_xyxy_px, np.float64)[chosen]
    per_px = (label[:, 2] - label[:, 0]) / rows.size
    poses = np.empty((len(chosen), 13, 2))
    for n in range(len(chosen)):
        (image,) = rows.wide_images(chosen[n : n + 1])
        found = teacher.pose_in_box(image, box)
        poses[n] = label[n, :2] + (found.keypoints_px + 0.5 - border) * per_px[n]
        on_row()
    return poses


class WholeImages:
    """The colour images of the sessions that a data set was built from.

    Args:
        recordings: The folder of all sessions.
        meta: Of the data set.

    Raises:
        KincapError: A session is missing, or another one has its name.
    """

    def __init__(self, recordings: Path, meta: Meta, names: list[str]) -> None:
        uuids = {str(one.get("session")): str(one.get("uuid", "")) for one in meta.sources}
        for name in names:
            folder = recordings / name
            if not folder.is_dir():
                raise KincapError(f"{folder}: no such session; name its folder with --recordings")
            if load_session(folder).uuid != uuids.get(name):
                raise KincapError(f"{folder}: another session than the data set was built from")
        self._recordings, self._name = recordings, ""
        self._reader: SessionReader | None = None

    def image(self, session: str, seq: int) -> Images:
        """Return a colour image (H, W, 3), RGB, un-mirrored.

        Raises:
            KincapError: It can't be read (exit 1).
        """
        if self._reader is None or self._name != session:
            self.close()
            self._reader, self._name = SessionReader(self._recordings / session), session
        image = decode_jpeg(self._reader.color_blob(seq))
        return np.ascontiguousarray(image[:, ::-1]) if self._reader.info.mirrored else image

    def close(self) -> None:
        """Close the session that is open."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None


def followed_poses(
    teacher: Teacher,
    images: WholeImages,
    rows: Split,
    meta: Meta,
    chosen: Indices,
    on_row: OnRow = lambda: None,
) -> Floats:
    """Return poses (M, 13, 2) of some rows, pixels of the original images; NaN: no one was found.

    The teacher finds one person in an image and follows that one. Where the data set has several
    people of an image, the pose counts for the one whose box is nearest.
    """
    keys = np.stack([rows.session, rows.take, rows.color_seq]).astype(np.int64)[:, chosen]
    poses = np.full((len(chosen), 13, 2), np.nan)
    frames, frame_of = np.unique(keys, axis=1, return_inverse=True)
    before: tuple[int, int, float] | None = None
    for number, (session, take, seq) in enumerate(frames.T.tolist()):
        here = np.flatnonzero(frame_of.reshape(-1) == number)
        at = float(rows.time_s[chosen[here[0]]])
        follows = before is not None and before[:2] == (session, take)
        if before is None or not follows or at - before[2] > LONGEST_GAP_S:
            teacher.begin()
        before = (session, take, at)
        found = teacher.follow(images.image(meta.sessions[session], seq))
        if found is not None:
            poses[here[_nearest(found, rows, chosen[here])]] = found.keypoints_px
        for _ in here:
            on_row()
    return poses


def _nearest(found: TeacherPose, rows: Split, here: Indices) -> int:
    """Return which of the rows of an image a pose is of."""
    boxes = np.asarray(rows.bbox_xyxy_px, np.float64)[here]
    middle = found.keypoints_px.mean(axis=0)
    off = (boxes[:, :2] + boxes[:, 2:]) / 2 - middle
    return int(np.hypot(*off.T).argmin())
