"""Each export format parsed from its specification alone, with none of kincap's code.

A parser yields of each person the picture's name without ending, (13, 2) pixels of the picture
with pixel centres at integers, and (13,) visibility. LOSSES says what a format can't hold.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

NAMES = [
    "head", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist",
    "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle",
]  # fmt: skip
SIZE = 64
Person = tuple[str, np.ndarray, np.ndarray]
Parser = Callable[[Path], Iterator[Person]]


def coco(folder: Path) -> Iterator[Person]:
    """Parse annotations/SPLIT.json: x, y, v of each keypoint, pixel centres at integers."""
    for path in sorted((folder / "annotations").glob("*.json")):
        content = json.loads(path.read_text())
        assert content["categories"][0]["keypoints"] == NAMES
        files = {image["id"]: image["file_name"] for image in content["images"]}
        for person in content["annotations"]:
            triples = np.array(person["keypoints"]).reshape(13, 3)
            assert person["num_keypoints"] == (triples[:, 2] > 0).sum()
            yield Path(files[person["image_id"]]).stem, triples[:, :2], triples[:, 2]


def labels_csv(folder: Path) -> Iterator[Person]:
    """Parse labels.csv."""
    with (folder / "labels.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            points = [[float(row[f"{name}_{axis}"] or "nan") for axis in "xy"] for name in NAMES]
            visibility = [int(row[f"{name}_visibility"]) for name in NAMES]
            yield Path(row["picture"]).stem, np.array(points), np.array(visibility)


PARSERS: dict[str, Parser] = {"coco": coco, "csv": labels_csv}
LOSSES: dict[str, set[str]] = {}
"""By format ``visibility`` (it can't tell 1 from 2) or ``outside`` (it cuts at the picture)."""
