"""PARSE, also "people": ``labels.mat`` with ``ptsAll`` (14, 2, 305), pictures im0001.jpg on.

Sides are those of the picture, so for people seen from behind left and right are exchanged.
"""

from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import DatasetError
from ...core.skeleton import FLIP
from .files.mat_file import load_mat
from .files.picture_folder import labels_file, picture_root
from .lsp import HEAD, POINTS
from .options import BACKS_DROP, LoadOptions
from .people import (
    BACK,
    SIDES,
    Bools,
    Details,
    People,
    Points,
    make_people,
    make_points,
    to_keypoints,
)

LOOKED_AT: Final = 240
"""Pictures of which a person has checked by eye whether they show a back."""
BACKS: Final = (37, 71, 72, 118, 128, 136, 145, 160, 162, 166, 176, 199, 213, 218)
"""Numbers of the pictures that show a person from behind, with the sides of the picture."""
MIXED: Final = (83,)
"""A person from behind whose shoulders have their own sides and whose hips have the picture's."""
TRAIN: Final = 100


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The folder with labels.mat and images/, or labels.mat.
        options: ``backs``.
    """
    file = labels_file(path, ("labels.mat",))
    points = load_mat(file, "ptsAll")
    if points.ndim != 3 or points.shape[:2] != (len(POINTS), 2) or points.dtype.kind not in "fiu":
        raise DatasetError(f"{file}: 'ptsAll' of shape {points.shape}, expected (14, 2, N) numbers")
    xy = points.transpose(2, 0, 1).astype(np.float64) - 1
    number = np.arange(1, len(xy) + 1)
    pictures = [f"im{n:04d}.jpg" for n in number.tolist()]
    labels = to_keypoints(make_points(xy, np.isfinite(xy).all(axis=-1)), POINTS, HEAD)
    back = np.isin(number, BACKS)
    problem = np.where((number > LOOKED_AT) | np.isin(number, MIXED), SIDES, "")
    if options.backs == BACKS_DROP:
        problem = np.where(back, BACK, problem)
    return make_people(
        picture_root(file, pictures),
        pictures,
        np.arange(len(xy)),
        _exchanged(labels, back),
        [file],
        Details(
            problem=problem,
            split=np.where(number <= TRAIN, "train", "test"),
            exchanged=int((back & (problem == "")).sum()),
        ),
    )


def _exchanged(labels: Points, where: Bools) -> Points:
    """Return labels with left and right exchanged for some people."""
    people = where[:, None]
    return Points(
        np.where(people[..., None], labels.xy[:, FLIP], labels.xy),
        np.where(people, labels.labelled[:, FLIP], labels.labelled),
        np.where(people, labels.visible[:, FLIP], labels.visible),
    )
