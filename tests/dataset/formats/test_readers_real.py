"""Every reader on real samples of its set: counts, positions, visibility, sides, a sheet."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from kincap.core.skeleton import FLIP, KEYPOINT, KEYPOINT_NAMES
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.formats.people import People
from kincap.dataset.formats.registry import FORMATS
from kincap.dataset.public.sides import check_sides

from .contact_sheet import draw

SAMPLES = {
    # set and folder: people, usable, with all 13, left shoulders on the left (None: too few)
    ("aic", "mmpose_samples/aic"): (6, 6, 1, None),
    ("coco", "coco/by"): (60, 27, 1, 0.25),
    ("coco", "coco/restricted"): (87, 59, 1, 0.136),
    ("coco", "mmpose_samples/coco"): (6, 5, 3, None),
    ("coco", "annotations_only/coco"): (2213, 1336, 118, 0.241),
    ("crowdpose", "mmpose_samples/crowdpose"): (3, 2, 0, None),
    ("flic", "annotations_only/flic"): (1016, 1012, 0, 0.0),
    ("jhmdb", "mmpose_samples/jhmdb"): (2, 2, 2, None),
    ("lsp", "annotations_only/lsp"): (2000, 2000, 2000, 0.332),
    ("lspet", "lspet"): (280, 280, 99, 0.327),
    ("mpii", "annotations_only/mpii"): (2958, 2958, 2017, 0.273),
    ("mpii", "mmpose_samples/mpii"): (3, 3, 2, None),
    ("ochuman", "mmpose_samples/ochuman"): (3, 3, 1, None),
    ("parse", "parse"): (240, 239, 240, 0.1),
    ("posetrack18", "mmpose_samples/posetrack18"): (3, 3, 1, None),
}


@pytest.fixture(scope="module")
def load(data_dir: Path):
    """Return a function that reads a set, once."""
    known: dict[tuple[str, ...], People] = {}

    def read(name: str, folder: str, **options: str) -> People:
        key = (name, folder, *options.values())
        if not (data_dir / folder).exists():
            pytest.skip(f"no {data_dir / folder}")
        if key not in known:
            known[key] = FORMATS[name].load(data_dir / folder, LoadOptions(**options))
        return known[key]

    return read


@pytest.mark.parametrize(("name", "folder"), SAMPLES)
def test_a_set_is_read_whole_and_its_sides_are_the_persons_own(load, name, folder) -> None:
    people, (count, usable, complete, share) = load(name, folder), SAMPLES[name, folder]
    labels = people.labels
    assert len(people) == count
    assert people.usable.sum() == usable
    assert labels.labelled.all(axis=1).sum() == complete
    assert np.array_equal(np.isfinite(labels.xy).all(axis=-1), labels.labelled)
    assert not (labels.visible & ~labels.labelled).any()
    assert labels.labelled[people.usable].any(axis=1).all()
    assert people.picture.max() < len(people.pictures)
    checked = check_sides(people, FORMATS[name].backs)
    assert checked.problem == ""
    if share is not None:
        assert checked.left_share == pytest.approx(share, abs=0.001)
        assert checked.frontal_median_torso > 0.4


def test_mirrored_labels_and_sides_of_the_picture_are_found(load) -> None:
    whole = load("lsp", "annotations_only/lsp")
    xy = whole.labels.xy[:, FLIP]
    people = replace(whole, labels=replace(whole.labels, xy=xy))
    assert "exchanged" in check_sides(people, True).problem
    across = xy[:, KEYPOINT["l_shoulder"], 0] - xy[:, KEYPOINT["r_shoulder"], 0]
    backs = across < 0
    xy[backs] = xy[backs][:, FLIP]
    assert "the sides of the picture" in check_sides(people, True).problem
    assert check_sides(people, False).problem == ""


@pytest.mark.parametrize(
    ("name", "folder"), [("lspet", "lspet"), ("flic", "annotations_only/flic")]
)
def test_a_sheet_is_drawn_with_and_without_pictures(load, tmp_path, name, folder) -> None:
    draw(load(name, folder), tmp_path / "sheet.png", count=6, cell=60)
    assert (tmp_path / "sheet.png").stat().st_size > 2000


def test_lsp_marks_occluded_joints_and_lspet_labelled_ones(load, data_dir) -> None:
    lsp = load("lsp", "annotations_only/lsp").labels
    assert lsp.labelled.all()
    assert 0.02 < 1 - lsp.visible.mean() < 0.1
    lspet = load("lspet", "lspet").labels
    joints = loadmat(data_dir / "lspet" / "joints.mat")["joints"]
    assert np.array_equal(lspet.labelled[:, KEYPOINT["l_hip"]], joints[3, 2] == 1)
    assert np.array_equal(lspet.visible, lspet.labelled)
    # pixels are counted from 1 in the file
    assert np.nanmax(np.abs(lspet.xy[:, KEYPOINT["r_ankle"]] - (joints[0, :2].T - 1))) == 0
    head = (joints[12, :2] + joints[13, :2]).T / 2 - 1
    both = (joints[12:14, 2] == 1).all(axis=0)
    assert np.array_equal(lspet.labelled[:, KEYPOINT["head"]], both)
    assert np.allclose(lspet.xy[both, KEYPOINT["head"]], head[both])


def test_parse_backs_get_their_own_sides_or_are_left_out(load, data_dir) -> None:
    points = loadmat(data_dir / "parse" / "labels.mat")["ptsAll"]
    exchanged = load("parse", "parse")
    dropped = load("parse", "parse", backs="drop")
    assert (exchanged.exchanged, dropped.exchanged) == (14, 0)
    right = KEYPOINT["r_wrist"]
    for number, joint in ((1, 6), (71, 11)):  # 71 shows a back: its right wrist is the 12th point
        found = exchanged.labels.xy[number - 1, right]
        assert np.allclose(found, points[joint, :, number - 1] - 1)
    assert dropped.problem[70] == "back"
    assert (dropped.problem == "back").sum() == 14
    assert exchanged.problem[82] == "sides"
    assert check_sides(dropped, True).problem != ""


def test_coco_heads_are_the_ears_or_the_face(load, data_dir) -> None:
    ears = load("coco", "annotations_only/coco").labels
    face = load("coco", "annotations_only/coco", head="face").labels
    content = json.loads(
        (data_dir / "annotations_only/coco/person_keypoints_val2017_single_2213.json").read_text()
    )
    points = np.array([one["keypoints"] for one in content["annotations"]]).reshape(-1, 17, 3)
    both_ears = (points[:, 3:5, 2] > 0).all(axis=1)
    assert np.array_equal(ears.labelled[:, 0], both_ears)
    assert np.allclose(ears.xy[both_ears, 0], points[both_ears, 3:5, :2].mean(axis=1))
    whole_face = (points[:, :3, 2] > 0).all(axis=1) & ~both_ears
    assert whole_face.any()
    assert np.allclose(face.xy[whole_face, 0], points[whole_face, :3, :2].mean(axis=1))
    assert np.array_equal(face.labelled[:, 0], both_ears | whole_face)
    limb = KEYPOINT["l_ankle"]
    assert np.array_equal(ears.labelled[:, limb], points[:, 15, 2] > 0)
    assert np.array_equal(ears.visible[:, limb], points[:, 15, 2] == 2)


def test_crowds_and_people_without_labels_are_named(load) -> None:
    reasons = load("coco", "coco/by").problem.tolist()
    assert reasons.count("crowd") == 3
    assert reasons.count("no_keypoints") == 30


def test_each_samples_points_are_where_its_file_has_them(load) -> None:
    """Positions copied by hand from the JSON files, 1 subtracted where they count from 1."""
    wanted = {
        ("aic", "mmpose_samples/aic"): (0, {
            "head": (383.5, 122), "r_shoulder": (313, 201), "l_wrist": (459, 269),
            "l_hip": (416, 441),
        }),
        ("crowdpose", "mmpose_samples/crowdpose"): (2, {
            "head": (413.5, 69.5), "r_wrist": (276, 163), "l_knee": (432, 419),
        }),
        ("jhmdb", "mmpose_samples/jhmdb"): (0, {
            "head": (99.914365, 78.770933), "r_ankle": (95.68488, 205.18226),
        }),
        ("ochuman", "mmpose_samples/ochuman"): (0, {
            "head": (363.0509, 190.9123), "l_elbow": (577, 287),
        }),
        ("mpii", "mmpose_samples/mpii"): (0, {
            "head": (971.5, 157), "r_wrist": (868, 213), "l_ankle": (882, 706),
        }),
        ("posetrack18", "mmpose_samples/posetrack18"): (1, {
            "head": (719.1492, 312.8375), "r_shoulder": (766, 369), "r_ankle": (672, 782.5),
        }),
    }  # fmt: skip
    for place, (row, points) in wanted.items():
        labels = load(*place).labels
        for name, xy in points.items():
            assert labels.xy[row, KEYPOINT[name]] == pytest.approx(xy, abs=0.001), (place, name)
    aic = load("aic", "mmpose_samples/aic").labels
    assert not aic.visible[0, KEYPOINT["l_shoulder"]]
    assert aic.labelled[0, KEYPOINT["l_shoulder"]]
    posetrack = load("posetrack18", "mmpose_samples/posetrack18")
    assert np.array_equal(posetrack.labels.visible, posetrack.labels.labelled)
    assert posetrack.person_id.tolist()[0] == 1003418000000
    assert posetrack.clip.tolist() == ["003418", "009473", "009473"]
    assert set(posetrack.split.tolist()) == {"val"}


def test_hourglass_files_have_the_positions_of_the_owners(load) -> None:
    listed = load("mpii", "mmpose_samples/mpii")
    whole = load("mpii", "annotations_only/mpii")
    row = list(whole.pictures).index("005808361.jpg")
    person = int(np.flatnonzero(whole.picture == row)[0])
    # the head is rounded down there, both ends of it
    body = [k for k in range(13) if KEYPOINT_NAMES[k] != "head"]
    assert np.allclose(whole.labels.xy[person, body], listed.labels.xy[0, body])
    assert np.abs(whole.labels.xy[person, 0] - listed.labels.xy[0, 0]).max() < 1
    flic = load("flic", "annotations_only/flic")
    legs = [KEYPOINT[f"{side}_{name}"] for side in "lr" for name in ("knee", "ankle")]
    assert not flic.labels.labelled[:, legs].any()
    assert flic.labels.labelled.sum(axis=1).tolist() == [9] * 1016
    assert flic.clip[0] == "12-oclock-high-special-edition"
    assert (flic.problem == "sides").sum() == 4
