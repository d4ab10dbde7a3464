"""The true faces in a data set of simulated sessions, and how many of them blurring covers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kincap.core.geometry import image_to_crop, unmirror_points
from kincap.core.skeleton import JOINT, KEYPOINT
from kincap.dataset.faces.blur import FaceBlur
from kincap.dataset.kinect13.reader import Kinect13, open_kinect13
from kincap.sessions.session_file import load_session
from kincap.sessions.truth import load_truth

FACE_OF_NECK = 0.124 / 0.135
"""Radius of the ball around the head joint that holds the whole face, chin to crown and nose, in
lengths from neck to head: the simulator's skull."""


@dataclass
class Coverage:
    """Rows with a tracked head, and those whose true face is blurred whole.

    Attributes:
        heads: Rows with a tracked head.
        covered: Of these, rows in which every pixel of the true face differs from the picture.
        others: Rows without a tracked head.
        others_covered: Likewise.
        area: Mean area of the blurred disks, in areas of the true face.
    """

    heads: int = 0
    covered: int = 0
    others: int = 0
    others_covered: int = 0
    area: float = 0.0


def measure(data: Path, recordings: Path) -> Coverage:
    """Compare the blurred disks of every row with its true face."""
    found, areas = Coverage(), []
    with open_kinect13(data) as dataset:
        faces = FaceBlur(dataset)
        for index, name in enumerate(dataset.meta.sessions):
            truth = load_truth(recordings / name).color
            by_seq = {int(row["seq"]): row for row in truth}
            info = load_session(recordings / name)
            for split_name in dataset.splits:
                split = dataset.split(split_name)
                for row in np.flatnonzero(split.session == index):
                    person = by_seq[int(split.color_seq[row])]
                    ball = _true_ball(dataset, split, row, person, info)
                    disks = faces.disks(split, row)
                    apart = np.linalg.norm(disks[:, :2] - ball[:2], axis=1)
                    is_covered = bool((apart + ball[2] <= disks[:, 2]).any())
                    is_covered |= bool(np.isnan(disks).any())
                    own = disks[np.nanargmin(apart), 2]
                    areas.append(own**2 / ball[2] ** 2)
                    if split.visibility[row, KEYPOINT["head"]] == 2:
                        found.heads += 1
                        found.covered += is_covered
                    else:
                        found.others += 1
                        found.others_covered += is_covered
    found.area = float(np.mean(areas))
    return found


def _true_ball(dataset: Kinect13, split, row, person, info) -> np.ndarray:
    """Return x, y, radius of a row's true face, pixels of its crop."""
    who = int(np.flatnonzero(person["slot"] == split.slot[row])[0])
    xyz = person["joint_xyz_m"][who].astype(float)
    head, neck = xyz[JOINT["Head"]], xyz[JOINT["Neck"]]
    focal = float(info.device.projection["fx_px"])
    radius = FACE_OF_NECK * np.linalg.norm(head - neck) * focal / head[2]
    at = unmirror_points(person["joint_color_px"][who][JOINT["Head"]], info.size_px[0])
    box = split.bbox_xyxy_px[[row]].astype(float)
    scale = dataset.size / (box[0, 2] - box[0, 0])
    return np.append(image_to_crop(at[None, None], box, dataset.size)[0, 0], radius * scale)
