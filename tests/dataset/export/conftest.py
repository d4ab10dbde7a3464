"""A small data set with every visibility, and a copy of it as each tool's files say it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from kincap.dataset.kinect13.format import plain_meta
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13

SIZE = 64
ROWS = {"train": 6, "val": 3}


@dataclass(frozen=True)
class DataSet:
    """A data set and its labels by picture.

    Attributes:
        path: kinect13.h5.
        points: By picture's name without ending (13, 2) crop pixels.
        visibility: By picture's name (13,).
    """

    path: Path
    points: dict[str, np.ndarray]
    visibility: dict[str, np.ndarray]


def rows_of(split: str, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return rows with random keypoints of every visibility, some outside of the picture."""
    count = ROWS[split]
    visibility = rng.integers(0, 3, (count, 13)).astype(np.uint8)
    visibility[:, 0] = 2
    points = rng.uniform(4, SIZE - 4, (count, 13, 2)).astype(np.float32)
    points[0, 1] = (-3.25, 70.5)
    visibility[0, 1] = 1
    points[visibility == 0] = -1
    seq = np.arange(count, dtype=np.uint64) * 7 + (1000 if split == "val" else 0)
    corner = rng.integers(-9, 300, (count, 2)) - 0.5
    side = rng.integers(100, 300, (count, 1))
    return {
        "images": rng.integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8),
        "keypoints_px": points,
        "visibility": visibility,
        "weight": (visibility == 2).astype(np.float32),
        "bbox_xyxy_px": np.concatenate([corner, corner + side], axis=1).astype(np.float32),
        "session": np.full(count, ["train", "val"].index(split), np.uint16),
        "color_seq": seq,
        "tracking_id": np.full(count, (1 << 56) + 3, np.uint64),
    }


def name_of(rows: dict[str, np.ndarray], split: str, row: int) -> str:
    """Return a picture's name as docs/export.md says it."""
    x0, y0, x1, _ = rows["bbox_xyxy_px"][row].tolist()
    return (
        f"set-{split}__f{rows['color_seq'][row]}__p{(1 << 56) + 3}"
        f"__x{x0 + 0.5:.0f}_y{y0 + 0.5:.0f}_s{x1 - x0:.0f}"
    )


@pytest.fixture(scope="session")
def data_set(tmp_path_factory: pytest.TempPathFactory) -> DataSet:
    """Return a data set of nine rows in two splits."""
    rng = np.random.default_rng(5)
    splits = {split: rows_of(split, rng) for split in ROWS}
    path = tmp_path_factory.mktemp("data_set") / "kinect13.h5"
    write_kinect13(path, splits, plain_meta(["set-train", "set-val"]))
    points, visibility = {}, {}
    for split, rows in splits.items():
        for row in range(ROWS[split]):
            name = name_of(rows, split, row)
            points[name], visibility[name] = rows["keypoints_px"][row], rows["visibility"][row]
    with open_kinect13(path) as data:
        assert data.splits == ("train", "val")
    return DataSet(path, points, visibility)
