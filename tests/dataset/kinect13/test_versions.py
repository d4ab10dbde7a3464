"""Versions of kinect13.h5: version 1 is read for ever, version 2 names its dimensions, exactly."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINT_NAMES
from kincap.dataset.kinect13.format import FIELDS, READABLE
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from tests.warm_start import run_kincap

FIXTURES = Path(__file__).parent / "fixtures"
SIZE = 8


@pytest.fixture
def version1(tmp_path: Path) -> Path:
    """A data set that kincap 0 built as version 1; it must be readable for ever."""
    path = tmp_path / "version1.h5"
    path.write_bytes(gzip.decompress((FIXTURES / "version1.h5.gz").read_bytes()))
    return path


@pytest.fixture
def version2(tmp_path: Path) -> Path:
    """A small data set of today's version."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (7, SIZE, SIZE, 3), dtype=np.uint8)
    rows = {"images": images, "keypoints_px": rng.uniform(0, SIZE, (7, 13, 2))}
    few = {name: values[:2] for name, values in rows.items()}
    return write_kinect13(tmp_path / "version2.h5", {"train": rows, "val": few})


def test_version_1_is_read(version1: Path) -> None:
    with h5py.File(version1) as file:
        assert file.attrs["format_version"] == 1
        images = file["train/images"][:]
    with open_kinect13(version1) as dataset:
        train = dataset.split("train")
        assert (len(train), len(dataset.split("val")), dataset.size) == (120, 30, 8)
        assert np.array_equal(train.images(np.arange(120)), images)
        assert dataset.meta.sessions == ("one", "two")
        assert dataset.meta.counts["kept"] == 150
        assert np.array_equal(train.color_seq, np.arange(120))
        assert train.weight.sum() == 1559


def test_version_2_names_its_dimensions(version2: Path) -> None:
    with h5py.File(version2) as file:
        assert file.attrs["format_version"] == max(READABLE)
        assert (file.attrs["margin"], file.attrs["layout"]) == (1.0, b"crops")
        for split, count in (("train", 7), ("val", 2)):
            names = [dim[0].name for dim in file[f"{split}/images"].dims]
            assert names == [f"/{split}/row", "/y", "/x", "/channel"]
            assert len(file[f"{split}/row"]) == count
            for field, (_, _, axes) in FIELDS.items():
                names = [dim[0].name for dim in file[f"{split}/{field}"].dims]
                assert names == [f"/{split}/row", *(f"/{axis}" for axis in axes)]
        assert file["keypoint"][:].tolist() == list(range(13))


