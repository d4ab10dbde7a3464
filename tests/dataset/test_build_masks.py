"""Masks beside the images of a data set, and builds with them that are killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.kinect13.reader import open_kinect13

from .conftest import Sessions

Run = Callable[..., subprocess.CompletedProcess[str]]
S = 64


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the recording of a person, with masks and depth, and a data set of it."""
    folder = tmp_path_factory.mktemp("masks")
    command = [
        sys.executable, "-m", "kincap", "record", "--session", "sim1", "--streams",
        "color,bodies,mask,depth", "--source", "simulator:outfit=2,seed=4,frames=24,pace=fast",
    ]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    build(settings(folder))
    return folder


def settings(folder: Path, **more: object) -> BuildSettings:
    """Settings of a build with masks and a margin."""
    given = {"size": S, "workers": 1, "guard_s": 0.0, "masks": True, "margin": 1.5,
             "out": folder / "set.h5", **more}  # fmt: skip
    return BuildSettings(recordings=folder / "recordings", **given)


def test_a_mask_is_where_the_person_is_in_the_image(simulated: Path) -> None:
    with open_kinect13(simulated / "set.h5") as dataset:
        rows = dataset.split("train")
        every = np.arange(len(rows))
        masks, wide = rows.masks(every), rows.masks(every, wide=True)
        assert rows.has_masks
        assert masks.shape == (len(rows), S, S)
        assert wide.shape == (len(rows), 96, 96)
        np.testing.assert_array_equal(wide[:, 16:-16, 16:-16], masks)
        assert set(np.unique(wide)) == {int(rows.slot[0]), 255}
        person = (masks == rows.slot[:, None, None]).astype(np.uint8)
        # joints are inside of the body, or a pixel or two beside it
        near = np.stack([cv2.dilate(one, np.ones((5, 5), np.uint8)) for one in person])
        at = rows.keypoints_px.round().astype(int).clip(0, S - 1)
        inside = near[every[:, None], at[..., 1], at[..., 0]][rows.weight > 0]
        assert inside.mean() > 0.95
        # a person is a part of the crop, not most of it
        assert 0.05 < person.mean() < 0.5


def test_an_export_of_a_margin_has_the_crops_and_areas_by_the_masks(simulated, tmp_path) -> None:
    export(ExportSettings(simulated / "set.h5", "coco", tmp_path / "out", ("train",), "png"))
    content = json.loads((tmp_path / "out" / "annotations" / "train.json").read_text())
    people, pictures = content["annotations"], content["images"]
    with open_kinect13(simulated / "set.h5") as dataset:
        rows = dataset.split("train")
        every = np.arange(len(rows))
        pixels = (rows.masks(every) == rows.slot[:, None, None]).sum(axis=(1, 2))
        assert [one["area"] for one in people] == pixels.tolist()
        assert all(0 < one["area"] < one["bbox"][2] * one["bbox"][3] for one in people)
        assert {(one["width"], one["height"]) for one in pictures} == {(S, S)}
        points = np.array([one["keypoints"] for one in people]).reshape(-1, 13, 3)
        np.testing.assert_allclose(points[..., :2], rows.keypoints_px, atol=1e-3)
        path = tmp_path / "out" / "images" / "train" / pictures[0]["file_name"]
        np.testing.assert_array_equal(cv2.imread(str(path))[..., ::-1], rows.images([0])[0])


def test_masks_have_named_dimensions(simulated: Path) -> None:
    with h5py.File(simulated / "set.h5") as file:
        masks = file["val/masks"]
        assert [dim[0].name for dim in masks.dims] == ["/val/row", "/y", "/x"]
        assert masks.shape == file["val/images"].shape[:3]
        assert masks.id.get_offset() % 4096 == 0


def test_masks_that_were_not_recorded_are_refused(sessions: Sessions, walk) -> None:
    sessions("train1", walk(3))
    sessions("val1", walk(2))
    asked = settings(sessions.recordings.parent, val="val1")
    with pytest.raises(DatasetError, match=r"--masks: no session has any \(train1: "):
        build(asked)
    build(settings(sessions.recordings.parent, val="val1", masks=False))
    with open_kinect13(asked.out) as dataset:
        assert not dataset.split("train").has_masks
        with pytest.raises(DatasetError, match="no masks; build it with --masks"):
            dataset.split("train").masks([0])


def test_killed_three_times_it_ends_with_the_same_bytes(
    simulated: Path, kincap: Run, tmp_path: Path
) -> None:
    args = (
        "build", "--recordings", simulated / "recordings", "--out", tmp_path / "set.h5",
        "--size", S, "--guard", 0, "--masks", "--margin", 1.5, "--workers", 1,
    )  # fmt: skip
    # when the first block is noted, in the middle of the next one, when that is noted
    for fault in ("sync:kill:3", "write:kill:3", "sync:kill:2"):
        killed = kincap(*args, cwd=tmp_path, KINCAP_FAULTS=fault)
        assert killed.returncode == -signal.SIGKILL
        assert not (tmp_path / "set.h5").exists()
    assert build(settings(simulated, out=tmp_path / "set.h5")).resumed_rows == 24
    assert (tmp_path / "set.h5").read_bytes() == (simulated / "set.h5").read_bytes()
