"""AI Challenger: 14 points, in the form of COCO or as its owner ships it.

The owner's file is a list of pictures with ``human_annotations`` (boxes) and
``keypoint_annotations`` (x, y, v of each point; v is 1 visible, 2 occluded, 3 not labelled). In the
form of COCO v is 2 visible, 1 occluded, 0 not labelled.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from .coco import LIMBS
from .files.coco_file import load_coco_file, numbers, people_of
from .files.json_file import entry, load_json, typed
from .files.picture_folder import labels_file, picture_root
from .options import LoadOptions
from .people import (
    Details,
    People,
    index_pictures,
    make_people,
    make_points,
    refuse_empty,
    to_keypoints,
)

POINTS: Final = (
    "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist",
    "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle", "head_top", "neck",
)  # fmt: skip
HEAD: Final = ("neck", "head_top")
_VISIBLE, _OCCLUDED = 1, 2


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The JSON file, or a folder with one (``keypoint_*_annotations*.json``,
            ``*aic*.json``).
        options: None applies.
    """
    file = labels_file(path, ("keypoint_*_annotations*.json", "*aic*.json"))
    content = load_json(file)
    if isinstance(content, list):
        return _owners(file, content)
    return people_of(file, load_coco_file(file, (*LIMBS, *HEAD), content=content), HEAD)


def _owners(file: Path, content: list[Any]) -> People:
    """Return the people of the owner's file."""
    names, values, boxes = [], [], []
    for index, one in enumerate(content):
        where = f"{file}: [{index}]"
        picture = typed(one, dict, f"{where} is")
        name = entry(picture, "image_id", str, where) + ".jpg"
        people = entry(picture, "keypoint_annotations", dict, where)
        around = picture.get("human_annotations", {})
        for key, points in people.items():
            names.append(name)
            values.append(numbers(points, 3 * len(POINTS), f"{where}: {key}"))
            box = around.get(key) if isinstance(around, dict) else None
            boxes.append([np.nan] * 4 if box is None else numbers(box, 4, f"{where}: {key}"))
    refuse_empty(file, len(names))
    pictures, picture_of = index_pictures(names)
    xyv = np.array(values, np.float64).reshape(len(names), len(POINTS), 3)
    seen = xyv[..., 2] == _VISIBLE
    labels = make_points(xyv[..., :2], seen | (xyv[..., 2] == _OCCLUDED), seen)
    return make_people(
        picture_root(file, pictures),
        pictures,
        picture_of,
        to_keypoints(labels, POINTS, HEAD),
        [file],
        Details(boxes={"bbox": np.array(boxes)}),
    )
