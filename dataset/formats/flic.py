"""FLIC: the owner's ``examples.mat``, or the hourglass net's HDF5 files.

11 points of the upper body, pixels counted from 1; the head is the mean of eyes and nose. A picture
may come more than once, with one person each time.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.skeleton import KEYPOINT
from .files.hourglass_file import load_hourglass_file, movie_of
from .files.mat_file import as_list, as_number, load_mat
from .files.picture_folder import labels_file, picture_root
from .options import LoadOptions
from .people import (
    SIDES,
    Details,
    People,
    Points,
    index_pictures,
    make_people,
    make_points,
    refuse_empty,
    to_keypoints,
)

POINTS: Final = (
    "l_shoulder", "l_elbow", "l_wrist", "r_shoulder", "r_elbow", "r_wrist", "l_hip", "r_hip",
    "l_eye", "r_eye", "nose",
)  # fmt: skip
HEAD: Final = ("l_eye", "r_eye", "nose")
ROWS: Final = (0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)
"""Of the 29 columns of ``coords``, those of POINTS; the others are never labelled."""
COLUMNS: Final = 29
TURNED: Final = 0.1
"""Eyes exchanged by more than this share of the shoulders' width contradict the shoulders."""


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: A file of labels (.mat, .h5), or a folder with one and images/.
        options: None applies.
    """
    file = labels_file(path, ("examples.mat", "*.h5", "annot/*.h5"))
    if file.suffix == ".h5":
        found = load_hourglass_file(file, len(POINTS))
        clips = [movie_of(name) for name in found.names]
        return _people(file, found.names, found.labels, Details(clip=clips, scale=found.scale))
    return _from_examples(file)


def _from_examples(file: Path) -> People:
    """Read ``examples``; a point that is NaN is not labelled."""
    examples = as_list(load_mat(file, "examples", simple=True))
    refuse_empty(file, len(examples))
    names, values, torsos, parts, clips = [], [], [], [], []
    for index, one in enumerate(examples):
        where = f"{file}: examples({index + 1})"
        coords = np.asarray(one.get("coords") if isinstance(one, dict) else None)
        if coords.shape != (2, COLUMNS) or coords.dtype.kind not in "fiu":
            raise DatasetError(f"{where}: coords of shape {coords.shape}, expected (2, {COLUMNS})")
        if not isinstance(one.get("filepath"), str):
            raise DatasetError(f"{where}: no filepath; is this FLIC's examples.mat?")
        names.append(one["filepath"])
        values.append(coords[:, ROWS].T)
        box = np.asarray(one.get("torsobox", []), np.float64).ravel()
        torsos.append(box - 1 if box.shape == (4,) else np.full(4, np.nan))
        parts.append(_part(one))
        clips.append(str(one.get("moviename", "")))
    xy = np.array(values, np.float64) - 1
    labels = make_points(xy, np.isfinite(xy).all(axis=-1))
    more = Details(split=parts, clip=clips, boxes={"torso": np.array(torsos)})
    return _people(file, names, labels, more)


def _part(one: dict[str, Any]) -> str:
    """Return the part of the set that an example belongs to."""
    if as_number(one.get("istrain"), 0):
        return "train"
    return "test" if as_number(one.get("istest"), 0) else ""


def _people(file: Path, names: list[str], labels: Points, more: Details) -> People:
    """Return the people of 11 points; those whose eyes contradict their shoulders have no sides."""
    refuse_empty(file, len(names))
    pictures, picture = index_pictures(names)
    keypoints = to_keypoints(labels, POINTS, HEAD)
    more = replace(more, problem=np.where(_contradictory(labels, keypoints), SIDES, ""))
    # the face is labelled in every example, also of people seen from behind
    return make_people(picture_root(file, pictures), pictures, picture, keypoints, [file], more)


def _contradictory(labels: Points, keypoints: Points) -> NDArray[np.bool_]:
    """Return whose left eye is right of the right one, and the shoulders the other way round.

    From in front both left ones are on the right, from behind both are on the left.
    """
    x = labels.xy[..., 0]
    eyes = x[:, POINTS.index("l_eye")] - x[:, POINTS.index("r_eye")]
    shoulders = keypoints.xy[..., 0]
    across = shoulders[:, KEYPOINT["l_shoulder"]] - shoulders[:, KEYPOINT["r_shoulder"]]
    with np.errstate(invalid="ignore"):
        opposite = np.sign(eyes) == -np.sign(across)
        return np.asarray(opposite & (np.abs(eyes) > TURNED * np.abs(across)))
