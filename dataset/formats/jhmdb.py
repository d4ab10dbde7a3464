"""JHMDB: JSON in the form of COCO with 15 points; frames of clips, pixels counted from 1.

``head`` is the middle of the face; there is neither area nor ``num_keypoints``.
"""

from pathlib import Path
from typing import Final

from .coco import LIMBS
from .files.coco_file import load_coco_file, people_of
from .files.picture_folder import labels_file
from .options import LoadOptions
from .people import HEAD, People

PIXEL_BASE: Final = 1
"""Made in MATLAB; mmpose subtracts it too."""


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The JSON file, or a folder with one ``*jhmdb*.json``.
        options: None applies.
    """
    file = labels_file(path, ("*jhmdb*.json",))
    found = load_coco_file(file, (*LIMBS, HEAD), pixel_base=PIXEL_BASE)
    return people_of(file, found, (HEAD,))
