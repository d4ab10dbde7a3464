"""Other tools' readers of exported labels, each in a function; run in their own environments.

``python export_readers.py READER FOLDER`` reads FOLDER, the output of ``kincap export``, and prints
one JSON object: of each picture's name 13 triples x, y, v, pixels with their centres at integers. x
and y are null where the reader gives no position, v is null where it knows no visibility.
"""

import json
import sys
from pathlib import Path
from typing import Any

NAMES = [
    "head", "r_shoulder", "r_elbow", "r_wrist", "l_shoulder", "l_elbow", "l_wrist",
    "r_hip", "r_knee", "r_ankle", "l_hip", "l_knee", "l_ankle",
]  # fmt: skip
SIZE = 64
People = dict[str, list[list[Any]]]


def pycocotools(folder: Path) -> People:
    from pycocotools.coco import COCO

    return _coco(COCO(str(folder / "annotations" / "train.json")))


def faster_coco_eval(folder: Path) -> People:
    from faster_coco_eval import COCO

    return _coco(COCO(str(folder / "annotations" / "train.json")))


def _coco(coco: Any) -> People:
    found = {}
    for person in coco.loadAnns(coco.getAnnIds()):
        name = coco.loadImgs([person["image_id"]])[0]["file_name"]
        flat = person["keypoints"]
        found[Path(name).stem] = [flat[at : at + 3] for at in range(0, 39, 3)]
    return found


def sleap_io_slp(folder: Path) -> People:
    import sleap_io

    return _sleap(sleap_io.load_slp(str(folder / "train.slp")), 0)


def sleap_io_coco(folder: Path) -> People:
    import sleap_io

    pictures = str(folder / "images" / "train")
    file = str(folder / "annotations" / "train.json")
    return _sleap(sleap_io.load_coco(file, dataset_root=pictures), 0)


def sleap_io_dlc(folder: Path) -> People:
    import sleap_io

    file = folder / "labeled-data" / "train" / "CollectedData_kincap.csv"
    return _sleap(sleap_io.load_file(str(file)), 0)


def sleap_io_yolo(folder: Path) -> People:
    import sleap_io

    return _sleap(sleap_io.load_ultralytics(str(folder)), -0.5)


def _sleap(labels: Any, shift: float) -> People:
    found = {}
    for frame in labels:
        files = frame.video.filename
        name = files[frame.frame_idx] if isinstance(files, list) else files
        for person in frame.instances:
            nodes = person.skeleton.node_names
            # it reads no names from YOLO's data.yaml
            order = NAMES if NAMES[0] in nodes else nodes
            at = {node: place for place, node in enumerate(nodes)}
            rows = []
            for node in order:
                point = person.points[at[node]]
                x, y = (float(value) + shift for value in point["xy"])
                # a point that is not visible may keep its place
                rows.append([_number(x), _number(y), 2 if point["visible"] else int(x == x)])
            found[Path(name).stem] = rows
    return found


def movement_dlc(folder: Path) -> People:
    from movement.io import load_poses

    file = folder / "labeled-data" / "train" / "CollectedData_kincap.h5"
    position = load_poses.from_dlc_file(str(file), fps=30).position.values
    names = [Path(name).stem for name in sorted_pictures(folder)]
    return {
        name: [[_number(x), _number(y), None] for x, y in rows[:, :, 0].T.tolist()]
        for name, rows in zip(names, position, strict=True)
    }


def sorted_pictures(folder: Path) -> list[str]:
    """Return the pictures of the training split in the order of labels.csv."""
    import csv

    with (folder / "labels.csv").open(newline="") as file:
        return [row["picture"] for row in csv.DictReader(file) if row["split"] == "train"]


def polars_csv(folder: Path) -> People:
    import polars

    return _table(polars.read_csv(folder / "labels.csv").to_dicts())


def polars_parquet(folder: Path) -> People:
    import polars

    return _table(polars.read_parquet(folder / "labels.parquet").to_dicts())


def duckdb_parquet(folder: Path) -> People:
    import duckdb

    table = duckdb.sql(f"select * from '{folder / 'labels.parquet'}'")
    names = table.columns
    return _table([dict(zip(names, row, strict=True)) for row in table.fetchall()])


def _table(rows: list[dict[str, Any]]) -> People:
    assert {row["tracking_id"] for row in rows} == {(1 << 56) + 3}
    return {
        Path(row["picture"]).stem: [
            [row[f"{name}_x"], row[f"{name}_y"], row[f"{name}_visibility"]] for name in NAMES
        ]
        for row in rows
        if row["split"] == "train"
    }


def label_studio_sdk_yolo(folder: Path) -> People:
    import tempfile

    from label_studio_sdk.converter import Converter

    tasks = json.loads((folder / "tasks" / "train.json").read_text())
    for number, task in enumerate(tasks):
        task["id"] = task["annotations"][0]["id"] = number
    with tempfile.TemporaryDirectory() as made:
        inside, out = Path(made) / "in", Path(made) / "out"
        inside.mkdir()
        (inside / "tasks.json").write_text(json.dumps(tasks))
        interface = (folder / "labeling_config.xml").read_text()
        converter = Converter(interface, made, download_resources=False)
        converter.convert_to_yolo(str(inside), str(out), output_image_dir=str(out / "images"))
        found = {}
        for path in (out / "labels").glob("*.txt"):
            flat = [float(value) for value in path.read_text().split()][5:]
            found[path.stem] = [
                [flat[at] * SIZE - 0.5, flat[at + 1] * SIZE - 0.5, int(flat[at + 2])]
                for at in range(0, 39, 3)
            ]
        return found


def _number(value: float) -> float | None:
    return None if value != value else value


if __name__ == "__main__":
    print("\n" + json.dumps(globals()[sys.argv[1]](Path(sys.argv[2]))))
