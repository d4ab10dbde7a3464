"""Detections of people from a file: ``--boxes detections.json``."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import DatasetError
from ...core.geometry import Floats
from ..formats.files.coco_file import numbers
from ..formats.files.json_file import entry, load_json, typed

NOTHING = np.zeros((0, 4))


@dataclass(frozen=True)
class Detections:
    """Boxes of people in pictures.

    Attributes:
        sha256: Of the file.
        boxes: By set (or "" for any) and name of the picture (D, 4) x0, y0, x1, y1.
    """

    sha256: str
    boxes: dict[tuple[str, str], Floats]

    def of(self, name: str, picture: str) -> Floats:
        """Return the boxes in a picture of a set, (D, 4)."""
        found = self.boxes.get((name, picture))
        return self.boxes.get(("", picture), NOTHING) if found is None else found


def load_detections(path: Path) -> Detections:
    """Read a list of ``{"file_name", "bbox": [x, y, w, h], "set"}``; the set may be left out.

    Raises:
        DatasetError: The file is not such a list.
    """
    listed = typed(load_json(path), list, f"--boxes {path}: it is")
    boxes: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for index, one in enumerate(listed):
        where = f"--boxes {path}: [{index}]"
        found: dict[str, Any] = typed(one, dict, f"{where} is")
        x, y, width, height = numbers(found.get("bbox"), 4, f"{where}: bbox")
        if width <= 0 or height <= 0:
            raise DatasetError(f"{where}: bbox of {width} x {height}, expected more than 0")
        name = entry(found, "file_name", str, where)
        key = (str(found.get("set", "")), name)
        boxes[key].append([x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5])
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return Detections(sha256, {key: np.array(rows) for key, rows in boxes.items()})
