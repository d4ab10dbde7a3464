"""Blurred faces: whole, irreversible, of everybody who is known, and nothing else."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINT, KEYPOINT_JOINT, KEYPOINTS_13, Skeleton
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.faces.blur import FaceBlur, blur_disks
from kincap.dataset.faces.regions import face_disks
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from tests.dataset.conftest import Body, Frame, Sessions
from tests.dataset.faces.face_blur import of_scene

HEAD = KEYPOINT["head"]
NOISE = np.random.default_rng(0).integers(0, 256, (100, 120, 3), dtype=np.uint8)


def standing() -> np.ndarray:
    """Return (1, 13, 2): an adult of 190 pixels."""
    body = Body(x=100, y=100, height=100)
    return body.joints_px()[KEYPOINT_JOINT][None]


def disk(points: np.ndarray, visibility: np.ndarray) -> np.ndarray:
    return face_disks(points, visibility, np.array([200.0]), KEYPOINTS_13)[0]


def test_a_head_that_is_guessed_or_missing_gets_a_larger_disk() -> None:
    points, seen = standing(), np.full((1, 13), 2, np.uint8)
    tracked = disk(points, seen)
    assert tracked[:2] == pytest.approx(points[0, HEAD])
    seen[0, HEAD] = 1
    guessed = disk(points, seen)
    assert guessed[2] > 1.5 * tracked[2]
    seen[0, HEAD] = 0
    points[0, HEAD] = (-1, -1)
    missing = disk(points, seen)
    assert missing[2] > guessed[2]
    # it covers where the head would be tracked
    assert np.linalg.norm(missing[:2] - tracked[:2]) + tracked[2] < missing[2]
    seen[0, [KEYPOINT["r_hip"], KEYPOINT["l_hip"]]] = 0
    without_hips = disk(points, seen)
    assert np.linalg.norm(without_hips[:2] - tracked[:2]) + tracked[2] < without_hips[2]
    seen[0, [KEYPOINT["r_shoulder"], KEYPOINT["l_shoulder"]]] = 0
    assert np.isnan(disk(points, seen)).any()


def test_a_person_seen_from_the_side_or_bent_down_keeps_a_large_disk() -> None:
    points, seen = standing(), np.full((1, 13), 2, np.uint8)
    tracked = disk(points, seen)[2]
    aside, bent = points.copy(), points.copy()
    aside[..., 0] = 100  # from the side: no width
    bent[0, HEAD] = points[0, [KEYPOINT["r_shoulder"], KEYPOINT["l_shoulder"]]].mean(axis=0)
    assert disk(aside, seen)[2] > 0.75 * tracked
    assert disk(bent, seen)[2] > 0.75 * tracked


def test_what_is_in_a_disk_is_gone_and_the_rest_is_as_it_was() -> None:
    image = NOISE.copy()
    blur_disks(image, np.array([[60.0, 50.0, 20.0], [-30.0, 50.0, 5.0], [5.0, 5.0, 12.0]]))
    y, x = np.mgrid[:100, :120]
    inside = (x - 60) ** 2 + (y - 50) ** 2 <= 400
    inside |= (x - 5) ** 2 + (y - 5) ** 2 <= 144
    assert np.array_equal(image[~inside], NOISE[~inside])
    # two pictures with the same averages look the same: nothing of the detail is left
    assert image[inside].std() < 0.2 * NOISE[inside].std()
    assert np.corrcoef(image[inside].ravel(), NOISE[inside].ravel())[0, 1] < 0.3
    nowhere = NOISE.copy()
    blur_disks(nowhere, np.array([[np.nan, np.nan, np.nan]]))
    assert nowhere.std() < 0.2 * NOISE.std()


@pytest.fixture(scope="module")
def two_people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of frames with two people each."""
    folder = tmp_path_factory.mktemp("faces")
    made = Sessions(folder / "recordings")
    people = (Body(x=130, slot=1), Body(x=190, slot=4, depth_m=2.6))
    frames = [Frame(tuple(people)) for _ in range(6)]
    made("train1", frames)
    made("val1", frames)
    build(BuildSettings(out=folder / "set.h5", recordings=made.recordings, size=96, workers=1,
                        val="val*", bodies="all", margin=1.0))  # fmt: skip
    return folder / "set.h5"


def test_exported_pictures_have_no_face_of_anybody(two_people: Path) -> None:
    plain, blurred = (two_people.with_name(name) for name in ("plain", "blurred"))
    export(ExportSettings(two_people, "csv", plain, pictures="png"))
    export(ExportSettings(two_people, "csv", blurred, pictures="png", blur_faces=True))
    assert (plain / "labels.csv").read_bytes() == (blurred / "labels.csv").read_bytes()
    assert json.loads((blurred / "kincap-export.json").read_text())["blurred_faces"] is True
    with open_kinect13(two_people) as data:
        split = data.split("val")
        faces = FaceBlur(data)
        names = sorted(path.name for path in (blurred / "images" / "val").iterdir())
        assert len(names) == len(split) == 12
        row = 0
        disks = faces.disks(split, row)
        assert len(disks) == 2
        image = split.images([row])
        done = faces.blurred(split, np.array([row]), image)[0]
        y, x = np.mgrid[:96, :96]
        inside = np.zeros((96, 96), bool)
        for at_x, at_y, radius in disks:
            inside |= (x - at_x) ** 2 + (y - at_y) ** 2 <= radius**2
        changed = (done != image[0]).any(axis=-1)
        assert not changed[~inside].any()
        head = split.keypoints_px[row, HEAD].round().astype(int)
        assert changed[head[1], head[0]]
    stored = cv2.imread(str(blurred / "images" / "val" / names[0]))
    before = cv2.imread(str(plain / "images" / "val" / names[0]))
    assert (stored != before).any()


def test_report_and_sheet_are_blurred_and_the_data_set_is_not(two_people: Path) -> None:
    folder = two_people.parent
    settings = BuildSettings(out=folder / "again.h5", recordings=folder / "recordings", size=96,
                             workers=1, val="val*", bodies="all", blur_faces=True)  # fmt: skip
    build(settings)
    assert settings.out.read_bytes() == two_people.read_bytes()
    for ending in (".png", ".html"):
        name = settings.out.name + ending
        assert (folder / name).read_bytes() != (folder / (two_people.name + ending)).read_bytes()
    about = json.loads((folder / "again.h5.json").read_text())
    assert about["blur_faces"] is True
    assert "blur" not in about["command"]


def test_keypoints_without_a_head_are_refused(tmp_path: Path) -> None:
    arms = Skeleton("arms-2", ("r_wrist", "l_wrist"), (("r_wrist", "l_wrist"),))
    rows = {"images": np.zeros((1, 32, 32, 3), np.uint8), "keypoints_px": np.zeros((1, 2, 2))}
    path = write_kinect13(tmp_path / "arms.h5", {"train": rows}, skeleton=arms)
    with open_kinect13(path, arms) as data, pytest.raises(DatasetError, match="have no head"):
        FaceBlur(data)


def test_true_faces_of_simulated_people_are_covered(tmp_path: Path) -> None:
    found = of_scene(tmp_path, "fps=1", 8, seed=4, jobs=1)
    assert found.heads > 8
    assert found.covered >= 0.99 * found.heads
    assert found.others_covered == found.others
    # a disk, not half of the picture
    assert found.area < 4
