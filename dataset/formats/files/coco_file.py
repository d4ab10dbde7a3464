"""Read JSON in the form of COCO: images, annotations and categories with named keypoints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....core.errors import DatasetError
from ..people import (
    CROWD,
    FARTHEST_PX,
    NO_KEYPOINTS,
    Details,
    People,
    Points,
    index_pictures,
    make_people,
    make_points,
    refuse_empty,
    to_keypoints,
)
from .json_file import entry, load_json, typed
from .picture_folder import FROM_ANNOTATIONS, picture_root

LARGEST_ID: Final = 2**63 - 1


@dataclass(frozen=True)
class CocoFile:
    """The N annotations of a file.

    Attributes:
        points: K names of points: ``l_`` and ``r_`` for the sides, underscores for spaces.
        pictures: Names of the pictures that people are on.
        picture: (N,) index into them.
        labels: Of all K points.
        details: Ids, problems, boxes; ``clip`` where the file names videos.
    """

    points: tuple[str, ...]
    pictures: tuple[str, ...]
    picture: NDArray[np.int64]
    labels: Points
    details: Details


def load_coco_file(
    path: Path,
    needed: Sequence[str],
    *,
    pixel_base: float = 0,
    all_visible: bool = False,
    content: Any = None,
) -> CocoFile:
    """Read a file.

    Args:
        path: The JSON file.
        needed: Points that it must have.
        pixel_base: Position of the first pixel's centre in the file: 0, or 1 as in MATLAB.
        all_visible: Every labelled point is visible: 1 does not mean occluded in this set.
        content: What is in the file, where it was read before.

    Raises:
        DatasetError: It is not such a file.
    """
    content = typed(content or load_json(path), dict, f"{path}: it is")
    points = _points(path, content, needed)
    images = _images(path, content)
    found = entry(content, "annotations", list, str(path))
    people = [_person(path, index, one, images, points) for index, one in enumerate(found)]
    _check_ids(path, found)
    refuse_empty(path, len(people))
    names, picture = index_pictures([one.picture for one in people])
    values = np.array([one.keypoints for one in people], np.float64)
    values = values.reshape(len(people), len(points), 3)
    known = values[..., 2] > 0
    seen = known if all_visible else values[..., 2] > 1
    boxes = np.array([one.bbox for one in people], np.float64)
    return CocoFile(
        points=points,
        pictures=names,
        picture=picture,
        labels=make_points(values[..., :2] - pixel_base, known, seen),
        details=Details(
            person_id=np.array([one.person_id for one in people], np.int64),
            problem=np.array([one.problem for one in people], "<U16"),
            clip=np.array([one.clip for one in people], np.str_),
            boxes={"bbox": boxes - pixel_base},
        ),
    )


def people_of(
    path: Path, found: CocoFile, head: Sequence[str], beside: Sequence[str] = FROM_ANNOTATIONS
) -> People:
    """Return the people of a file whose head is one of its points, or the mean of some.

    Args:
        path: The file.
        found: Its content.
        head: Points whose mean is the head.
        beside: Folders in which pictures are looked for.
    """
    return make_people(
        picture_root(path, found.pictures, beside),
        found.pictures,
        found.picture,
        to_keypoints(found.labels, found.points, head),
        [path],
        found.details,
    )


def point_name(text: str) -> str:
    """Return a set's name of a point as kincap writes it."""
    name = text.strip().lower().replace(" ", "_")
    return name.replace("left_", "l_", 1).replace("right_", "r_", 1)


def _points(path: Path, content: Mapping[str, Any], needed: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the points that the file's category has."""
    for one in entry(content, "categories", list, str(path)):
        category = typed(one, dict, f"{path}: a category is")
        if category.get("keypoints"):
            texts = typed(category["keypoints"], list, f"{path}: 'keypoints' of a category are")
            names = tuple(point_name(typed(text, str, f"{path}: a point is")) for text in texts)
            missing = [name for name in needed if name not in names]
            if missing or len(set(names)) < len(names) or len(names) > 200:
                raise DatasetError(
                    f"{path}: points {', '.join(names)[:120]}; expected {', '.join(needed)[:120]}"
                )
            return names
    raise DatasetError(
        f"{path}: a COCO file without keypoints; expected person_keypoints_*.json, not instances"
    )


@dataclass(frozen=True)
class _Picture:
    """A picture: its name and the clip that it is from."""

    name: str
    clip: str


def _images(path: Path, content: Mapping[str, Any]) -> dict[int, _Picture]:
    """Return the pictures by id."""
    images = {}
    for index, one in enumerate(entry(content, "images", list, str(path))):
        where = f"{path}: images[{index}]"
        image = typed(one, dict, f"{where} is")
        name = entry(image, "file_name", str, where)
        images[entry(image, "id", int, where)] = _Picture(name, str(image.get("vid_id", ""))[:64])
    return images


@dataclass(frozen=True)
class _Annotation:
    """One annotation."""

    picture: str
    clip: str
    person_id: int
    keypoints: list[float]
    bbox: list[float]
    problem: str


def _person(
    path: Path, index: int, one: Any, images: Mapping[int, _Picture], points: Sequence[str]
) -> _Annotation:
    """Return one annotation, checked."""
    where = f"{path}: annotations[{index}]"
    found = typed(one, dict, f"{where} is")
    image_id = entry(found, "image_id", int, where)
    if image_id not in images:
        raise DatasetError(f"{where}: image_id {image_id} is not in 'images'")
    person_id = found.get("id", index)
    if not isinstance(person_id, int) or abs(person_id) > LARGEST_ID:
        raise DatasetError(f"{where}: id {str(person_id)[:40]}, expected a whole number of 64 bits")
    keypoints = found.get("keypoints") or [0] * (3 * len(points))
    numbers(keypoints, 3 * len(points), f"{where}: keypoints")
    for k, visibility in enumerate(keypoints[2::3]):
        if visibility not in (0, 1, 2):
            raise DatasetError(
                f"{where}: visibility {visibility:g} of keypoint {k + 1} ({points[k]}), expected "
                "0, 1 or 2"
            )
    box = found.get("bbox")
    if box is not None:
        x, y, width, height = numbers(box, 4, f"{where}: bbox")
        corners = [x, y, x + width, y + height]
    else:
        corners = [np.nan] * 4
    problem = CROWD if found.get("iscrowd") else ""
    if not problem and not any(keypoints[2::3]):
        problem = NO_KEYPOINTS
    image = images[image_id]
    return _Annotation(image.name, image.clip, person_id, keypoints, corners, problem)


def _check_ids(path: Path, annotations: Sequence[Mapping[str, Any]]) -> None:
    """Refuse annotations of one id: a corrected label could not be told from the other."""
    first: dict[int, int] = {}
    for index, one in enumerate(annotations):
        if "id" in one and first.setdefault(one["id"], index) != index:
            raise DatasetError(
                f"{path}: annotations[{index}]: id {one['id']} is that of "
                f"annotations[{first[one['id']]}] too; expected each id once"
            )


def numbers(values: Any, count: int, where: str) -> list[float]:
    """Return a list of numbers of a file, checked.

    Raises:
        DatasetError: It has another length, or holds something else.
    """
    if not isinstance(values, list) or len(values) != count:
        found = f"{len(values)} values" if isinstance(values, list) else "not a list"
        raise DatasetError(f"{where}: {found}, expected {count} numbers")
    for value in values:
        if type(value) not in (int, float) or not abs(value) < FARTHEST_PX:
            raise DatasetError(f"{where}: {str(value)[:40]!r}, expected a number")
    return values
