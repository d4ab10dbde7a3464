"""Crops of people: Table 2 of Linna et al., squares, pictures of every kind, the check figures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.public.build import build_public
from kincap.dataset.public.person_crops import best_detections, crops_of, truth_boxes

from .conftest import SIZE_PX, DrawnPerson

BOX = np.array([[0.0, 0.0, 100.0, 100.0]])
WIDE = np.array([[200, 200]])


def shifted(iou: float) -> np.ndarray:
    """Return a box of BOX's size whose IoU with BOX is the one asked for."""
    by = 100 * (1 - iou) / (1 + iou)
    return BOX + [by, 0, by, 0]


@pytest.mark.parametrize(
    ("iou", "training", "kinds"),
    [
        (0.9, True, "B"), (0.71, True, "B"), (0.69, True, "BG"), (0.51, True, "BG"),
        (0.49, True, "G"), (0.0, True, "G"),
        (0.9, False, "B"), (0.6, False, "B"), (0.49, False, "G"),
    ],
)  # fmt: skip
def test_which_boxes_a_person_yields(iou: float, training: bool, kinds: str) -> None:
    best, overlap = best_detections(BOX, WIDE, [shifted(iou)])
    assert overlap[0] == pytest.approx(iou, abs=0.01)
    found = crops_of(BOX, best, overlap, np.array([training]))
    assert found.person.tolist() == [0] * len(kinds)
    wanted = {"B": round(float(shifted(iou)[0, 0])), "G": 0}
    for kind, (x0, _, side) in zip(kinds, found.placed.tolist(), strict=True):
        assert side in (100, 101)
        assert abs(x0 - wanted[kind]) <= 1


@pytest.mark.parametrize("overlap", [0.5, 0.7])
def test_the_borders_belong_to_the_middle_row(overlap: float) -> None:
    found = crops_of(BOX, shifted(overlap), np.array([overlap]), np.array([True]))
    assert len(found.person) == 2


def test_the_truth_is_clipped_for_the_iou_only_and_the_best_detection_is_taken() -> None:
    truth = np.array([[-50.0, 0, 50, 100]])
    inside = np.array([[-0.5, 0, 50, 100]])
    best, overlap = best_detections(truth, WIDE, [np.concatenate([BOX + 60, inside])])
    assert overlap[0] == pytest.approx(1)
    assert np.array_equal(best, inside)
    # a person without a detection, and one whose label is a single point
    best, overlap = best_detections(truth, WIDE, [np.zeros((0, 4))])
    assert overlap[0] == 0
    assert crops_of(truth, best, overlap, np.array([False])).placed[0, 2] in (100, 101)
    point = truth_boxes(np.full((1, 13, 2), 7.0), np.eye(13, dtype=bool)[:1])
    assert np.allclose(point, [[6.4, 6.4, 7.6, 7.6]])


