"""Files of labels of sets whose originals are not at hand, made as their descriptions say."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import savemat

EMPTY = np.array([])


def structs(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Return a 1 x N array of structs; fields that a row lacks are empty, as in MATLAB."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    made = np.zeros((1, len(rows)), dtype=[(name, object) for name in names])
    for index, row in enumerate(rows):
        for name in names:
            made[0, index][name] = row.get(name, EMPTY)
    return made


def mpii_point(number: int, x: float, y: float, **more: object) -> dict[str, object]:
    """Return a point of ``annopoints``."""
    return {"id": number, "x": x, "y": y, **more}


def save_mpii(path: Path) -> None:
    """Save RELEASE with every form of a person and of ``is_visible`` that the original has."""
    visible = [1, 0, "1", "0", EMPTY]
    whole = structs(
        [mpii_point(k, 10.0 * k + 1, 5.0 * k + 1, is_visible=visible[k % 5]) for k in range(16)]
    )
    box = {"x1": 10.0, "y1": 20.0, "x2": 30.0, "y2": 40.0}
    complete = {**box, "scale": 1.5, "objpos": {"x": 1.0, "y": 2.0}, "annopoints": {"point": whole}}
    one_point = {**box, "annopoints": {"point": structs([mpii_point(2, 5.0, 6.0)])}}
    no_points = {**box, "annopoints": EMPTY}
    annolist = structs(
        [
            {"image": {"name": "a.jpg"}, "annorect": structs([complete, one_point, no_points]),
             "vididx": 7, "frame_sec": 3},
            {"image": {"name": "b.jpg"}, "annorect": one_point, "vididx": 7},
            {"image": {"name": "c.jpg"}, "annorect": EMPTY},
            {"image": {"name": "d.jpg"}, "annorect": box},
        ]
    )  # fmt: skip
    release = {"annolist": annolist, "img_train": np.array([[1, 1, 0, 0]]), "version": "12"}
    savemat(path, {"RELEASE": release}, do_compression=True)


def save_flic(path: Path, people: int = 3) -> None:
    """Save ``examples`` with coords (2, 29), NaN where not labelled."""
    rows = []
    for number in range(people):
        coords = np.full((2, 29), np.nan)
        for place, column in enumerate((0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16)):
            coords[:, column] = 20 * place + 1, 7 * place + 1 + number
        # in front: the person's left is on the right of the picture
        coords[0, [0, 3, 12, 13]] = 201, 101, 161, 141
        if number == 2:
            coords[0, [12, 13]] = 141, 161
        rows.append(
            {
                "poselet_hit_idx": EMPTY,
                "moviename": "film",
                "coords": coords,
                "filepath": f"film-{number // 2:08d}.jpg",
                "imgdims": np.array([480, 720, 3]),
                "currframe": number,
                "torsobox": np.array([11.0, 21.0, 31.0, 41.0]),
                "istrain": number == 0,
                "istest": number != 0,
            }
        )
    savemat(path, {"examples": structs(rows)})


def save_bbcpose(path: Path) -> None:
    """Save ``bbcpose`` of a training, a validation and a test video."""
    joints = np.arange(2 * 7 * 3, dtype=float).reshape(2, 7, 3)
    rows = [
        {"videoName": "one", "type": "train", "source": "x", "train_frames": np.array([[1, 2, 3]]),
         "train_joints": joints, "test_frames": EMPTY, "test_joints": EMPTY},
        {"videoName": "two", "type": "val", "source": "x", "train_frames": EMPTY,
         "train_joints": EMPTY, "test_frames": np.array([[4, 8, 9]]), "test_joints": joints},
        {"videoName": "three", "type": "test", "source": "x", "train_frames": EMPTY,
         "train_joints": EMPTY, "test_frames": np.array([[5]]), "test_joints": joints[..., 0]},
    ]  # fmt: skip
    savemat(path, {"bbcpose": structs(rows)})
