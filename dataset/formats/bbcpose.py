"""BBC Pose: ``bbcpose.mat``, frames ``VIDEO/FRAME.jpg``; 7 points of signers' upper bodies.

Only the 200 frames each of the 5 validation and 5 test videos are labelled by hand. The labels of
the training videos were made by a tracker; they are not read.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import DatasetError
from .files.mat_file import as_list, load_mat
from .files.picture_folder import labels_file, picture_root
from .options import LoadOptions
from .people import (
    HEAD,
    Details,
    People,
    index_pictures,
    make_people,
    make_points,
    refuse_empty,
    to_keypoints,
)

POINTS: Final = (
    HEAD, "r_wrist", "l_wrist", "r_elbow", "l_elbow", "r_shoulder", "l_shoulder",
)  # fmt: skip
BY_HAND: Final = ("val", "test")


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The folder with bbcpose.mat and the videos' folders of frames, or bbcpose.mat.
        options: None applies.
    """
    file = labels_file(path, ("bbcpose.mat",))
    names, values, parts, clips = [], [], [], []
    for index, one in enumerate(as_list(load_mat(file, "bbcpose", simple=True))):
        where = f"{file}: bbcpose({index + 1})"
        video: dict[str, Any] = one if isinstance(one, dict) else {}
        if not isinstance(video.get("type"), str):
            raise DatasetError(f"{where}: no type; is this BBC Pose's bbcpose.mat?")
        if video["type"] not in BY_HAND:
            continue
        frames = np.asarray(video.get("test_frames", []), np.float64).ravel()
        joints = np.asarray(video.get("test_joints", []), np.float64)
        if joints.ndim == 2:
            joints = joints[..., None]
        if joints.shape != (2, len(POINTS), len(frames)):
            raise DatasetError(
                f"{where}: test_joints of shape {joints.shape}, "
                f"expected (2, {len(POINTS)}, {len(frames)})"
            )
        names += [f"{index + 1}/{frame:.0f}.jpg" for frame in frames.tolist()]
        values.append(joints.transpose(2, 1, 0))
        parts += [video["type"]] * len(frames)
        clips += [str(index + 1)] * len(frames)
    refuse_empty(file, len(names))
    xy = np.concatenate(values) - 1
    pictures, picture = index_pictures(names)
    labels = make_points(xy, np.isfinite(xy).all(axis=-1))
    return make_people(
        picture_root(file, pictures),
        pictures,
        picture,
        to_keypoints(labels, POINTS, (HEAD,)),
        [file],
        Details(split=parts, clip=clips),
    )
