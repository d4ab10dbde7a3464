"""core/hdf5 refuses every file that is not exactly what was asked for, in one line."""

import re
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError, ShardError
from kincap.core.hdf5.making import create_dataset, create_file, text_dataset
from kincap.core.hdf5.reading import file_offset, open_checked, read_text
from kincap.core.hdf5.structure import DatasetSpec
from kincap.sessions.shard.shard_reader import ShardReader

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "core",
    "web",
    "sessions",
    "checks",
    "report",
    "capture",
    "dataset",
    "train",
    "review",
    "cli",
)
BYTES = DatasetSpec(np.dtype("u1"), (None,))
SCHEMA = {
    "jpeg": BYTES,
    "train/images": DatasetSpec(np.dtype("u1"), (None, 4, 4)),
    "train/masks": DatasetSpec(np.dtype("u1"), (None, 4, 4), optional=True),
    "val/images": DatasetSpec(np.dtype("u1"), (None, 4, 4)),
    "meta/note": BYTES,
}


def good(file: h5py.File) -> None:
    create_dataset(file, "jpeg", (64,), np.dtype("u1"))[:] = 7
    create_dataset(file, "train/images", (3, 4, 4), np.dtype("u1"))[:] = 1
    text_dataset(file, "meta/note", "grün")


def check(path: Path) -> h5py.File:
    return open_checked(
        path, SCHEMA, what="a test file", error=DatasetError, groups=("meta", "train")
    )


def test_a_file_as_the_schema_says_opens(tmp_path: Path) -> None:
    path = tmp_path / "good.h5"
    with create_file(path) as file:
        good(file)
    with check(path) as file:
        assert read_text(file, "meta/note") == "grün"
        assert file["train/images"][:].sum() == 48
        offset = file_offset(file["jpeg"])
        assert offset is not None
        assert path.read_bytes()[offset : offset + 64] == bytes([7] * 64)
        with pytest.raises(OSError, match="no write intent"):
            file.attrs["x"] = 1


def test_the_same_file_made_twice_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5"):
        with create_file(tmp_path / name) as file:
            good(file)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_alignment_and_an_empty_text_are_possible(tmp_path: Path) -> None:
    with create_file(tmp_path / "a.h5", alignment=4096) as file:
        dataset = create_dataset(file, "jpeg", (5000,), np.dtype("u1"))
        assert file_offset(dataset) % 4096 == 0
        text_dataset(file, "meta/note", "")
        assert read_text(file, "meta/note") == ""
        assert file_offset(file["meta/note"]) is None


def _external_link(file: h5py.File) -> None:
    file["jpeg"] = h5py.ExternalLink("victim.h5", "/private")


def _external_link_in_group(file: h5py.File) -> None:
    good(file)
    file["train/masks"] = h5py.ExternalLink("victim.h5", "/private")


def _soft_link(file: h5py.File) -> None:
    file["other"] = np.zeros(64, "u1")
    file["jpeg"] = h5py.SoftLink("/other")


