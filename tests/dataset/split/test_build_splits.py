"""Splits of whole builds: by subject and outfit, in folds, and what is refused."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build, build_folds
from kincap.dataset.images.made_crops import CopiedPictures, MadeCrops
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.plan import make_plan
from kincap.dataset.scheduler.scheduler import open_scheduler

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


@pytest.mark.parametrize("more", [{}, {"decoding": "fast"}, {"margin": 1.5}])
def test_crops_of_the_first_fold_are_copied_to_the_others(
    worn: Path, tmp_path: Path, more: dict[str, object]
) -> None:
    given = {"size": 16, "workers": 1, "guard_s": 0, **more}
    build_folds(BuildSettings(tmp_path / "set.h5", worn, folds=3, **given))
    for number, outfit in ((2, "grey"), (3, "red")):
        alone = tmp_path / f"alone{number}.h5"
        build(BuildSettings(alone, worn, val=f"outfit:{outfit}", **given))
        with (
            open_kinect13(alone) as whole,
            open_kinect13(tmp_path / f"set.fold{number}.h5") as fold,
        ):
            for name in ("train", "val"):
                one, other = whole.split(name), fold.split(name)
                assert one.color_seq.tolist() == other.color_seq.tolist()
                rows = np.arange(len(one))
                assert (one.images(rows) == other.images(rows)).all()


def test_a_crop_is_copied_only_from_the_file_that_was_finished(worn: Path, tmp_path: Path) -> None:
    """A file that took its name is not read: the crops are cut again."""
    given = {"size": 16, "workers": 1, "guard_s": 0}
    first = build(BuildSettings(tmp_path / "set.h5", worn, val="outfit:blue", **given)).out
    settings = BuildSettings(tmp_path / "other.h5", worn, val="outfit:grey", **given)
    with open_scheduler(None, 1) as scheduler:
        plans = [
            make_plan(one, scheduler, lambda _done, _total, _note: None)
            for one in (replace(settings, out=first, val="outfit:blue"), settings)
        ]
    before, now = (plan.pictures for plan in plans)
    source = MadeCrops.of(first, before).within(now["train"])
    assert isinstance(source, CopiedPictures)
    assert (source.offsets >= 0).any()
    with now["train"].open() as reader:
        cut = [reader.crop(row, 16).tobytes() for row in range(len(source))]

    def copied() -> list[bytes]:
        with source.take(slice(0, len(source))).open() as reader:
            return [reader.crop(row, 16).tobytes() for row in range(len(source))]

    assert copied() == cut
    data = bytearray(first.read_bytes())
    row = int(np.flatnonzero(source.offsets >= 0)[0])
    at = int(source.offsets[row])
    data[at : at + 768] = bytes(768)
    # the same file but for one crop: that it is copied shows
    status = first.stat()
    with first.open("r+b") as file:
        file.write(data)
    os.utime(first, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert copied()[row] == bytes(768) != cut[row]
    changed = tmp_path / "changed.h5"
    changed.write_bytes(data)
    changed.replace(first)
    assert copied() == cut
    first.unlink()
    assert copied() == cut


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
