"""COCO keypoints: ``person_keypoints_*.json``, pictures in images/, train2017/ or beside."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from .files.coco_file import CocoFile, load_coco_file
from .files.picture_folder import FROM_ANNOTATIONS, labels_file, picture_root
from .options import HEAD_FACE, LoadOptions
from .people import People, Points, make_people, make_points, to_keypoints

LIMBS: Final = (
    "l_shoulder", "r_shoulder", "l_elbow", "r_elbow", "l_wrist", "r_wrist",
    "l_hip", "r_hip", "l_knee", "r_knee", "l_ankle", "r_ankle",
)  # fmt: skip
FACE: Final = ("nose", "l_eye", "r_eye")
EARS: Final = ("l_ear", "r_ear")
NAMES: Final = ("person_keypoints*.json", "annotations/person_keypoints*.json", "*coco*.json")


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The JSON file, or a folder with one ``person_keypoints*.json``.
        options: ``head``.
    """
    file = labels_file(path, NAMES)
    return people_with_faces(file, load_coco_file(file, (*FACE, *EARS, *LIMBS)), options)


def people_with_faces(file: Path, found: CocoFile, options: LoadOptions) -> People:
    """Return people of a file with COCO's 17 points: the head is made from the face.

    Args:
        file: The file.
        found: Its content.
        options: ``head``.
    """
    labels = to_keypoints(found.labels, found.points, EARS)
    if options.head == HEAD_FACE:
        labels = _heads_from_faces(labels, to_keypoints(found.labels, found.points, FACE))
    nose = found.points.index("nose")
    details = replace(found.details, faces=found.labels.visible[:, nose])
    return make_people(
        picture_root(file, found.pictures, FROM_ANNOTATIONS),
        found.pictures,
        found.picture,
        labels,
        [file],
        details,
    )


def _heads_from_faces(ears: Points, faces: Points) -> Points:
    """Return labels whose heads are the mean of nose and eyes where the ears don't give them."""
    other = ~ears.labelled
    return make_points(
        np.where(other[..., None], faces.xy, ears.xy),
        ears.labelled | faces.labelled,
        ears.visible | (other & faces.visible),
    )