def _external_storage(file: h5py.File) -> None:
    file.create_dataset("jpeg", (64,), "u1", external=[("secret.txt", 0, 64)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((10,), "u1")
    layout[:] = h5py.VirtualSource("victim.h5", "private", shape=(10,))
    file.create_virtual_dataset("jpeg", layout)


def _chunked(file: h5py.File) -> None:
    file.create_dataset("jpeg", (2**40,), "u1", chunks=(2**20,))


def _plugin_filter(file: h5py.File) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((1024,))
    plist.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((4096,))
    h5py.h5d.create(file.id, b"jpeg", h5py.h5t.NATIVE_UINT8, space, dcpl=plist)


def _huge(file: h5py.File) -> None:
    # declared, never written: no storage behind it
    file.create_dataset("jpeg", (2**40,), "u1")


def _compact(file: h5py.File) -> None:
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple((64,))
    h5py.h5d.create(file.id, b"jpeg", h5py.h5t.NATIVE_UINT8, space, dcpl=plist)


def _strings(file: h5py.File) -> None:
    file.create_dataset("jpeg", data=np.array(["x", "y"], dtype=h5py.string_dtype()))


def _references(file: h5py.File) -> None:
    file["train/images"] = np.zeros((1, 4, 4), "u1")
    file["jpeg"] = np.array([file["train/images"].ref], h5py.ref_dtype)


def _other_type(file: h5py.File) -> None:
    file["jpeg"] = np.zeros(4, "<f8")


def _big_endian(file: h5py.File) -> None:
    file["jpeg"] = np.zeros(4, [("a", ">i4")])


def _other_rank(file: h5py.File) -> None:
    file["jpeg"] = np.zeros((4, 4), "u1")


def _null_space(file: h5py.File) -> None:
    file["jpeg"] = h5py.Empty("u1")


def _group_for_dataset(file: h5py.File) -> None:
    file.create_group("jpeg")


def _dataset_for_group(file: h5py.File) -> None:
    good(file)
    file["val"] = np.zeros(4, "u1")


def _cycle(file: h5py.File) -> None:
    good(file)
    file["val"] = file["train"]


def _second_name(file: h5py.File) -> None:
    good(file)
    file["train/masks"] = file["train/images"]


def _stranger(file: h5py.File) -> None:
    good(file)
    file["more"] = np.zeros(4, "u1")


def _crowd(file: h5py.File) -> None:
    for i in range(200):
        file.create_group(f"g{i}")


def _many_attributes(file: h5py.File) -> None:
    good(file)
    for i in range(100):
        file["jpeg"].attrs[f"a{i}"] = i


def _large_attribute(file: h5py.File) -> None:
    good(file)
    file.attrs["a"] = np.zeros(60000, "u1")


def _variable_attribute(file: h5py.File) -> None:
    good(file)
    file.attrs["a"] = "text of variable length"


def _missing(file: h5py.File) -> None:
    create_dataset(file, "jpeg", (64,), np.dtype("u1"))
    text_dataset(file, "meta/note", "x")
    file.create_group("train")


def _no_group(file: h5py.File) -> None:
    create_dataset(file, "jpeg", (64,), np.dtype("u1"))
    text_dataset(file, "meta/note", "x")


HOSTILE: dict[Callable[[h5py.File], None], str] = {
    _external_link: "soft or external link",
    _external_link_in_group: "soft or external link",
    _soft_link: "unknown object|soft or external link",
    _external_storage: "not stored contiguously|stored in another file",
    _virtual: "not stored contiguously",
    _chunked: "not stored contiguously",
    _plugin_filter: "not stored contiguously",
    _huge: "declares more than is stored",
    _compact: "not stored contiguously",
    _strings: "odd type|has type",
    _references: "odd type",
    _other_type: "has type float64",
    _big_endian: "a row of 1 fields",
    _other_rank: "has shape",
    _null_space: "no simple shape",
    _group_for_dataset: "not a dataset",
    _dataset_for_group: "not a group",
    _cycle: "second name",
    _second_name: "second name",
    _stranger: "unknown object 'more'",
    _crowd: "200 objects",
    _many_attributes: "100 attributes",
    _large_attribute: "too large or of variable length",
    _variable_attribute: "too large or of variable length",
    _missing: "train/images is missing",
    _no_group: "group train is missing",
}


@pytest.mark.parametrize("craft", HOSTILE, ids=lambda craft: craft.__name__)
def test_hostile_structure_is_refused_before_any_read(
    craft: Callable[[h5py.File], None], tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_bytes(b"TOP SECRET" * 10)
    with h5py.File(tmp_path / "victim.h5", "w") as file:
        file["private"] = np.arange(10, dtype="u1")
    path = tmp_path / "hostile.h5"
    with h5py.File(path, "w") as file:
        craft(file)
        for name in ("jpeg", "train/images", "meta/note"):
            # only what is under test may be wrong
            if name.split("/")[0] not in file and craft not in (_missing, _no_group, _crowd):
                spec = SCHEMA[name]
                shape = tuple(2 if n is None else n for n in spec.shape)
                create_dataset(file, name, shape, spec.dtype)[...] = 0
    with pytest.raises(DatasetError, match=HOSTILE[craft]) as caught:
        check(path)
    _one_line_naming(caught.value, path)


def _one_line_naming(error: Exception, path: Path) -> None:
    assert "\n" not in str(error)
    assert str(error).startswith(f"{path}: ")


@pytest.mark.parametrize("content", [b"", b"hello" * 100, b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_other_content_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="expected a test file") as caught:
        check(path)
    _one_line_naming(caught.value, path)


def test_a_truncated_file_a_folder_and_nothing_are_refused(tmp_path: Path) -> None:
    whole = tmp_path / "whole.h5"
    with create_file(whole) as file:
        good(file)
    raw = whole.read_bytes()
    cut = tmp_path / "cut.h5"
    for size in (100, 3000, len(raw) - 1):
        cut.write_bytes(raw[:size])
        with pytest.raises(DatasetError, match="cut.h5: not readable as HDF5"):
            check(cut)
    with pytest.raises(DatasetError, match="not a regular file"):
        check(tmp_path)
    with pytest.raises(DatasetError, match="No such file"):
        check(tmp_path / "nothing.h5")


def test_an_attribute_that_is_never_read_may_be_of_any_type(tmp_path: Path) -> None:
    path = tmp_path / "labels.h5"
    for group, passes in (("/", True), ("train", False)):
        with h5py.File(path, "w") as file:
            good(file)
            file[group].attrs["name"] = "a text of variable length"
        with pytest.raises(DatasetError, match="variable length"):
            check(path)
        given = {"what": "a test file", "error": DatasetError, "unread": frozenset({"name"})}
        if passes:
            open_checked(path, SCHEMA, **given).close()
        else:
            with pytest.raises(DatasetError, match="variable length"):
                open_checked(path, SCHEMA, **given)


def test_a_user_block_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "block.h5"
    with h5py.File(path, "w", userblock_size=512) as file:
        good(file)
    with pytest.raises(DatasetError, match="user block"):
        check(path)


def test_every_byte_of_damage_in_the_metadata_is_an_error_or_harmless(tmp_path: Path) -> None:
    """Whatever is flipped in front of the data, opening ends in a file or in one line."""
    path = tmp_path / "good.h5"
    with create_file(path) as file:
        good(file)
        end = min(file_offset(file[name]) or 0 for name in ("jpeg", "train/images"))
    raw = path.read_bytes()
    damaged = tmp_path / "damaged.h5"
    places = [i for i in range(end) if raw[i]][::5]
    refused = 0
    for at in places:
        damaged.write_bytes(raw[:at] + bytes([raw[at] ^ 0x10]) + raw[at + 1 :])
        try:
            check(damaged).close()
        except DatasetError as err:
            _one_line_naming(err, damaged)
            refused += 1
    assert refused > 0.9 * len(places)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", np.bytes_(b"other"), "format is not kincap-shard"),
        ("format_version", 3, "shard version 3, this kincap reads 1-2; upgrade kincap"),
    ],
)
def test_shards_of_other_formats_and_versions_are_refused(
    key: str, value: object, message: str, tmp_path: Path, shard_file: Path
) -> None:
    path = tmp_path / "other.h5"
    path.write_bytes(shard_file.read_bytes())
    with h5py.File(path, "r+") as file:
        file.attrs[key] = value
    with pytest.raises(ShardError, match=re.escape(message)):
        ShardReader(path)
