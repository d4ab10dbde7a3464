"""kincap sessions correct: labels corrected in other tools come back as edits of the session."""

import json
import math
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINT, KEYPOINT_NAMES
from kincap.dataset.build import build
from kincap.dataset.corrections.correct import Corrections, CorrectSettings, correct
from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.edits.journal import load_edits, undo_edit
from tests.dataset.conftest import Body, Frame, Sessions
from tests.dataset.test_build import settings

Run = Callable[..., subprocess.CompletedProcess[str]]
FILES = {
    "coco": "annotations/train.json", "cvat": "annotations.xml", "labelstudio": "tasks/train.json"
}  # fmt: skip
FRAME = 3
WRIST_TO = (20.0, 41.5)
"""Pixels of the exported picture."""


def correct_coco(file: Path) -> None:
    """Move the left wrist of a frame, hide its head, and show its inferred right knee."""
    content = json.loads(file.read_text())
    person = next(one for one in content["annotations"] if one["color_seq"] == FRAME)
    for name, values in (("l_wrist", [*WRIST_TO, 2]), ("head", [0, 0, 0])):
        at = 3 * KEYPOINT[name]
        person["keypoints"][at : at + 3] = values
    person["keypoints"][3 * KEYPOINT["r_knee"] + 2] = 2
    file.write_text(json.dumps(content))


def correct_cvat(file: Path) -> None:
    """Make the same changes as CVAT would write them, with two decimals."""
    tree = ElementTree.parse(file)
    for image in tree.iter("image"):
        for point in image.iter("points"):
            x, y = (float(part) for part in point.get("points", "").split(","))
            if f"__f{FRAME}__" in image.get("name", ""):
                if point.get("label") == "l_wrist":
                    x, y = WRIST_TO[0] + 0.5, WRIST_TO[1] + 0.5
                elif point.get("label") == "head":
                    point.set("outside", "1")
                elif point.get("label") == "r_knee":
                    point.set("occluded", "0")
            point.set("points", f"{x:.2f},{y:.2f}")
    tree.write(file)


def correct_labelstudio(file: Path) -> None:
    """Make the same changes as Label Studio exports them, after an upload."""
    tasks = json.loads(file.read_text())
    for task in tasks:
        name = task["data"]["image"].rpartition("/")[2]
        task["data"]["image"] = f"/data/upload/1/0a1b2c3d-{name}"
        if f"__f{FRAME}__" not in name:
            continue
        result = task["annotations"][0]["result"]
        task["annotations"][0]["result"] = [
            one for one in result if one["id"].partition("_")[2] != "head"
        ]
        for one in result:
            label = one["id"].partition("_")[2]
            if label == "l_wrist" and one["type"] == "keypointlabels":
                one["value"]["x"] = 100 * (WRIST_TO[0] + 0.5) / 64
                one["value"]["y"] = 100 * (WRIST_TO[1] + 0.5) / 64
            elif label == "r_knee" and one["type"] == "choices":
                one["value"]["choices"] = ["visible"]
    file.write_text(json.dumps(tasks))


CORRECT = {"coco": correct_coco, "cvat": correct_cvat, "labelstudio": correct_labelstudio}


@pytest.fixture
def exported(sessions: Sessions) -> Callable[[str], Path]:
    """Return a function that exports a data set of two sessions and returns the labels' file."""
    body = Body(inferred=("KneeRight",))
    sessions("val1", [Frame()])
    sessions("train-1", [Frame((body,), tick=10.0 * k) for k in range(5)])
    build(settings(sessions))

    def make(kind: str) -> Path:
        out = sessions.recordings.parent / kind
        export(ExportSettings(out.with_name("set.h5"), kind, out, pictures="none"))
        return out / FILES[kind]

    return make


def corrected(sessions: Sessions, file: Path, **more: Any) -> Corrections:
    return correct(CorrectSettings(sessions.recordings, "train-1", file, **more))


