"""Corrected COCO keypoints: images by file name, keypoints by the names of their category."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .corrected import CorrectedPerson, PersonParts, odd, whole


def read_coco(path: Path, content: dict[str, Any]) -> Iterator[CorrectedPerson]:
    """Yield the people of a COCO file.

    Args:
        path: The file, for messages.
        content: Its object.

    Raises:
        DatasetError: It is not COCO keypoints.
    """
    names = _keypoints(path, content)
    images = {
        image.get("id"): image
        for image in _objects(path, content, "images")
        if isinstance(image.get("id"), int | str)
    }
    for person in _objects(path, content, "annotations"):
        keypoints = person.get("keypoints")
        if keypoints is None:
            continue  # a box or an outline alone
        image = images.get(_key(person.get("image_id")))
        about = names.get(_key(person.get("category_id")))
        if image is None or not isinstance(image.get("file_name"), str):
            raise odd(path, f"annotation {person.get('id')} is of an image that is not in the file")
        if about is None or not isinstance(keypoints, list) or len(keypoints) != 3 * len(about):
            raise odd(path, f"annotation {person.get('id')} has not 3 numbers for each keypoint")
        picture = image["file_name"]
        parts = PersonParts(path, picture, (image.get("width"), image.get("height")), known=False)
        for index, name in enumerate(about):
            x, y, v = keypoints[3 * index : 3 * index + 3]
            visibility = whole(path, picture, f"visibility of {name}", v)
            if not 0 <= visibility <= 2:
                raise odd(path, f"{picture[:100]}: visibility {visibility} of {name}, expected 0-2")
            parts.add(name, x, y, visibility)
        yield parts.person()


def _key(value: Any) -> int | str | None:
    return value if isinstance(value, int | str) else None


def _keypoints(path: Path, content: dict[str, Any]) -> dict[int | str | None, list[str]]:
    """Return the keypoint names of each category that has some."""
    found = {
        _key(category.get("id")): [str(name) for name in category["keypoints"]]
        for category in _objects(path, content, "categories")
        if isinstance(category.get("keypoints"), list)
    }
    if not found:
        raise odd(path, "COCO without a category that names keypoints")
    return found


def _objects(path: Path, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Return a list of objects of the file."""
    found = content.get(key)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise odd(path, f"no list of {key}")
    return found
