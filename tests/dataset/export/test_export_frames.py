"""kincap export of whole frames: all people of each frame, and frames without anyone."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.kinect13.format import LAYOUTS
from kincap.dataset.kinect13.reader import open_kinect13
from tests.dataset.conftest import Body, Frame, Sessions
from tests.dataset.export.independent import LOSSES, PARSERS

SIZE_PX = (480, 270)
H, W = 136, 240
FRAMES = {"train": 5, "val": 2}


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whole frames: two people in two of them, one too far away in two, no one in one."""
    sessions = Sessions(tmp_path_factory.mktemp("frames") / "recordings", size_px=SIZE_PX)

    def person(k: int) -> Body:
        return Body(x=150 + 9 * k, y=130, height=170, inferred=("WristLeft",))

    near = [Frame((person(k), Body(x=360, y=110 + k, height=100, slot=4))) for k in range(2)]
    far = [
        Frame((person(k), Body(x=360, y=110 + k, height=100, slot=4, depth_m=5.0)))
        for k in range(2, 4)
    ]
    sessions("train1", [*near, *far, Frame((), body_after_ms=2.0)])
    sessions("val1", [Frame((person(k),)) for k in range(2)])
    out = sessions.recordings.parent / "full.h5"
    build(BuildSettings(out=out, recordings=sessions.recordings, size=H, workers=1, val="val*",
                        layout="full"))  # fmt: skip
    return out


@pytest.mark.parametrize("name", ["coco", "csv", "parquet", "cvat", "sleap"])
def test_all_people_of_a_frame_and_empty_frames_are_there(name, frames, tmp_path: Path) -> None:
    done = export(ExportSettings(frames, name, tmp_path / "out", pictures="none"))
    assert done.splits == {
        "train": {"pictures": 5, "people": 8},
        "val": {"pictures": 2, "people": 2},
    }
    people = list(PARSERS[name](tmp_path / "out"))
    with open_kinect13(frames, layouts=LAYOUTS) as data:
        for split, session in (("train", "train1"), ("val", "val1")):
            rows = data.split(split)
            for frame in range(FRAMES[split]):
                own = [one for one in people if one[0] == f"{session}__f{rows.color_seq[frame]}"]
                found = np.flatnonzero(rows.person[frame])
                assert len(own) == len(found)
                for place, (_, points, visibility) in zip(found, own, strict=True):
                    expected = rows.visibility[frame, place]
                    if name == "coco" and rows.person[frame, place] == 1:
                        expected = 0 * expected
                    if "visibility" in LOSSES.get(name, ()):
                        expected = np.minimum(expected, 1)
                    assert visibility.tolist() == expected.tolist()
                    labelled = expected > 0
                    at = rows.keypoints_px[frame, place]
                    np.testing.assert_allclose(points[labelled], at[labelled], atol=1e-4)


def test_coco_has_boxes_and_areas_and_marks_rejected_people_as_a_crowd(
    frames, tmp_path: Path
) -> None:
    export(ExportSettings(frames, "coco", tmp_path / "out", pictures="none"))
    content = json.loads((tmp_path / "out" / "annotations" / "train.json").read_text())
    assert [len([a for a in content["annotations"] if a["image_id"] == i["id"]])
            for i in content["images"]] == [2, 2, 2, 2, 0]  # fmt: skip
    with open_kinect13(frames, layouts=LAYOUTS) as data:
        person = data.split("train").person
    assert [a["iscrowd"] for a in content["annotations"]] == (person[person > 0] == 1).tolist()
    assert 1 < (person == 1).sum() < 4
    assert {(i["width"], i["height"]) for i in content["images"]} == {(W, H)}
    for one in content["annotations"]:
        x, y, width, height = one["bbox"]
        assert 0 <= x < x + width <= W
        assert 0 <= y < y + height <= H
        assert one["area"] == pytest.approx(width * height, abs=1e-3)
        assert one["num_keypoints"] == (0 if one["iscrowd"] else 13)


def test_yolo_has_a_line_for_each_person_and_an_empty_file_for_no_one(frames, tmp_path) -> None:
    export(ExportSettings(frames, "yolo", tmp_path / "out", pictures="png"))
    inside = tmp_path / "out" / "labels" / "train"
    lines = {path.stem: path.read_text().splitlines() for path in sorted(inside.glob("*.txt"))}
    assert [len(one) for one in lines.values()] == [2, 2, 2, 2, 0]
    with open_kinect13(frames, layouts=LAYOUTS) as data:
        rows = data.split("train")
        numbers = np.array(lines["train1__f0"][1].split(), float)[5:].reshape(13, 3)
        points = numbers[:, :2] * [W, H] - 0.5
        np.testing.assert_allclose(points, rows.keypoints_px[0, 1], atol=1e-3)
        assert rows.person[:3, 1].tolist() == [2, 1, 1]
        rejected = np.array(lines["train1__f2"][1].split(), float)
        assert (rejected[3:5] > 0).all()
        assert not rejected[5:].any()
        picture = cv2.imread(str(tmp_path / "out" / "images" / "train" / "train1__f3.png"))
        np.testing.assert_array_equal(picture[..., ::-1], rows.images([3])[0])


def test_label_studio_has_the_regions_of_each_person(frames, tmp_path: Path) -> None:
    export(ExportSettings(frames, "labelstudio", tmp_path / "out", pictures="none"))
    tasks = json.loads((tmp_path / "out" / "tasks" / "train.json").read_text())
    people = []
    for task in tasks:
        regions = task["annotations"][0]["result"]
        boxes = [one["id"] for one in regions if one["type"] == "rectanglelabels"]
        points = [one["parentID"] for one in regions if one["type"] == "keypointlabels"]
        assert {box: points.count(box) for box in boxes} == dict.fromkeys(boxes, 13)
        assert all(0 <= one["value"]["x"] <= 100 for one in regions)
        people.append(len(boxes))
    assert people == [2, 2, 2, 2, 0]


def test_deeplabcut_holds_one_person_a_picture_and_says_so(frames, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="--format dlc: holds one person in a picture"):
        export(ExportSettings(frames, "dlc", tmp_path / "out", pictures="none"))
    assert list(tmp_path.iterdir()) == []
