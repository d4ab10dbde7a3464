"""Any other set, such as Fashion Pose: a CSV table or a JSON file in kincap's own form.

docs/datasets.md describes both. Positions are pixels counted from 0, pixel centres at integers.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import DatasetError
from ...core.skeleton import KEYPOINT_NAMES
from .files.coco_file import numbers
from .files.json_file import LARGEST_JSON, entry, load_json, read_limited, typed
from .files.picture_folder import labels_file, picture_root
from .options import LoadOptions
from .people import (
    FARTHEST_PX,
    HEAD,
    Details,
    People,
    index_pictures,
    make_people,
    make_points,
    refuse_empty,
    to_keypoints,
)

PARTS: Final = ("", "train", "val", "test")
SCHEMA: Final = "kincap/people/1"
_TEXTS: Final = ("split", "clip")


@dataclass(frozen=True)
class _Row:
    """One person: x, y, v of each of the 13 keypoints; v 0 not labelled, 1 occluded, 2 visible."""

    image: str
    person: int
    split: str
    clip: str
    xyv: list[list[float]]


def load(path: Path, options: LoadOptions) -> People:
    """Read a set.

    Args:
        path: A ``.csv`` or ``.json`` file, or a folder with one ``people.csv`` or ``people.json``.
        options: None applies.
    """
    file = labels_file(path, ("people.csv", "people.json"))
    rows = _from_csv(file) if file.suffix.lower() == ".csv" else _from_json(file)
    refuse_empty(file, len(rows))
    pictures, picture = index_pictures([row.image for row in rows])
    xyv = np.array([row.xyv for row in rows], np.float64)
    labels = make_points(xyv[..., :2], xyv[..., 2] > 0, xyv[..., 2] > 1)
    return make_people(
        picture_root(file, pictures),
        pictures,
        picture,
        to_keypoints(labels, KEYPOINT_NAMES, (HEAD,)),
        [file],
        Details(
            person_id=[row.person for row in rows],
            split=[row.split for row in rows],
            clip=[row.clip for row in rows],
        ),
    )


def _from_csv(file: Path) -> list[_Row]:
    """Read a table with a head line: image, and x, y and maybe v of each keypoint by name."""
    try:
        text = read_limited(file, LARGEST_JSON).decode("utf-8-sig")
        lines = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, csv.Error) as err:
        raise DatasetError(f"{file}: not a CSV file in UTF-8 ({err})") from err
    columns = set(lines[0]) if lines else set()
    known = {"image", "person", *_TEXTS}
    known |= {f"{name}_{axis}" for name in KEYPOINT_NAMES for axis in "xyv"}
    strange = sorted(str(name) for name in columns - known)
    if strange or (lines and "image" not in columns):
        raise DatasetError(
            f"{file}: columns {', '.join(strange)[:80] or 'without image'}; expected image, "
            "person, split, clip, and head_x, head_y, head_v, r_shoulder_x ... (docs/datasets.md)"
        )
    return [_line(f"{file}: line {index + 2}", line) for index, line in enumerate(lines)]


def _line(where: str, line: Mapping[str, str | None]) -> _Row:
    """Return the person of a line."""
    xyv = []
    for name in KEYPOINT_NAMES:
        cells = [(line.get(f"{name}_{axis}") or "").strip() for axis in "xyv"]
        if not cells[0] and not cells[1]:
            xyv.append([0.0, 0.0, 0.0])
            continue
        try:
            x, y, v = float(cells[0]), float(cells[1]), float(cells[2] or 2)
        except ValueError as err:
            raise DatasetError(
                f"{where}: {name} is {', '.join(cells)!r}, expected numbers"
            ) from err
        xyv.append(_checked([x, y, v], f"{where}: {name}"))
    person = (line.get("person") or "0").strip()
    if not person.lstrip("-").isdecimal():
        raise DatasetError(f"{where}: person {person[:40]!r}, expected a whole number")
    texts = {key: (line.get(key) or "").strip() for key in _TEXTS}
    return _row(where, (line.get("image") or "").strip(), int(person), texts, xyv)


def _from_json(file: Path) -> list[_Row]:
    """Read ``{schema, pixel_base, keypoints, people: [{image, keypoints: [[x, y, v], ...]}]}``."""
    content = typed(load_json(file), dict, f"{file}: it is")
    if content.get("schema") != SCHEMA:
        raise DatasetError(f"{file}: no schema {SCHEMA!r}; docs/datasets.md describes the form")
    names = entry(content, "keypoints", list, str(file))
    if not names or len(set(map(str, names))) != len(names) or not set(names) <= {*KEYPOINT_NAMES}:
        raise DatasetError(f"{file}: 'keypoints' are {str(names)[:80]}; expected names of the 13")
    base = content.get("pixel_base", 0)
    if base not in (0, 1):
        raise DatasetError(f"{file}: pixel_base {str(base)[:40]}, expected 0 or 1")
    rows = []
    for index, one in enumerate(entry(content, "people", list, str(file))):
        where = f"{file}: people[{index}]"
        person = typed(one, dict, f"{where} is")
        points = entry(person, "keypoints", list, where)
        if len(points) != len(names):
            raise DatasetError(f"{where}: {len(points)} keypoints, expected {len(names)}")
        given = {
            name: _checked(numbers(point, 3, f"{where}: {name}"), f"{where}: {name}")
            for name, point in zip(names, points, strict=True)
        }
        xyv = [
            [given[name][0] - base, given[name][1] - base, given[name][2]]
            if name in given
            else [0.0, 0.0, 0.0]
            for name in KEYPOINT_NAMES
        ]
        number = person.get("person", 0)
        texts = {key: str(person.get(key, "")) for key in _TEXTS}
        rows.append(
            _row(where, entry(person, "image", str, where), typed(number, int, where), texts, xyv)
        )
    return rows


def _row(
    where: str, image: str, person: int, texts: dict[str, str], xyv: list[list[float]]
) -> _Row:
    """Return a person, checked."""
    if texts["split"] not in PARTS:
        raise DatasetError(f"{where}: split {texts['split'][:40]!r}, expected train, val or test")
    if not image or abs(person) >= 2**63:
        raise DatasetError(f"{where}: no image, or a person's number of more than 64 bits")
    return _Row(image, person, texts["split"], texts["clip"], xyv)


def _checked(xyv: list[Any], where: str) -> list[float]:
    """Return x, y and v, whose values are possible."""
    if xyv[2] not in (0, 1, 2):
        raise DatasetError(f"{where}: v is {xyv[2]}, expected 0, 1 or 2")
    if not all(abs(value) < FARTHEST_PX for value in xyv[:2]):
        raise DatasetError(f"{where}: {xyv[0]}, {xyv[1]}, expected pixels")
    return xyv