def labels(sessions: Sessions) -> dict[str, dict[int, np.ndarray]]:
    """Return the labels of train-1 in the data set, by frame."""
    build(settings(sessions))
    with open_kinect13(sessions.recordings.parent / "set.h5") as data:
        rows = data.split("train")
        box = rows.bbox_xyxy_px.astype(float)
        scale = (box[:, 2] - box[:, 0])[:, None, None] / rows.size
        points = box[:, None, :2] + (rows.keypoints_px + 0.5) * scale
        seq = rows.color_seq.tolist()
        return {
            "points": dict(zip(seq, points, strict=True)),
            "visibility": dict(zip(seq, rows.visibility.copy(), strict=True)),
            "weight": dict(zip(seq, rows.weight.copy(), strict=True)),
            "box": dict(zip(seq, box, strict=True)),
        }


@pytest.mark.parametrize("in_place", [True, False], ids=["beside its export", "alone"])
@pytest.mark.parametrize("kind", FILES)
def test_a_corrected_file_comes_back_as_edits(
    kind: str, in_place: bool, sessions: Sessions, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    file = exported(kind)
    before = labels(sessions)
    CORRECT[kind](file)
    if not in_place:
        file = Path(shutil.copy(file, tmp_path / file.name))
    shown = corrected(sessions, file, dry_run=True)
    folder = sessions.recordings / "train-1"
    assert not (folder / "edits.json").exists()
    done = corrected(sessions, file)
    assert done.operations == shown.operations
    assert (done.format, done.people, done.moved, done.visibility) == (kind, 5, 1, 2)
    assert done.unchanged == 5 * 13 - 3
    assert done.compared_with == ("export" if in_place else "session")
    changed = {(one["op"], one["seq"], one["keypoint"]) for one in done.operations}
    assert changed == {
        ("move", FRAME, "l_wrist"), ("visibility", FRAME, "l_wrist"),
        ("visibility", FRAME, "head"), ("visibility", FRAME, "r_knee"),
    }  # fmt: skip
    after = labels(sessions)
    box = before["box"][FRAME]
    expected = box[:2] + (np.array(WRIST_TO) + 0.5) * (box[2] - box[0]) / 64
    np.testing.assert_allclose(
        after["points"][FRAME][KEYPOINT["l_wrist"]], expected, atol=0.02 * (box[2] - box[0]) / 64
    )
    assert after["visibility"][FRAME][KEYPOINT["head"]] == 0
    for name in ("l_wrist", "r_knee"):
        assert after["visibility"][FRAME][KEYPOINT[name]] == 2
        assert after["weight"][FRAME][KEYPOINT[name]] == 1
    np.testing.assert_array_equal(after["points"][2], before["points"][2])
    again = corrected(sessions, Path(shutil.copy(file, tmp_path / f"again{file.suffix}")))
    assert (again.moved, again.visibility, again.applied) == (0, 0, False)
    undo_edit(folder)
    assert load_edits(folder).labels == ()


@pytest.mark.parametrize("kind", FILES)
def test_an_unchanged_file_makes_no_edit(
    kind: str, sessions: Sessions, exported: Callable[[str], Path], tmp_path: Path
) -> None:
    for file in (exported(kind), Path(shutil.copy(exported(kind), tmp_path))):
        done = corrected(sessions, file)
        assert done.operations == []
        assert done.unchanged == 5 * 13
    assert not (sessions.recordings / "train-1" / "edits.json").exists()


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE a SYSTEM "file:///etc/passwd">'
IMAGE = {"id": 1, "file_name": "train-1__f3__p7002__x1_y2_s90.jpg", "width": 64, "height": 64}
CATEGORY = {"id": 1, "keypoints": list(KEYPOINT_NAMES)}
PERSON: dict[str, Any] = {"id": 1, "image_id": 1, "category_id": 1, "keypoints": [0, 0, 0] * 13}


def coco_with(**changed: Any) -> str:
    content = {"images": [IMAGE], "annotations": [PERSON], "categories": [CATEGORY]}
    return json.dumps({**content, **changed})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB + "<annotations>&b;</annotations>", "declares a document type"),
        (OUTSIDE + "<annotations/>", "declares a document type"),
        ("<annotations><image", "not valid XML"),
        ("<html/>", "not of CVAT"),
        ("{", "neither XML nor JSON"),
        ("[" * 100_000, "neither XML nor JSON"),
        ("{}", "neither COCO nor Label Studio"),
        ("[1]", "not of Label Studio's tasks"),
        ("[]", "no picture of session train-1"),
        (coco_with(categories=[{"id": 1}]), "without a category that names keypoints"),
        (coco_with(images=[]), "an image that is not in the file"),
        (coco_with(images=[{**IMAGE, "width": "wide"}]), "expected a number"),
        (coco_with(images=[{**IMAGE, "width": 0}]), "a picture of 0x64"),
        (coco_with(annotations=[{**PERSON, "keypoints": [1, 2]}]), "has not 3 numbers"),
        (coco_with(annotations=[{**PERSON, "keypoints": [1, 2, 3] * 13}]), "visibility 3"),
        (coco_with(annotations=[{**PERSON, "keypoints": [None, 2, 2] * 13}]), "expected a number"),
        (coco_with(annotations=[{**PERSON, "keypoints": [1e300, 2, 2] * 13}]), "expected a number"),
        (coco_with(images=[{**IMAGE, "file_name": "else.jpg"}]), "no picture of session"),
    ],
)
def test_a_file_that_is_not_one_is_refused_in_one_line(
    text: str, says: str, sessions: Sessions, tmp_path: Path
) -> None:
    sessions("train-1", [Frame()])
    (tmp_path / "file").write_text(text)
    with pytest.raises(DatasetError, match=re.escape(says)) as caught:
        corrected(sessions, tmp_path / "file")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert not (sessions.recordings / "train-1" / "edits.json").exists()


