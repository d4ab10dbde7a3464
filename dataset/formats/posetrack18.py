"""PoseTrack18: one JSON file in the form of COCO for each clip, or one of all clips.

A labelled point has v = 1 and is visible: hidden points are not labelled. The ears never are. Ids
need 64 bits. The head is the mean of its bottom and top.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import DatasetError
from .coco import LIMBS
from .files.coco_file import load_coco_file, people_of
from .files.picture_folder import FROM_ANNOTATIONS, is_file
from .options import LoadOptions
from .people import People, join_people

HEAD: Final = ("head_bottom", "head_top")
PARTS: Final = ("train", "val", "test")
FROM_PART: Final = (*FROM_ANNOTATIONS, "../../..")
"""Names of pictures begin with ``images/``, beside the folder ``annotations/PART`` of the files."""


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: A JSON file; or a folder with JSON files, or with ``annotations/PART/*.json``.
        options: None applies.
    """
    files = [path] if is_file(path) else _files(path)
    return join_people([_read(file) for file in files])


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder.

    Raises:
        DatasetError: There are none.
    """
    for pattern in ("annotations/*/*.json", "*.json"):
        found = sorted(folder.glob(pattern))
        if found:
            return found
    raise DatasetError(f"{folder}: no annotations/PART/*.json and no *.json; expected PoseTrack18")


def _read(file: Path) -> People:
    """Return the people of one file."""
    found = load_coco_file(file, (*HEAD, *LIMBS), all_visible=True)
    # a clip's own name may hold the name of another part
    words = (file.parent.name, *reversed(file.stem.split("_")))
    details = replace(found.details, split=next((word for word in words if word in PARTS), ""))
    if not np.char.str_len(np.asarray(details.clip)).all():
        details = replace(details, clip=file.stem)
    return people_of(file, replace(found, details=details), HEAD, FROM_PART)
