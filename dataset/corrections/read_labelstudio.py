"""Corrected Label Studio JSON: keypoint regions in percent, their visibility as a choice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ..export.picture_names import parse_name
from .corrected import CorrectedPerson, PersonParts, number, odd


def read_labelstudio(path: Path, content: list[Any]) -> Iterator[CorrectedPerson]:
    """Yield the people of an export of Label Studio ("JSON", not "JSON-MIN").

    Args:
        path: The file, for messages.
        content: Its list of tasks.

    Raises:
        DatasetError: It is not one.
    """
    for task in content:
        if not isinstance(task, dict) or not isinstance(task.get("data"), dict):
            raise odd(path, "a list, but not of Label Studio's tasks")
        picture = _picture(task["data"])
        annotations = task.get("annotations")
        if picture is None or not isinstance(annotations, list):
            continue
        made = [
            one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")
        ]
        if made:
            # of several by different people the last one counts
            yield from _people(path, picture, made[-1].get("result"))


def _picture(data: dict[str, Any]) -> str | None:
    """Return the name of the task's picture: the part of its data that is one of ours."""
    for value in data.values():
        if isinstance(value, str):
            name = unquote(value).split("?d=")[-1]
            if parse_name(name) is not None:
                return name
    return None


def _people(path: Path, picture: str, result: Any) -> Iterator[CorrectedPerson]:
    """Yield the people of one annotation: the keypoints that have one parent, or none."""
    regions = result if isinstance(result, list) else []
    if not all(isinstance(one, dict) for one in regions):
        raise odd(path, f"{picture[:100]}: a result that is not a list of regions")
    occluded = {
        one.get("id")
        for one in regions
        if one.get("type") == "choices" and "occluded" in _value(one, "choices")
    }
    people: dict[Any, PersonParts] = {}
    for one in regions:
        labels = _value(one, "keypointlabels")
        if one.get("type") != "keypointlabels" or not labels:
            continue
        size = one.get("original_width"), one.get("original_height")
        parent = str(one.get("parentID"))
        if parent not in people:
            people[parent] = PersonParts(path, picture, size, known=True)
        person = people[parent]
        x, y = (
            number(path, picture, str(labels[0]), one["value"].get(axis)) / 100 * length - 0.5
            for axis, length in zip("xy", person.size_px, strict=True)
        )
        person.add(str(labels[0]), x, y, 1 if one.get("id") in occluded else 2)
    for person in people.values():
        yield person.person()


def _value(region: dict[str, Any], key: str) -> list[Any]:
    """Return a list in the value of a region; empty where it has none."""
    value = region.get("value")
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
