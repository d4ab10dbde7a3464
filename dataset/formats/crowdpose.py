"""CrowdPose: JSON in the form of COCO with 14 points, among them head and neck.

``head`` is the top of the head. ``num_keypoints`` leaves out head and neck, and there is no area:
neither is used here.
"""

from pathlib import Path
from typing import Final

from .coco import LIMBS
from .files.coco_file import load_coco_file, people_of
from .files.picture_folder import labels_file
from .options import LoadOptions
from .people import People

HEAD: Final = ("neck", "head")


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The JSON file, or a folder with one ``*crowdpose*.json``.
        options: None applies.
    """
    file = labels_file(path, ("*crowdpose*.json",))
    return people_of(file, load_coco_file(file, (*LIMBS, *HEAD)), HEAD)
