"""Readers of sets whose originals are not at hand: files made as the sets' descriptions say."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from kincap.core.skeleton import KEYPOINT
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.formats.people import People
from kincap.dataset.formats.registry import FORMATS

from .made_files import save_bbcpose, save_flic, save_mpii

LIMB_ENDS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")


def read(name: str, path: Path) -> People:
    return FORMATS[name].load(path, LoadOptions())


def test_mpii_in_every_form_of_its_mat_file(tmp_path: Path) -> None:
    save_mpii(tmp_path / "mpii_human_pose_v1_u12_1.mat")
    people = read("mpii", tmp_path)
    # a picture without people is none of the pictures
    assert people.pictures == ("a.jpg", "b.jpg", "d.jpg")
    assert people.picture.tolist() == [0, 0, 0, 1, 2]
    labels = people.labels
    assert labels.labelled.sum(axis=1).tolist() == [13, 1, 0, 1, 0]
    assert people.problem.tolist() == ["", "", "no_keypoints", "", "no_keypoints"]
    # point k is at (10 k, 5 k) when counted from 0
    assert labels.xy[0, KEYPOINT["r_wrist"]].tolist() == [100, 50]
    assert labels.xy[0, KEYPOINT["l_shoulder"]].tolist() == [130, 65]
    assert labels.xy[0, KEYPOINT["head"]].tolist() == [85, 42.5]
    assert labels.xy[1, KEYPOINT["r_hip"]].tolist() == [4, 5]
    # is_visible as 0, "0", "1", empty: points 1 (r_knee), 3 (l_hip), 2 (r_hip), 4 (l_knee)
    names = ("r_knee", "l_hip", "r_hip", "l_knee")
    seen = [bool(labels.visible[0, KEYPOINT[name]]) for name in names]
    assert seen == [False, False, True, True]
    assert people.clip.tolist() == ["7", "7", "7", "7", ""]
    assert people.split.tolist() == ["train", "train", "train", "train", "test"]
    assert people.head_xyxy[0].tolist() == [9, 19, 29, 39]
    assert people.scale[0] == 1.5


def test_flic_examples(tmp_path: Path) -> None:
    save_flic(tmp_path / "examples.mat")
    people = read("flic", tmp_path)
    assert people.pictures == ("film-00000000.jpg", "film-00000001.jpg")
    assert people.picture.tolist() == [0, 0, 1]
    assert people.labels.labelled.sum(axis=1).tolist() == [9, 9, 9]
    assert people.labels.xy[0, KEYPOINT["l_shoulder"]].tolist() == [200, 0]
    assert people.labels.xy[0, KEYPOINT["r_hip"]].tolist() == [140, 49]
    assert people.labels.xy[0, 0] == pytest.approx([(160 + 140 + 200) / 3, 63])
    assert people.split.tolist() == ["train", "test", "test"]
    assert people.clip.tolist() == ["film"] * 3
    assert people.torso_xyxy[0].tolist() == [10, 20, 30, 40]
    # the third one's eyes say that it is seen from behind, its shoulders say from in front
    assert people.problem.tolist() == ["", "", "sides"]


def test_one_flic_example_is_one_person(tmp_path: Path) -> None:
    save_flic(tmp_path / "examples.mat", people=1)
    assert len(read("flic", tmp_path)) == 1


def test_bbc_pose_frames_that_were_labelled_by_hand(tmp_path: Path) -> None:
    save_bbcpose(tmp_path / "bbcpose.mat")
    people = read("bbcpose", tmp_path)
    assert people.pictures == ("2/4.jpg", "2/8.jpg", "2/9.jpg", "3/5.jpg")
    assert people.split.tolist() == ["val", "val", "val", "test"]
    assert people.clip.tolist() == ["2", "2", "2", "3"]
    assert people.labels.labelled.sum(axis=1).tolist() == [7] * 4
    joints = np.arange(2 * 7 * 3, dtype=float).reshape(2, 7, 3)
    for keypoint, joint in (("head", 0), ("r_wrist", 1), ("l_shoulder", 6)):
        assert (
            people.labels.xy[1, KEYPOINT[keypoint]].tolist() == (joints[:, joint, 1] - 1).tolist()
        )


def test_ai_challenger_as_its_owner_ships_it(tmp_path: Path) -> None:
    points = [[10 * k, 5 * k, 1 + k % 3] for k in range(14)]
    picture = {
        "image_id": "abc",
        "url": "",
        "human_annotations": {"human1": [1, 2, 30, 40]},
        "keypoint_annotations": {"human1": [value for point in points for value in point]},
    }
    path = tmp_path / "keypoint_train_annotations_20170909.json"
    path.write_text(json.dumps([picture]))
    people = read("aic", tmp_path)
    assert people.pictures == ("abc.jpg",)
    # 1 visible, 2 occluded, 3 not labelled
    visible = {"r_shoulder": True, "r_elbow": False, "l_shoulder": True, "l_knee": False}
    for name, seen in visible.items():
        assert people.labels.labelled[0, KEYPOINT[name]]
        assert people.labels.visible[0, KEYPOINT[name]] == seen
    assert not people.labels.labelled[0, KEYPOINT["r_wrist"]]
    assert people.labels.xy[0, KEYPOINT["head"]].tolist() == [125, 62.5]
    assert people.bbox_xyxy[0].tolist() == [1, 2, 30, 40]


def test_any_set_as_csv(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(
        "image,person,split,clip,head_x,head_y,head_v,l_wrist_x,l_wrist_y\n"
        "a/1.jpg,7,train,film,10.5,20,1,3,4\n"
        "a/1.jpg,8,test,,,,,5,6\n"
        "b.jpg,,,,1,2,2,,\n"
    )
    people = read("people", tmp_path)
    assert people.pictures == ("a/1.jpg", "b.jpg")
    assert people.picture.tolist() == [0, 0, 1]
    assert people.person_id.tolist() == [7, 8, 0]
    assert people.labels.xy[0, 0].tolist() == [10.5, 20]
    assert people.labels.visible[:, 0].tolist() == [False, False, True]
    assert people.labels.labelled[:, KEYPOINT["l_wrist"]].tolist() == [True, True, False]
    assert people.labels.visible[0, KEYPOINT["l_wrist"]]
    assert people.split.tolist() == ["train", "test", ""]


def test_any_set_as_json_with_pixels_from_1(tmp_path: Path) -> None:
    content = {
        "schema": "kincap/people/1",
        "pixel_base": 1,
        "keypoints": ["r_wrist", "head"],
        "people": [
            {"image": "x.png", "person": 1 << 60, "keypoints": [[11, 21, 2], [0, 0, 0]]},
            {"image": "x.png", "split": "val", "keypoints": [[0, 0, 0], [5, 6, 1]]},
        ],
    }
    (tmp_path / "people.json").write_text(json.dumps(content))
    people = read("people", tmp_path)
    assert people.labels.xy[0, KEYPOINT["r_wrist"]].tolist() == [10, 20]
    assert people.labels.labelled.sum(axis=1).tolist() == [1, 1]
    assert people.person_id[0] == 1 << 60
    assert people.labels.xy[1, 0].tolist() == [4, 5]
    assert people.split.tolist() == ["", "val"]


def test_pictures_are_found_in_every_usual_place_and_in_no_other_set(tmp_path: Path) -> None:
    labels = tmp_path / "coco" / "annotations" / "person_keypoints_train2017.json"
    labels.parent.mkdir(parents=True)
    labels.write_text(json.dumps(coco_file("000001.jpg")))
    for folder in ("coco/train2017", "coco/images", "coco", "coco/annotations/a/b"):
        picture = tmp_path / folder / "000001.jpg"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(b"")
        for path in (labels, tmp_path / "coco"):
            root = read("coco", path).root
            assert (root / "000001.jpg").samefile(picture)
            assert ".." not in root.parts
        picture.unlink()
    # a neighbour's pictures of the same name are another set's
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "im00001.jpg").write_bytes(b"")
    (tmp_path / "lspet").mkdir()
    savemat(tmp_path / "lspet" / "joints.mat", {"joints": np.ones((14, 3, 2))})
    assert read("lspet", tmp_path / "lspet").root == tmp_path / "lspet"


def coco_file(picture: str) -> dict[str, object]:
    """Return a COCO file of one person."""
    sides = [f"{s}_{n}" for n in ("eye", "ear", *LIMB_ENDS) for s in ("left", "right")]
    return {
        "images": [{"id": 1, "file_name": picture}],
        "categories": [{"keypoints": ["nose", *sides]}],
        "annotations": [{"image_id": 1, "id": 1, "keypoints": [1, 2, 2] * 17}],
    }