@pytest.mark.parametrize("pixels", [math.nan, -1.0, math.inf])
def test_a_tolerance_out_of_range_is_refused(
    pixels: float, sessions: Sessions, tmp_path: Path
) -> None:
    with pytest.raises(DatasetError, match=r"--tolerance .*: expected 0 to 100 pixels"):
        corrected(sessions, tmp_path / "file", tolerance_px=pixels)


def test_what_leads_to_no_person_is_counted(sessions: Sessions, tmp_path: Path) -> None:
    sessions("train-1", [Frame()] * 5)
    names = [
        "train-1__f3__p7002__x1_y2_s90.jpg", "train-1__f3__p99__x1_y2_s90.jpg",
        "train-1__f77__p7002__x1_y2_s90.jpg", "other__f3__p7002__x1_y2_s90.jpg", "photo.jpg",
        "train-1__f4__p7002__x1_y2_s90.jpg",
    ]  # fmt: skip
    images = [{**IMAGE, "id": i, "file_name": name} for i, name in enumerate(names)]
    people = [{**PERSON, "image_id": i} for i in (*range(6), 5)]
    (tmp_path / "file.json").write_text(coco_with(images=images, annotations=people))
    done = corrected(sessions, tmp_path / "file.json", dry_run=True)
    assert done.people == 1
    assert dict(done.skipped) == {
        "of another session": 1, "the picture's name is not of an export": 1,
        "several people in one picture": 2, "no such frame or person in the session": 2,
    }  # fmt: skip


def test_the_commands_correct_and_edit(
    sessions: Sessions, exported: Callable[[str], Path], kincap: Run, tmp_path: Path
) -> None:
    file = exported("coco")
    correct_coco(file)
    done = kincap("sessions", "correct", "train-1", "--from", file)
    assert done.returncode == 0, done.stderr
    assert "1 keypoints moved, 2 with another visibility" in done.stdout
    done = kincap("sessions", "edit", "train-1", "trim", "--frames", "1-3", "--json")
    assert json.loads(done.stdout)["edit_counts"] == {"trim": 1, "move": 1, "visibility": 3}
    done = kincap("sessions", "edit", "train-1", "move", "--frames", "9", "--keypoint", "head")
    assert done.returncode == 2
    assert done.stderr == "kincap: edit move: --to missing; give it\n"