def test_detections_of_a_file_make_the_boxes(people_folder, settings, tmp_path: Path) -> None:
    """Three people in training: a detection that fits, one that half fits, and none."""
    names = [f"{k}.png" for k in range(4)]
    people_folder(*(DrawnPerson(name, x=55 + k) for k, name in enumerate(names)))
    listed = [
        {"file_name": "0.png", "bbox": [19.5, 14.5, 72, 72], "score": 0.9},
        {"file_name": "1.png", "bbox": [2, 14.5, 72, 72], "set": "people"},
        {"file_name": "3.png", "bbox": [23, 14.5, 72, 72]},
        {"file_name": "other.png", "bbox": [0, 0, 5, 5]},
    ]
    (tmp_path / "found.json").write_text(json.dumps(listed))
    val = {"val": "people/val", "boxes": str(tmp_path / "found.json")}
    people_folder(*(DrawnPerson(name, x=55 + k, split="val" if k == 3 else "train")
                    for k, name in enumerate(names)))  # fmt: skip
    done = build_public(settings(**val))
    assert done.rows == {"train": 4, "val": 1}
    assert done.boxes_per_person == pytest.approx(4 / 3, abs=1e-4)
    assert 1 <= done.sets["people"]["boxes_per_person"] <= 2
    with open_kinect13(tmp_path / "set.h5") as dataset:
        rows = dataset.split("train")
        assert rows.color_seq.tolist() == [0, 1, 1, 2]
        assert rows.bbox_xyxy_px[:2].tolist() == [[19.5, 14.5, 91.5, 86.5], [1.5, 14.5, 73.5, 86.5]]
        assert dataset.meta.sources[0]["boxes_sha256"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{}", "expected a list"),
        ('[{"bbox": [1, 2, 3, 4]}]', "no 'file_name'"),
        ('[{"file_name": "0.png"}]', "bbox: not a list"),
        ('[{"file_name": "0.png", "bbox": [1, 2, 0, 4]}]', "bbox of 0 x 4"),
        ('[{"file_name": "x.png", "bbox": [1, 2, 3, 4]}]', "no detection is on a picture"),
    ],
)
def test_a_file_of_detections_that_is_none(
    people_folder, settings, tmp_path, content, words
) -> None:
    people_folder(*(DrawnPerson(f"{k}.png") for k in range(5)))
    (tmp_path / "found.json").write_text(content)
    with pytest.raises(DatasetError, match="--boxes") as caught:
        build_public(settings(boxes=str(tmp_path / "found.json")))
    assert words in str(caught.value)
    assert not (tmp_path / "set.h5").exists()


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
@pytest.mark.parametrize("margin", [1.0, 1.5])
def test_a_crop_shows_each_keypoint_where_the_row_has_it(
    people_folder, settings, tmp_path: Path, suffix: str, margin: float
) -> None:
    people_folder(*(DrawnPerson(f"{k}{suffix}", x=30 + 9 * k) for k in range(6)))
    build_public(settings(size=80, margin=margin))
    with open_kinect13(tmp_path / "set.h5") as dataset:
        for name in dataset.splits:
            rows = dataset.split(name)
            images = rows.images(np.arange(len(rows)))
            for image, points, box in zip(
                images, rows.keypoints_px, rows.bbox_xyxy_px, strict=True
            ):
                check_disks(image, points, box)


def check_disks(image: np.ndarray, points: np.ndarray, box: np.ndarray) -> None:
    """Find the white disk at each keypoint, to half a pixel of the picture."""
    scale = image.shape[0] / (box[2] - box[0])
    white = (image.min(axis=-1) > 200).astype(np.uint8)
    _, _, _, middles = cv2.connectedComponentsWithStats(white)
    for corner in points[:4]:
        if not (corner > 3).all() or not (corner < image.shape[0] - 4).all():
            continue
        assert np.linalg.norm(middles[1:] - corner, axis=1).min() < 0.8 * max(scale, 1)


def test_grey_and_turned_pictures_are_read_as_their_pixels_are_stored(
    people_folder, settings, tmp_path: Path
) -> None:
    people_folder(*(DrawnPerson(f"{k}.jpg") for k in range(6)))
    folder = tmp_path / "people"
    grey = cv2.imread(str(folder / "0.jpg"), cv2.IMREAD_GRAYSCALE)
    assert cv2.imwrite(str(folder / "0.jpg"), grey)
    # EXIF: turn by 90 degrees; positions belong to the pixels as they are stored
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    raw = (folder / "1.jpg").read_bytes()
    turned = raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + raw[2:]
    (folder / "1.jpg").write_bytes(turned)
    done = build_public(settings())
    assert done.kept == 6
    with open_kinect13(tmp_path / "set.h5") as dataset:
        for name in dataset.splits:
            rows = dataset.split(name)
            for index, box in enumerate(rows.bbox_xyxy_px):
                check_disks(rows.images([index])[0], rows.keypoints_px[index], box)
    assert SIZE_PX == (120, 100)
