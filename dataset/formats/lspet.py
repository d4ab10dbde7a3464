"""LSP-extended: ``joints.mat`` with ``joints`` (14, 3, 10000), pictures im00001.jpg on.

The third value is 1 where a joint is labelled and visible, the opposite of LSP. Nothing else
shows it: joints that are not labelled are negative, not zero, and some labelled ones are too.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import DatasetError
from .files.picture_folder import is_file, labels_file, picture_root
from .lsp import HEAD, POINTS, load_joints
from .options import LoadOptions
from .people import Details, People, make_people, make_points, to_keypoints

SUFFIXES: Final = (".jpg", ".png")
"""Of the pictures; a re-annotation (hr-lspet) has PNG."""


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The folder with joints.mat and images/, or joints.mat.
        options: None applies.
    """
    file = labels_file(path, ("joints.mat",))
    joints = load_joints(file)
    if joints.shape[1] != 3:
        raise DatasetError(
            f"{file}: 'joints' of shape {joints.shape}, expected (14, 3, N); "
            "a file of (3, 14, N) is LSP: --add lsp:PATH"
        )
    values = joints.transpose(2, 0, 1)
    names = [f"im{number + 1:05d}" for number in range(len(values))]
    for suffix in SUFFIXES:
        pictures = [name + suffix for name in names]
        root = picture_root(file, pictures)
        if is_file(root / pictures[0]):
            break
    else:
        pictures = [name + SUFFIXES[0] for name in names]
    labels = make_points(values[..., :2] - 1, values[..., 2] == 1)
    return make_people(
        root,
        pictures,
        np.arange(len(values)),
        to_keypoints(labels, POINTS, HEAD),
        [file],
        Details(split="train"),
    )
