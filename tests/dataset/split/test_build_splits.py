"""Splits of whole builds: by subject and outfit, in folds, and what is refused."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build, build_folds
from kincap.dataset.kinect13.reader import open_kinect13

from ..conftest import Body, Frame, Sessions

Run = Callable[..., subprocess.CompletedProcess[str]]
WORN = {"s1": ("anna", "red"), "s2": ("anna", "blue"), "s3": ("bo", "red"), "s4": ("bo", "grey")}


@pytest.fixture(scope="module")
def worn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions of two people in three outfits, a second long."""
    folder = tmp_path_factory.mktemp("worn")
    sessions = Sessions(folder / "recordings")
    for number, (name, (subject, outfit)) in enumerate(WORN.items()):
        frames = [Frame((Body(x=90 + 10 * number + k),)) for k in range(30)]
        sessions(name, frames, subject=subject, outfit=outfit)
    return folder / "recordings"


def sides(path: Path) -> dict[str, set[str]]:
    """Return the sessions of each split of a data set."""
    with open_kinect13(path) as dataset:
        return {
            name: {dataset.meta.sessions[index] for index in dataset.split(name).session}
            for name in dataset.splits
        }


@pytest.mark.parametrize(
    ("val", "test", "expected"),
    [
        ("subject:bo", None, {"train": {"s1", "s2"}, "val": {"s3", "s4"}}),
        ("outfit:red", "s4", {"train": {"s2"}, "val": {"s1", "s3"}, "test": {"s4"}}),
        ("outfit:blue,outfit:grey", None, {"train": {"s1", "s3"}, "val": {"s2", "s4"}}),
    ],
)
def test_subjects_and_outfits_are_on_one_side(
    worn: Path, tmp_path: Path, val: str, test: str | None, expected: dict[str, set[str]]
) -> None:
    out = tmp_path / "set.h5"
    build(BuildSettings(out, worn, val=val, test=test, size=16, workers=1))
    assert sides(out) == expected


def test_folds_leave_each_outfit_out_once(worn: Path, tmp_path: Path, kincap: Run) -> None:
    args = ("build", "--recordings", worn, "--folds", 3, "--size", 16, "--workers", 1, "--json")
    done = kincap(*args, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "kincap/build-folds/1"
    assert [fold["fold"] for fold in found["folds"]] == [
        {"number": 1, "outfits": ["blue"]},
        {"number": 2, "outfits": ["grey"]},
        {"number": 3, "outfits": ["red"]},
    ]
    left_out = [sides(tmp_path / f"kinect13.fold{k}.h5")["val"] for k in (1, 2, 3)]
    assert left_out == [{"s2"}, {"s4"}, {"s1", "s3"}]
    with open_kinect13(tmp_path / "kinect13.fold2.h5") as dataset:
        assert "fold = 2" in dataset.meta.settings
        assert 'val = "outfit:grey"' in dataset.meta.settings
    # the same command finds them done, but for one that was changed
    before = [(tmp_path / f"kinect13.fold{k}.h5").read_bytes() for k in (1, 2, 3)]
    with h5py.File(tmp_path / "kinect13.fold1.h5", "r+") as file:
        file["train/images"][0, 0, 0] ^= 1
    again = build_folds(BuildSettings(tmp_path / "kinect13.h5", worn, folds=3, size=16, workers=1))
    assert [one.resumed_rows for one in again] == [0, again[1].kept, again[2].kept]
    assert [(tmp_path / f"kinect13.fold{k}.h5").read_bytes() for k in (1, 2, 3)] == before


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"folds": 4}, "--folds 4: expected 2 to the number of outfits, 3 \\(blue, grey, red\\)"),
        ({"folds": 3, "test": "outfit:red"}, "--folds 3: expected 2 to .* 2 \\(blue, grey\\)"),
        ({"folds": 2, "val": "s1"}, "--val s1: with --folds"),
        ({"folds": 2, "sheet": Path("x.png")}, "--sheet x.png: --folds makes"),
    ],
)
def test_folds_that_cannot_be_are_refused(
    worn: Path, tmp_path: Path, asked: dict[str, object], said: str
) -> None:
    with pytest.raises(DatasetError, match=said) as caught:
        build_folds(BuildSettings(tmp_path / "set.h5", worn, size=16, workers=1, **asked))
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []
