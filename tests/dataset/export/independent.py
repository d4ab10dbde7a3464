"""Each export format parsed from its specification alone, with none of kincap's code.

A parser yields of each person the picture's name without ending, (13, 2) pixels of the picture
with pixel centres at integers, and (13,) visibility. LOSSES says what a format can't hold.
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np
import pandas as pd

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


def parquet(folder: Path) -> Iterator[Person]:
    """Parse labels.parquet with pyarrow alone."""
    import pyarrow.parquet as pq

    table = pq.read_table(folder / "labels.parquet")
    assert str(table.schema.field("tracking_id").type) == "uint64"
    for row in table.to_pylist():
        points = [[row[f"{name}_x"], row[f"{name}_y"]] for name in NAMES]
        visibility = [row[f"{name}_visibility"] for name in NAMES]
        yield Path(row["picture"]).stem, np.array(points, float), np.array(visibility)


def yolo(folder: Path) -> Iterator[Person]:
    """Parse labels/SPLIT/NAME.txt: shares of the picture, counted from its edge."""
    text = (folder / "data.yaml").read_text()
    about = {key: value for key, _, value in (line.partition(": ") for line in text.splitlines())}
    assert about["kpt_shape"] == "[13, 3]"
    flip = json.loads(about["flip_idx"])
    sides = {"r": "l", "l": "r"}
    mirrored = [sides.get(n[0], n[0]) + n[1:] if n[1] == "_" else n for n in NAMES]
    assert [NAMES[i] for i in flip] == mirrored
    assert len(json.loads(about["kpt_oks_sigmas"])) == 13
    for split in ("train", "val"):
        for path in sorted((folder / "labels" / split).glob("*.txt")):
            numbers = np.array(path.read_text().split(), float)
            assert len(numbers) == 5 + 39
            assert ((numbers[1:5] >= 0) & (numbers[1:5] <= 1)).all()
            triples = numbers[5:].reshape(13, 3)
            assert ((triples[:, :2] >= 0) & (triples[:, :2] <= 1)).all()
            yield path.stem, triples[:, :2] * SIZE - 0.5, triples[:, 2].astype(int)


def cvat(folder: Path) -> Iterator[Person]:
    """Parse annotations.xml: outside is unlabelled, pixels count from the picture's edge."""
    root = ElementTree.parse(folder / "annotations.xml").getroot()
    assert root.findtext("version") == "1.1"
    for image in root.iter("image"):
        for person in image.iter("skeleton"):
            assert [point.get("label") for point in person] == NAMES
            points = [[float(v) for v in point.get("points", "").split(",")] for point in person]
            outside = np.array([int(point.get("outside", "")) for point in person])
            occluded = np.array([int(point.get("occluded", "")) for point in person])
            visibility = np.where(outside == 1, 0, np.where(occluded == 1, 1, 2))
            yield Path(image.get("name", "")).stem, np.array(points) - 0.5, visibility


def labelstudio(folder: Path) -> Iterator[Person]:
    """Parse tasks/SPLIT.json: percentages of the picture; a choice for each keypoint's region."""
    for path in sorted((folder / "tasks").glob("*.json")):
        for task in json.loads(path.read_text()):
            points, visibility = np.full((13, 2), np.nan), np.zeros(13, int)
            regions: dict[str, int] = {}
            for region in task["annotations"][0]["result"]:
                value = region["value"]
                if region["type"] == "keypointlabels":
                    regions[region["id"]] = at = NAMES.index(value["keypointlabels"][0])
                    points[at] = value["x"], value["y"]
                    points[at] *= np.array([region["original_width"], region["original_height"]])
                elif region["type"] == "choices":
                    said = {"occluded": 1, "visible": 2}[value["choices"][0]]
                    visibility[regions[region["id"]]] = said
            name = task["data"]["image"].rpartition("/")[2]
            yield Path(name).stem, points / 100 - 0.5, visibility


def sleap(folder: Path) -> Iterator[Person]:
    """Parse SPLIT.slp: NaN is unlabelled, a place without ``visible`` is occluded."""
    for path in sorted(folder.glob("*.slp")):
        with h5py.File(path) as file:
            about = json.loads(file["metadata"].attrs["json"])
            assert [node["name"] for node in about["nodes"]] == NAMES
            files = json.loads(file["videos_json"][0])["filename"]
            points, people, frames = (file[n][...] for n in ("points", "instances", "frames"))
        for frame in frames:
            for person in people[frame["instance_id_start"] : frame["instance_id_end"]]:
                rows = points[person["point_id_start"] : person["point_id_end"]]
                xy = np.column_stack([rows["x"], rows["y"]])
                seen = np.where(rows["visible"], 2, 1)
                visibility = np.where(np.isfinite(xy).all(axis=1), seen, 0)
                yield Path(files[frame["frame_idx"]]).stem, xy, visibility


def dlc(folder: Path) -> Iterator[Person]:
    """Parse CollectedData_kincap.csv and the same table as pandas reads it from HDF5."""
    for inside in sorted((folder / "labeled-data").iterdir()):
        with (inside / "CollectedData_kincap.csv").open(newline="") as file:
            lines = list(csv.reader(file))
        assert [line[0] for line in lines[:3]] == ["scorer", "bodyparts", "coords"]
        assert lines[1][3::2] == NAMES
        table = pd.read_hdf(inside / "CollectedData_kincap.h5")
        for line, (index, values) in zip(lines[3:], table.iterrows(), strict=True):
            assert tuple(line[:3]) == index
            points = np.array([float(cell or "nan") for cell in line[3:]]).reshape(13, 2)
            np.testing.assert_array_equal(points, values.to_numpy().reshape(13, 2))
            yield Path(line[2]).stem, points, np.isfinite(points).all(axis=1).astype(int)


PARSERS: dict[str, Parser] = {
    "coco": coco, "csv": labels_csv, "cvat": cvat, "dlc": dlc, "labelstudio": labelstudio,
    "parquet": parquet, "sleap": sleap, "yolo": yolo,
}  # fmt: skip
LOSSES: dict[str, set[str]] = {"dlc": {"visibility"}, "yolo": {"outside"}}
"""By format ``visibility`` (it can't tell 1 from 2) or ``outside`` (it cuts at the picture)."""
