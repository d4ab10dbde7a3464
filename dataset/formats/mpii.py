"""MPII Human Pose: the owner's .mat file, JSON lists of people, or the hourglass net's HDF5 files.

16 points, pixels counted from 1. The head is the mean of upper neck and head top.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import DatasetError
from .files.coco_file import numbers
from .files.hourglass_file import load_hourglass_file
from .files.json_file import entry, load_json, typed
from .files.mat_file import as_list, as_number, load_mat
from .files.picture_folder import FROM_ANNOTATIONS, labels_file, picture_root
from .options import LoadOptions
from .people import (
    Details,
    Floats,
    People,
    index_pictures,
    make_people,
    make_points,
    refuse_empty,
    to_keypoints,
)

POINTS: Final = (
    "r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle", "pelvis", "thorax",
    "upper_neck", "head_top", "r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow",
    "l_wrist",
)  # fmt: skip
HEAD: Final = ("upper_neck", "head_top")
NAMES: Final = ("mpii_human_pose*.mat", "*mpii*.json", "*.h5", "annot/*.h5")
_HEAD_BOX: Final = ("x1", "y1", "x2", "y2")
_NOWHERE: Final = -1


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: A file of labels (.mat, .json, .h5), or a folder with one and images/.
        options: None applies.
    """
    file = labels_file(path, NAMES)
    if file.suffix == ".h5":
        return _from_hourglass(file)
    if file.suffix == ".json":
        return _from_json(file)
    return _from_release(file)


def _people(
    file: Path, names: list[str], xy: Any, labelled: Any, seen: Any, more: Details
) -> People:
    """Return people of their 16 points, (N, 16, 2), 1-based."""
    refuse_empty(file, len(names))
    pictures, picture = index_pictures(names)
    labels = make_points(np.asarray(xy, np.float64) - 1, labelled, seen)
    root = picture_root(file, pictures, FROM_ANNOTATIONS)
    return make_people(root, pictures, picture, to_keypoints(labels, POINTS, HEAD), [file], more)


def _from_hourglass(file: Path) -> People:
    """Read HDF5: (0, 0) is not labelled."""
    found = load_hourglass_file(file, len(POINTS))
    pictures, picture = index_pictures(found.names)
    return make_people(
        picture_root(file, pictures, FROM_ANNOTATIONS),
        pictures,
        picture,
        to_keypoints(found.labels, POINTS, HEAD),
        [file],
        Details(scale=found.scale, split=_part(file)),
    )


def _part(file: Path) -> str:
    """Return the part of the set that a file's name says."""
    stem = file.stem.lower()
    return next((part for part in ("train", "val", "test") if part in stem), "")


def _from_json(file: Path) -> People:
    """Read a list of people: image, joints (16 x 2), joints_vis (16)."""
    names, xy, known, scale = [], [], [], []
    for index, one in enumerate(typed(load_json(file), list, f"{file}: it is")):
        where = f"{file}: [{index}]"
        person = typed(one, dict, f"{where} is")
        names.append(entry(person, "image", str, where))
        joints = entry(person, "joints", list, where)
        if len(joints) != len(POINTS):
            raise DatasetError(f"{where}: {len(joints)} joints, expected {len(POINTS)}")
        xy.append([numbers(joint, 2, f"{where}: a joint") for joint in joints])
        known.append(numbers(person.get("joints_vis"), len(POINTS), f"{where}: joints_vis"))
        scale.append(as_number(person.get("scale"), np.nan))
    labelled = np.array(known, np.float64).reshape(-1, len(POINTS)) > 0
    points = np.array(xy, np.float64).reshape(-1, len(POINTS), 2)
    labelled &= (points != _NOWHERE).any(axis=-1)
    return _people(file, names, points, labelled, None, Details(scale=scale, split=_part(file)))


def _from_release(file: Path) -> People:
    """Read the owner's struct ``RELEASE``; pictures without people are left out."""
    release = load_mat(file, "RELEASE", simple=True)
    if not isinstance(release, dict) or "annolist" not in release:
        raise DatasetError(f"{file}: RELEASE has no field 'annolist'; download it again")
    train = as_list(release.get("img_train", []))
    names, values, boxes, scales, parts, clips = [], [], [], [], [], []
    for index, picture in enumerate(as_list(release["annolist"])):
        where = f"{file}: RELEASE.annolist({index + 1})"
        name, clip = _picture(picture, where)
        for person in as_list(picture.get("annorect", [])):
            if not isinstance(person, dict):
                continue
            names.append(name)
            values.append(_points(person, where))
            boxes.append([as_number(person.get(key), np.nan) - 1 for key in _HEAD_BOX])
            scales.append(as_number(person.get("scale"), np.nan))
            is_train = as_number(train[index], 1) if index < len(train) else 1
            parts.append("train" if is_train else "test")
            clips.append(clip)
    xyv = np.array(values, np.float64).reshape(len(names), len(POINTS), 3)
    head = np.array(boxes).reshape(len(names), len(_HEAD_BOX))
    more = Details(scale=scales, split=parts, clip=clips, boxes={"head": head})
    known = np.isfinite(xyv[..., 0])
    return _people(file, names, xyv[..., :2], known, xyv[..., 2] > 0, more)


def _picture(picture: Any, where: str) -> tuple[str, str]:
    """Return the name of a picture and the video that it is from."""
    image = picture.get("image") if isinstance(picture, dict) else None
    name = image.get("name") if isinstance(image, dict) else None
    if not isinstance(name, str):
        raise DatasetError(f"{where}: no image.name; is this MPII's file of labels?")
    video = as_number(picture.get("vididx"), np.nan)
    return name, "" if np.isnan(video) else f"{video:.0f}"


def _points(person: dict[str, Any], where: str) -> Floats:
    """Return (16, 3) x, y and 1 where visible, NaN for points that are absent."""
    found = np.full((len(POINTS), 3), np.nan)
    listed = person.get("annopoints")
    if not isinstance(listed, dict):
        return found
    for point in as_list(listed.get("point", [])):
        if not isinstance(point, dict):
            continue
        number = as_number(point.get("id"), _NOWHERE)
        if number not in range(len(POINTS)):
            raise DatasetError(f"{where}: a point of id {point.get('id')!r}, expected 0 to 15")
        # absent, empty, a number or a text: only 0 means occluded
        visible = as_number(point.get("is_visible"), 1)
        x, y = (as_number(point.get(axis), np.nan) for axis in ("x", "y"))
        found[int(number)] = x, y, visible
    return found
