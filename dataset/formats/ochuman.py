"""OCHuman: JSON in the form of COCO with COCO's 17 points; people that overlap each other."""

from pathlib import Path

from .coco import EARS, FACE, LIMBS, people_with_faces
from .files.coco_file import load_coco_file
from .files.picture_folder import labels_file
from .options import LoadOptions
from .people import People


def load(path: Path, options: LoadOptions) -> People:
    """Read the set.

    Args:
        path: The JSON file, or a folder with one ``*ochuman*.json``.
        options: ``head``.
    """
    file = labels_file(path, ("*ochuman*.json", "ochuman_coco_format*.json"))
    return people_with_faces(file, load_coco_file(file, (*FACE, *EARS, *LIMBS)), options)
