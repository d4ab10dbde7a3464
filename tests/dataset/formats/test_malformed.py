"""Malformed files of labels: one line that names the file, what was found and what to do."""

import json
import struct
import zlib
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from kincap.core.errors import DatasetError
from kincap.dataset.formats.files import json_file, mat_structure
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.formats.registry import FORMATS

from .made_files import EMPTY, save_flic, structs

PERSON = {"image_id": 1, "id": 5, "keypoints": [1, 2, 2] * 17}
COCO_LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
COCO_POINTS = [
    "nose",
    *(f"{side}_{name}" for name in ("eye", "ear", *COCO_LIMBS) for side in ("left", "right")),
]


def coco(**changes: object) -> dict[str, object]:
    """Return the content of a small COCO file, changed."""
    whole = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "person", "keypoints": COCO_POINTS}],
        "annotations": [PERSON],
    }
    return {key: value for key, value in {**whole, **changes}.items() if value is not None}


def problem(name: str, path: Path) -> str:
    """Return the error of reading a file, one line that names it."""
    with pytest.raises(DatasetError) as caught:
        FORMATS[name].load(path, LoadOptions())
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    assert caught.value.exit_code == 2
    return text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "expected an object"),
        (coco(categories=[{"id": 1, "name": "person"}]), "a COCO file without keypoints"),
        (coco(categories=None), "no 'categories'"),
        (coco(annotations=None), "no 'annotations'"),
        (coco(annotations=[]), "no labelled people"),
        (coco(annotations=[{**PERSON, "image_id": 2}]), "image_id 2 is not in 'images'"),
        (coco(annotations=[{**PERSON, "keypoints": [1, 2, 2]}]), "3 values, expected 51"),
        (coco(annotations=[{**PERSON, "keypoints": ["x"] * 51}]), "'x', expected a number"),
        (coco(annotations=[{**PERSON, "keypoints": [float("nan")] * 51}]), "'nan', expected a num"),
        (coco(annotations=[{**PERSON, "keypoints": [10**400] * 51}]), "expected a number"),
        (coco(annotations=[{**PERSON, "id": 2**64}]), "expected a whole number of 64 bits"),
        (coco(annotations=[{**PERSON, "bbox": [1, 2]}]), "bbox: 2 values"),
        (
            coco(annotations=[{**PERSON, "keypoints": [1, 2, 2] * 3 + [1, 2, 3] * 14}]),
            "annotations[0]: visibility 3 of keypoint 4 (l_ear), expected 0, 1 or 2",
        ),
        (coco(annotations=[{**PERSON, "keypoints": [1, 2, -1] * 17}]), "visibility -1 of keypoint"),
        (coco(annotations=[{**PERSON, "keypoints": [1, 2, 0.5] * 17}]), "visibility 0.5 of keyp"),
        (
            coco(annotations=[PERSON, {**PERSON, "id": 6}, PERSON]),
            "annotations[2]: id 5 is that of annotations[0] too; expected each id once",
        ),
        (coco(annotations=[7]), "annotations[0] is: 7, expected an object"),
        (coco(images=[{"id": 1, "file_name": "../../etc/passwd"}]), "leads out of its folder"),
        (coco(images=[{"id": 1, "file_name": "C:\\a.jpg"}]), "leads out of its folder"),
        (coco(images=[{"id": True, "file_name": "a.jpg"}]), "'id' is: True"),
        (coco(categories=[{"keypoints": COCO_POINTS[:9]}]), "points nose, l_eye"),
    ],
)
def test_json_in_the_form_of_coco(tmp_path: Path, content: object, words: str) -> None:
    path = tmp_path / "person_keypoints_x.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    assert words in problem("coco", path)


def test_a_huge_json_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "person_keypoints_x.json"
    with path.open("wb") as file:
        file.truncate(json_file.LARGEST_JSON + 1)
    assert "at most 768 MiB" in problem("coco", path)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"other": 1}, "no variable 'joints' (it has other)"),
        ({"joints": np.zeros((14, 2, 5))}, "of shape (14, 2, 5), expected"),
        ({"joints": np.zeros((3, 14, 5))}, "is LSP: --add lsp:PATH"),
        ({"joints": "text"}, "'joints' of shape (1,), expected"),
        ({"joints": structs([{"a": 1}])}, "of shape (1, 1), expected"),
    ],
)
def test_mat_files_of_other_content(tmp_path: Path, variables: dict, words: str) -> None:
    path = tmp_path / "joints.mat"
    savemat(path, variables)
    assert words in problem("lspet", path)


def test_mat_files_of_other_versions(tmp_path: Path) -> None:
    path = tmp_path / "joints.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["joints"] = np.zeros(3)
    raw = bytearray(path.read_bytes())
    raw[:10] = b"MATLAB 7.3"
    path.write_bytes(raw)
    assert "version 7.3; save it in MATLAB with -v7" in problem("lspet", path)
    savemat(path, {"joints": np.zeros((3, 3))}, format="4")
    assert "not a MATLAB 5.0 file" in problem("lspet", path)
    path.write_bytes(b"hello")
    assert "not a MATLAB 5.0 file" in problem("lspet", path)