def edit(change: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    """Return a function that changes a file through h5py."""

    def damage(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def _swap_scales(file: h5py.File) -> None:
    file["train/images"].dims[1].detach_scale(file["y"])
    file["train/images"].dims[1].attach_scale(file["x"])


def _second_scale(file: h5py.File) -> None:
    file["train/images"].dims[1].attach_scale(file["x"])


def _no_scale(file: h5py.File) -> None:
    file["train/weight"].dims[1].detach_scale(file["keypoint"])


def _foreign_scale(file: h5py.File) -> None:
    file["train/weight"].dims[0].detach_scale(file["train/row"])
    file["train/weight"].dims[0].attach_scale(file["val/row"])


def _renamed(file: h5py.File) -> None:
    file["keypoint"].attrs.modify("NAME", np.bytes_(b"pixels"))


def _references_elsewhere(file: h5py.File) -> None:
    kind = np.dtype([("dataset", h5py.ref_dtype), ("dimension", "<i4")])
    pairs = np.array([(file["meta/settings"].ref, 0)], kind)
    del file["keypoint"].attrs["REFERENCE_LIST"]
    file["keypoint"].attrs.create("REFERENCE_LIST", pairs, dtype=kind)


def _reference_attribute(file: h5py.File) -> None:
    file["train"].attrs["where"] = file["meta/settings"].ref


def _sequence_of_references(file: h5py.File) -> None:
    kind = h5py.vlen_dtype(h5py.ref_dtype)
    value = np.empty(1, object)
    value[0] = np.array([file["meta/settings"].ref], h5py.ref_dtype)
    file["meta/settings"].attrs.create("DIMENSION_LIST", value, (1,), kind)


def _scale_of_meta(file: h5py.File) -> None:
    file["meta/settings"].attrs["CLASS"] = np.bytes_(b"DIMENSION_SCALE")


def _put_text(name: str, text: str) -> Callable[[Path], None]:
    def change(file: h5py.File) -> None:
        del file[f"meta/{name}"]
        file["meta"].create_dataset(name, data=np.frombuffer(text.encode(), np.uint8))

    return edit(change)


def heap_at(raw: bytearray) -> int:
    """Return where the first object of the first global heap begins."""
    return raw.index(b"GCOL") + 16


def _raw(change: Callable[[bytearray], None]) -> Callable[[Path], None]:
    """Return a function that changes a file's bytes."""

    def damage(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        change(raw)
        path.write_bytes(raw)

    return damage


def _long_heap_object(raw: bytearray) -> None:
    at = heap_at(raw) + 8
    raw[at : at + 8] = (1 << 40).to_bytes(8, "little")


def _lost_heap(raw: bytearray) -> None:
    at = raw.index(b"GCOL")
    raw[at : at + 4] = b"NONE"


def _reference_into_the_void(raw: bytearray) -> None:
    at = heap_at(raw) + 16
    raw[at : at + 8] = (1 << 62).to_bytes(8, "little")


HOSTILE: dict[str, Callable[[Path], None]] = {
    "dimensions swapped": edit(_swap_scales),
    "two scales": edit(_second_scale),
    "no scale": edit(_no_scale),
    "scale of another split": edit(_foreign_scale),
    "dimension renamed": edit(_renamed),
    "list of references elsewhere": edit(_references_elsewhere),
    "a reference on a group": edit(_reference_attribute),
    "a list of dimensions without dimensions": edit(_sequence_of_references),
    "a scale that is none": edit(_scale_of_meta),
    "a long object in the heap": _raw(_long_heap_object),
    "no heap": _raw(_lost_heap),
    "a reference to nowhere": _raw(_reference_into_the_void),
    "newer": edit(lambda file: file.attrs.__setitem__("format_version", 3)),
    "older": edit(lambda file: file.attrs.__setitem__("format_version", 0)),
    "an array of versions": edit(lambda file: file.attrs.__setitem__("format_version", [1, 2])),
    "a version in words": edit(lambda file: file.attrs.__setitem__("format_version", b"2")),
    "another margin": edit(lambda file: file.attrs.__setitem__("margin", 1.5)),
    "another layout": edit(lambda file: file.attrs.__setitem__("layout", np.bytes_(b"full"))),
    "version 2 as version 1": edit(lambda file: file.attrs.__setitem__("format_version", 1)),
    "deep nesting": _put_text("counts", "[" * 200_000),
    "huge number": _put_text("counts", '{"kept": ' + "9" * 10_000 + "}"),
    "not text": _put_text("settings", "") and edit(
        lambda file: file["meta/skeleton"].__setitem__(0, 255)
    ),
    "sources that are words": _put_text("sources", '["a", "b"]'),
}  # fmt: skip


@pytest.mark.parametrize("damage", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_refused_in_one_line(version2: Path, damage) -> None:
    damage(version2)
    with pytest.raises(DatasetError) as caught:
        open_kinect13(version2)
    assert caught.value.exit_code == 2
    assert str(version2) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pictures_of_no_size_are_refused(version1: Path) -> None:
    def change(file: h5py.File) -> None:
        for split, count in (("train", 120), ("val", 30)):
            del file[f"{split}/images"]
            file.create_dataset(f"{split}/images", (count, 0, 0, 3), "u1")

    edit(change)(version1)
    with pytest.raises(DatasetError, match="images of 0x0 pixels"):
        open_kinect13(version1)


@pytest.mark.parametrize("key", ["keypoints", "flip"])
def test_other_keypoints_are_refused(version2: Path, tmp_path: Path, key) -> None:
    with h5py.File(version2) as file:
        skeleton = json.loads(file["meta/skeleton"][:].tobytes())
    skeleton[key] = skeleton[key][::-1]
    _put_text("skeleton", json.dumps(skeleton))(version2)
    with pytest.raises(DatasetError, match="expected"):
        open_kinect13(version2)
    done = run_kincap("finetune", "--data", version2, "--init", "none", cwd=tmp_path)
    assert done.returncode == 2
    assert "take a data set of the 13 keypoints" in done.stderr
    assert len(KEYPOINT_NAMES) == 13
