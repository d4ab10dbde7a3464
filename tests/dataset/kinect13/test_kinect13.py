"""The reader of kinect13.h5: what was written comes back, and nothing odd is read."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.kinect13 import reader as kinect13
from kincap.dataset.kinect13.reader import FIELDS, open_kinect13, write_kinect13

SIZE = 16


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """60 random pictures and keypoints, one of them missing."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, SIZE, (60, 13, 2)).astype(np.float32)
    points[5, 3] = np.nan
    images = rng.integers(0, 256, (60, SIZE, SIZE, 3), dtype=np.uint8)
    return {"images": images, "keypoints_px": points, "weight": rng.random((60, 13))}


@pytest.fixture
def path(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """A data set of 60 training and 3 validation rows."""
    few = {name: values[:3] for name, values in arrays.items()}
    return write_kinect13(tmp_path / "set.h5", {"train": arrays, "val": few})


@pytest.mark.parametrize("preadv", [True, False], ids=["preadv", "memmap"])
def test_pictures_come_in_the_order_asked_for(path, arrays, monkeypatch, preadv) -> None:
    if not preadv:
        monkeypatch.delattr(kinect13.os, "preadv", raising=False)
    rng = np.random.default_rng(1)
    with open_kinect13(path) as dataset:
        train = dataset.split("train")
        for indices in (rng.integers(0, 60, 200), np.arange(60), np.arange(60)[::-1], [7], []):
            out = np.zeros((len(indices), SIZE, SIZE, 3), np.uint8)
            given = train.images(indices, out)
            assert given is out
            assert np.array_equal(out, arrays["images"][np.asarray(indices, int)])
        assert np.array_equal(train.images([3, 3]), arrays["images"][[3, 3]])


def test_a_missing_keypoint_is_a_mark_and_never_nan(path, arrays) -> None:
    with open_kinect13(path) as dataset:
        train = dataset.split("train")
        assert train.keypoints_px[5, 3].tolist() == [-1, -1]
        assert train.visibility[5, 3] == 0
        known = train.visibility > 0
        assert np.array_equal(train.keypoints_px[known], arrays["keypoints_px"][known])
        assert dataset.splits == ("train", "val")
        assert (dataset.size, len(train)) == (SIZE, 60)


def test_plain_h5py_reads_the_same(path, arrays) -> None:
    with h5py.File(path) as file:
        assert np.array_equal(file["train/images"][:], arrays["images"])
        assert set(file["train"]) == {"images", "row", *FIELDS}
        for group in ("train", "val"):
            for dataset in file[group].values():
                assert dataset.chunks is None
                assert dataset.id.get_offset() % 4096 == 0


def test_the_same_content_is_the_same_file(path, arrays, tmp_path) -> None:
    few = {name: values[:3] for name, values in arrays.items()}
    again = write_kinect13(tmp_path / "again.h5", {"train": arrays, "val": few})
    assert again.read_bytes() == path.read_bytes()


def test_tables_cannot_be_changed_by_mistake(path) -> None:
    with open_kinect13(path) as dataset, pytest.raises(ValueError, match="read-only"):
        dataset.split("train").weight[0, 0] = 0


def test_wrong_requests_are_refused(path) -> None:
    with open_kinect13(path) as dataset:
        train = dataset.split("train")
        for index in (-1, 60):
            with pytest.raises(IndexError):
                train.images([index])
        with pytest.raises(ValueError, match="expected"):
            train.images([0], np.zeros((1, SIZE, SIZE, 3), np.float32))
        with pytest.raises(DatasetError, match="no split 'test'"):
            dataset.split("test")
    with pytest.raises(DatasetError, match="closed"):
        train.images([0])


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _cut_last_byte(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _foreign(path: Path) -> None:
    path.unlink()
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(5)


def _edit(change: Callable[[h5py.File], None]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return damage


def _external_link(file: h5py.File) -> None:
    del file["train/weight"]
    file["train/weight"] = h5py.ExternalLink("/etc/hostname", "/weight")


def _soft_link(file: h5py.File) -> None:
    del file["val/weight"]
    file["val/weight"] = h5py.SoftLink("/train/weight")


def _second_name(file: h5py.File) -> None:
    del file["val/weight"]
    file["val/weight"] = file["train/weight"]


def _chunked(file: h5py.File) -> None:
    values = file["train/weight"][:]
    del file["train/weight"]
    file.create_dataset("train/weight", data=values, chunks=(4, 13), compression="gzip")


def _external_storage(file: h5py.File) -> None:
    del file["train/images"]
    shape = (60, SIZE, SIZE, 3)
    size = int(np.prod(shape))
    file.create_dataset("train/images", shape, "u1", external=[("/etc/passwd", 0, size)])


def _put(name: str, index, value) -> Callable[[Path], None]:
    return _edit(lambda file: file[name].__setitem__(index, value))


def _shorter(file: h5py.File) -> None:
    values = file["train/weight"][:-1]
    del file["train/weight"]
    file.create_dataset("train/weight", data=values)


BAD: dict[str, Callable[[Path], None]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a data set\n" * 99),
    "truncated": _truncate,
    "last byte": _cut_last_byte,
    "foreign": _foreign,
    "external link": _edit(_external_link),
    "soft link": _edit(_soft_link),
    "second name": _edit(_second_name),
    "compressed": _edit(_chunked),
    "external storage": _edit(_external_storage),
    "no meta": _edit(lambda file: file.__delitem__("meta")),
    "no split": _edit(lambda file: [file.__delitem__(name) for name in ("train", "val")]),
    "no table": _edit(lambda file: file.__delitem__("train/take")),
    "extra object": _edit(lambda file: file.create_group("extra")),
    "shorter table": _edit(_shorter),
    "newer version": _edit(lambda file: file.attrs.__setitem__("format_version", 3)),
    "odd margin": _edit(lambda file: file.attrs.__setitem__("margin", 1.25)),
    "text as margin": _edit(lambda file: file.attrs.__setitem__("margin", np.bytes_(b"1.5"))),
    "margin of no side": _edit(lambda file: file.attrs.__setitem__("margin", 1.5)),
    "other layout": _edit(lambda file: file.attrs.__setitem__("layout", np.bytes_(b"strips"))),
    "layout of other tables": _edit(
        lambda file: file.attrs.__setitem__("layout", np.bytes_(b"full"))
    ),
    "other format": _edit(lambda file: file.attrs.__setitem__("format", np.bytes_(b"other"))),
    "nan keypoint": _put("train/keypoints_px", (0, 0, 0), np.nan),
    "flat box": _put("val/bbox_xyxy_px", (0, 2), -0.5),
    "heavy weight": _put("train/weight", (0, 0), 1.5),
    "odd visibility": _put("val/visibility", (0, 0), 3),
    "unknown session": _put("train/session", 0, 9),
    "damaged text": _put("meta/skeleton", slice(0, 1), ord("?")),
    "folder": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", BAD.values(), ids=BAD.keys())
def test_anything_odd_is_refused_in_one_line(path: Path, damage: Callable[[Path], None]) -> None:
    damage(path)
    with pytest.raises(DatasetError) as caught:
        open_kinect13(path)
    assert caught.value.exit_code == 2
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_margin_and_masks_come_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    wide = rng.integers(0, 256, (70, 36, 36, 3), np.uint8)
    masks = rng.integers(0, 6, (70, 36, 36), np.uint8)
    columns = {"images": wide, "masks": masks, "keypoints_px": np.full((70, 13, 2), 5.0)}
    path = write_kinect13(tmp_path / "wide.h5", {"train": columns}, margin=1.5)
    some = np.array([69, 0, 3, 3, *range(60)])
    with open_kinect13(path) as dataset:
        rows = dataset.split("train")
        assert (dataset.size, dataset.margin, rows.image_size) == (24, 1.5, 36)
        np.testing.assert_array_equal(rows.wide_images(some), wide[some])
        np.testing.assert_array_equal(rows.images(some), wide[some, 6:-6, 6:-6])
        np.testing.assert_array_equal(rows.masks(some), masks[some, 6:-6, 6:-6])
        np.testing.assert_array_equal(rows.masks(some, wide=True), masks[some])
        with pytest.raises(IndexError):
            rows.images([70])
        with pytest.raises(ValueError, match="out: expected"):
            rows.images([0], np.zeros((1, 36, 36, 3), np.uint8))


def test_a_file_that_is_cut_while_it_is_open_is_told_apart(path: Path) -> None:
    with open_kinect13(path) as dataset:
        with path.open("r+b") as file:
            file.truncate(70_000)
        with pytest.raises(DatasetError, match="ends at byte") as caught:
            dataset.split("train").images(np.arange(60))
    assert caught.value.exit_code == 1


def test_a_replaced_file_does_not_change_an_open_one(path: Path, arrays, tmp_path: Path) -> None:
    other = {name: values[:9] for name, values in arrays.items()}
    with open_kinect13(path) as dataset:
        write_kinect13(path, {"train": {**other, "images": 255 - other["images"]}})
        assert np.array_equal(dataset.split("train").images([50]), arrays["images"][[50]])