def test_cut_and_flipped_mat_files_are_errors_of_one_line(tmp_path: Path) -> None:
    path = tmp_path / "examples.mat"
    save_flic(path)
    whole = path.read_bytes()
    refused = []
    for at in range(130, len(whole), len(whole) // 60):
        for raw in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            path.write_bytes(raw)
            with suppress(DatasetError):
                FORMATS["flic"].load(path, LoadOptions())
                continue
            refused.append(problem("flic", path))
    assert len(refused) > 60


def test_a_mat_file_that_inflates_without_end_is_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(mat_structure, "LARGEST_INFLATED", 1 << 20)
    path = tmp_path / "joints.mat"
    savemat(path, {"joints": np.zeros((14, 3, 10_000))}, do_compression=True)
    assert path.stat().st_size < 100_000
    assert "inflates to more than 1 MiB" in problem("lspet", path)


def test_a_mat_file_that_declares_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "examples.mat"
    savemat(path, {"examples": structs([{"coords": EMPTY}] * 3)}, do_compression=True)
    raw = path.read_bytes()
    size = struct.unpack_from("<I", raw, 132)[0]
    inner = zlib.decompress(raw[136 : 136 + size])
    # 1 x 3 structs become 1 x 2^30: scipy would allocate 8 GiB before it read one
    place = inner.index(struct.pack("<ii", 1, 3))
    inner = inner[:place] + struct.pack("<ii", 1, 1 << 30) + inner[place + 8 :]
    packed = zlib.compress(inner)
    path.write_bytes(raw[:132] + struct.pack("<I", len(packed)) + packed)
    assert "it ends inside an element" in problem("flic", path)


@pytest.mark.parametrize(
    ("name", "file", "variable", "value", "words"),
    [
        ("mpii", "x.mat", "RELEASE", {"version": 1}, "no field 'annolist'"),
        ("mpii", "x.mat", "RELEASE", {"annolist": structs([{"a": 1}])}, "no image.name"),
        ("flic", "examples.mat", "examples", structs([{"coords": EMPTY}]), "coords of shape"),
        ("flic", "examples.mat", "examples", structs([{"coords": np.zeros((2, 29))}]), "filepath"),
        ("bbcpose", "bbcpose.mat", "bbcpose", structs([{"a": 1}]), "no type"),
        ("parse", "labels.mat", "ptsAll", np.zeros((14, 3, 4)), "expected (14, 2, N)"),
    ],
)
def test_mat_files_without_a_field(tmp_path: Path, name, file, variable, value, words) -> None:
    savemat(tmp_path / file, {variable: value})
    assert words in problem(name, tmp_path / file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,nose_x\na.jpg,1\n", "columns nose_x; expected image"),
        ("head_x,head_y\n1,2\n", "without image"),
        ("image,head_x,head_y\na.jpg,1,b\n", "line 2: head is '1, b, ', expected numbers"),
        ("image,head_x,head_y\na.jpg,1,1e9\n", "expected pixels"),
        ("image,head_x,head_y,head_v\na.jpg,1,1,3\n", "v is 3.0, expected 0, 1 or 2"),
        ("image,split,head_x,head_y\na.jpg,x,1,1\n", "split 'x'"),
        ("image,person,head_x,head_y\na.jpg,one,1,1\n", "person 'one'"),
        ("image,head_x,head_y\n,1,1\n", "no image"),
        ("image,head_x,head_y\n", "no labelled people"),
        ("image,head_x,head_y\n/a.jpg,1,1\n", "leads out of its folder"),
        ("image,head_x,head_y\na.jpg,1,1,5\n", "columns None"),
        ("image\xff", "not a CSV file in UTF-8"),
    ],
)
def test_csv_tables(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(text.encode("latin-1"))
    assert words in problem("people", path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "x"}, "no schema 'kincap/people/1'"),
        ({"pixel_base": 2}, "pixel_base 2"),
        ({"keypoints": ["nose"]}, "expected names of the 13"),
        ({"people": [{"image": "a.jpg", "keypoints": []}]}, "0 keypoints, expected 1"),
        ({"people": [{"keypoints": [[1, 2, 2]]}]}, "no 'image'"),
        (
            {"people": [{"image": "a.jpg", "person": 0.5, "keypoints": [[1, 2, 2]]}]},
            "0.5, expected",
        ),
    ],
)
def test_json_in_kincaps_own_form(tmp_path: Path, change: dict, words: str) -> None:
    whole = {"schema": "kincap/people/1", "keypoints": ["head"], "people": []}
    path = tmp_path / "people.json"
    path.write_text(json.dumps({**whole, **change}))
    assert words in problem("people", path)


@pytest.mark.parametrize("value", [1e300, float("inf"), float("nan"), -1e9])
def test_positions_that_no_picture_has_are_not_labels(tmp_path: Path, value: float) -> None:
    joints = np.full((14, 3, 2), 5.0)
    joints[:, 2] = 1
    joints[12:, :2, 0] = value
    savemat(tmp_path / "joints.mat", {"joints": joints})
    labels = FORMATS["lspet"].load(tmp_path, LoadOptions()).labels
    assert labels.labelled[:, 0].tolist() == [False, True]
    assert labels.labelled[:, 1:].all()


def test_a_name_that_no_system_has_is_not_there(tmp_path: Path) -> None:
    assert "no such file or folder" in problem("lsp", tmp_path / ("x" * 5000))
    path = tmp_path / "person_keypoints_x.json"
    path.write_text(json.dumps(coco(images=[{"id": 1, "file_name": "x" * 5000 + ".jpg"}])))
    assert FORMATS["coco"].load(path, LoadOptions()).pictures == ("x" * 5000 + ".jpg",)


def test_hdf5_files_of_other_content(tmp_path: Path) -> None:
    path = tmp_path / "train.h5"
    with h5py.File(path, "w") as file:
        file["part"] = np.zeros((3, 11, 2))
    assert "expected a file of labels of the hourglass net" in problem("mpii", path)


def test_a_folder_without_labels_or_with_several_files(tmp_path: Path) -> None:
    assert "no person_keypoints*.json" in problem("coco", tmp_path)
    for name in ("person_keypoints_a.json", "person_keypoints_b.json"):
        (tmp_path / name).write_text("{}")
    assert "several files of labels" in problem("coco", tmp_path)
    assert "no such file or folder" in problem("lsp", tmp_path / "gone")
