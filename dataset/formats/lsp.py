"""Leeds Sports Pose: ``joints.mat`` with ``joints`` (3, 14, 2000), pictures im0001.jpg on.

The third value is 1 where a joint is occluded; every joint has a position.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import DatasetError
from .files.mat_file import load_mat
from .files.picture_folder import labels_file, picture_root
from .options import LoadOptions
from .people import Details, Floats, People, make_people, make_points, to_keypoints

POINTS: Final = (
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle",
    "r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist",
    "neck", "head_top",
)  # fmt: skip
"""Order of LSP, LSP-extended and PARSE."""
HEAD: Final = ("neck", "head_top")
MOST_PEOPLE: Final = 1_000_000
TRAIN: Final = 1000
"""The first pictures are the training set, the others the test set."""


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The folder with joints.mat and images/, or joints.mat.
        options: None applies.
    """
    file = labels_file(path, ("joints.mat",))
    joints = load_joints(file)
    if joints.shape[0] != 3:
        raise DatasetError(
            f"{file}: 'joints' of shape {joints.shape}, expected (3, 14, N); "
            "a file of (14, 3, N) is LSP-extended: --add lspet:PATH"
        )
    values = joints.transpose(2, 1, 0)
    pictures = [f"im{number + 1:04d}.jpg" for number in range(len(values))]
    labels = make_points(values[..., :2] - 1, values[..., 2] >= 0, values[..., 2] == 0)
    split = np.where(np.arange(len(values)) < TRAIN, "train", "test")
    return make_people(
        picture_root(file, pictures),
        pictures,
        np.arange(len(values)),
        to_keypoints(labels, POINTS, HEAD),
        [file],
        Details(split=split if len(values) > TRAIN else None),
    )


def load_joints(file: Path) -> Floats:
    """Return ``joints`` of a file of LSP or LSP-extended: (3, 14, N) or (14, 3, N).

    Raises:
        DatasetError: It has another shape or type.
    """
    joints = load_mat(file, "joints")
    sizes: tuple[int, ...] = getattr(joints, "shape", ())
    good = len(sizes) == 3 and {3, len(POINTS)} == set(sizes[:2]) and 0 < sizes[2] <= MOST_PEOPLE
    if not good or not np.issubdtype(joints.dtype, np.number):
        raise DatasetError(
            f"{file}: 'joints' of shape {sizes}, expected (3, 14, N) or (14, 3, N) numbers"
        )
    return np.asarray(joints.real, np.float64)
