"""Section 2 of docs/format.md says what is in the file."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.dataset.build import BuildSettings, build
from kincap.dataset.filters import KEYPOINT_BITS, REASONS, ROW_BITS
from kincap.dataset.given_labels import GIVEN_BITS
from kincap.dataset.kinect13.format import META_NAMES, META_TEXTS
from kincap.dataset.kinect13.reader import FIELDS

from ..conftest import Sessions

PAGE = Path(__file__).parents[3] / "docs" / "format.md"


@pytest.fixture(scope="module")
def section() -> str:
    """The text of section 2."""
    return "## 2. kinect13.h5" + PAGE.read_text(encoding="utf-8").split("## 2. kinect13.h5")[1]


def table(section: str, head: str) -> list[list[str]]:
    """The cells of the table whose first line begins with these columns."""
    lines = section.split(head)[1].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip(" `") for cell in line.strip("|").split("|")])
    return rows


def test_the_table_of_datasets_is_the_file(section: str, sessions: Sessions, walk) -> None:
    sessions("train1", walk(3))
    sessions("val1", walk(2))
    folder = sessions.recordings.parent
    build(BuildSettings(out=folder / "set.h5", recordings=sessions.recordings, val="val1", size=64))
    rows = {name: rest for name, *rest in table(section, "| dataset | type |")}
    axes = {name: length for name, length, _ in table(section, "| dimension | length |")}
    with h5py.File(folder / "set.h5") as file:
        assert set(file) == {"train", "val", "meta"} | set(axes) - {"row"}
        assert set(file["train"]) == set(rows) - {"masks"} | {"row"}
        for name in rows.keys() - {"masks"}:
            dataset = file["train"][name]
            kind, shape, dims, _ = rows[name]
            lengths = [axes[dim] for dim in re.findall(r"\w+", dims)]
            assert [dim[0].name.rpartition("/")[2] for dim in dataset.dims] == re.findall(
                r"\w+", dims
            )
            assert lengths == re.findall(r"\w+", shape)
            expected = tuple({"N": 3, "R": 64}.get(n) or int(n) for n in lengths)
            assert dataset.dtype == np.dtype("<" + kind)
            assert dataset.shape == expected
        assert set(file["meta"]) == {*META_TEXTS, *META_NAMES}
        assert all(f"`{name}`" in section for name in file["meta"])
        assert file.attrs["format"].decode() in section
        assert all(f"`{name}`" in section for name in file.attrs)
        assert f"*Format version {file.attrs['format_version']}.*" in section


def test_bits_and_reasons_are_those_of_the_code(section: str) -> None:
    assert [row[0] for row in table(section, "| reason |")] == list(REASONS)
    for head, bits in (
        ("`keypoint_quality` |", KEYPOINT_BITS | GIVEN_BITS),
        ("`quality` |", ROW_BITS),
    ):
        rows = table(section, f"| bit | of {head}")
        assert {name: int(bit) for bit, name, _ in rows} == bits
    assert list(FIELDS) == [row[0] for row in table(section, "| dataset | type |")[2:]]


def test_the_table_of_whole_frames_is_the_file(section: str, sessions: Sessions, walk) -> None:
    sessions("train1", walk(3))
    sessions("val1", walk(2))
    out = sessions.recordings.parent / "full.h5"
    build(
        BuildSettings(
            out=out, recordings=sessions.recordings, val="val1", size=64, layout="full", workers=1
        )
    )
    rows = {name: rest for name, *rest in table(section, "| table of whole frames |")}
    with h5py.File(out) as file:
        train = file["train"]
        for name, (kind, shape, dims, _) in rows.items():
            assert train[name].dtype == np.dtype("<" + kind)
            named = [dim[0].name.rpartition("/")[2] for dim in train[name].dims]
            assert named == re.findall(r"\w+", dims)
            lengths = [{"N": 3, "P": 1}.get(n) or int(n) for n in re.findall(r"\w+", shape)]
            assert list(train[name].shape) == lengths
        crops = {name for name, *_ in table(section, "| dataset | type |")}
        assert set(train) == {*rows, *(crops - {"masks"}), "row"}
