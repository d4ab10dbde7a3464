"""Nets that find everyone in whole images, in use: ids, outputs, export, the commands."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kincap.api.net import load_net
from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINTS_13
from kincap.engines.onnx_engine import OnnxPoseEngine
from kincap.predict.audit import load_audit_net
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.predict.load_engine import load_engine, load_pose_engine
from kincap.predict.outputs.coco_results import CocoResults
from kincap.predict.outputs.drawing import draw_people
from kincap.predict.outputs.frame_poses import FramePoses
from kincap.predict.people.engine import PeopleEngine
from kincap.predict.people.tracker import PeopleTracker
from kincap.predict.predict import PredictSettings, predict
from kincap.predict.smoothing import PoseSmoother
from kincap.train.checkpoint import Checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net
from kincap.train.people.assembly import AssembledPeople
from kincap.train.people.find import FindSettings

K = len(KEYPOINTS_13)
UPRIGHT = np.array(
    [(0, 10), (-10, 25), (-22, 38), (-25, 55), (10, 25), (22, 38), (25, 55), (-7, 55), (-8, 75)]
    + [(-8, 95), (7, 55), (8, 75), (8, 95)],
    np.float32,
)


def nothing(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the maps of images without people."""
    height, width = (side // 8 for side in images.shape[1:3])
    return (
        np.zeros((len(images), K + 1, height, width), np.float32),
        np.zeros((len(images), 24, height, width), np.float32),
    )


def tracker(persons: int = 20) -> PeopleTracker:
    return PeopleTracker(PeopleEngine(nothing, FindSettings(64), KEYPOINTS_13.points), persons)


def found(*places: tuple[float, float], without: tuple[int, ...] = ()) -> AssembledPeople:
    """Return people who stand at places, the surest first; some keypoints were not found."""
    poses = np.stack([UPRIGHT + at for at in places]).astype(np.float32)
    confidence = np.full(poses.shape[:2], 0.8, np.float32)
    poses[:, list(without)] = np.nan
    confidence[:, list(without)] = 0
    return AssembledPeople(poses, confidence, np.full(len(places), 0.7, np.float32))


def test_ids_stay_with_people_who_cross_whatever_the_order_they_are_found_in() -> None:
    following, rng = tracker(), np.random.default_rng(2)
    ids = []
    for n in range(31):
        places = [(100.0 + 8 * n, 100.0), (340.0 - 8 * n, 130.0)]
        order = rng.permutation(2)
        people = following.follow(found(*(places[k] for k in order)), n / 30)
        head = {one.id: one.keypoints_px[0] for one in people}
        ids.append([min(head, key=lambda k, at=at: np.hypot(*(head[k] - at))) for at in places])
    assert ids[0] == ids[-1]
    assert {tuple(one) for one in ids if one != ids[0]} == set()


def test_a_person_who_is_hidden_for_a_moment_keeps_the_id_and_later_gets_another() -> None:
    following = tracker()
    first = following.follow(found((50, 50), (200, 50)), 0.0)
    assert [one.id for one in first] == [1, 2]
    assert [one.id for one in following.follow(found((200, 50)), 0.1)] == [2]
    assert [one.id for one in following.follow(found((52, 50), (200, 50)), 0.3)] == [1, 2]
    assert [one.id for one in following.follow(found((200, 50)), 1.0)] == [2]
    assert [one.id for one in following.follow(found((52, 50), (200, 50)), 1.9)] == [2, 3]
    assert len(tracker(persons=1).follow(found((50, 50), (200, 50)), 0.0)) == 1


def dressed(places: dict[tuple[float, float], tuple[int, int, int]]) -> np.ndarray:
    """Return an image of people in clothes of one colour each."""
    image = np.full((240, 480, 3), 90, np.uint8)
    for (x, y), colour in places.items():
        cv2.rectangle(image, (int(x) - 25, int(y)), (int(x) + 25, int(y) + 95), colour, -1)
    return image


def test_someone_who_was_hidden_for_long_is_known_by_the_clothes() -> None:
    red, blue, green = (200, 30, 30), (30, 30, 200), (30, 160, 30)
    left, behind, beside, right = (60.0, 50.0), (245.0, 45.0), (270.0, 45.0), (400.0, 50.0)
    middle = (240.0, 50.0)
    following = tracker()

    def ids(time_s: float, people: dict[tuple[float, float], tuple[int, int, int]]) -> list[int]:
        seen = following.follow(found(*people), time_s, dressed(people))
        place = {one.id: float(one.keypoints_px[0, 0]) for one in seen}
        return sorted(place, key=lambda one: place[one])

    assert ids(0.0, {left: red, middle: blue}) == [1, 2]
    assert ids(0.5, {middle: blue}) == [2]
    assert ids(2.5, {middle: blue}) == [2]
    assert ids(2.6, {behind: red, middle: blue})[0] == 2  # in part hidden: may have a new number
    assert ids(2.7, {beside: red, middle: blue})[0] == 2
    assert ids(3.2, {right: red, middle: blue}) == [2, 1]
    assert ids(3.3, {middle: blue}) == [2]
    newcomer = ids(5.0, {left: green, middle: blue})
    assert newcomer[1] == 2
    assert newcomer[0] not in (1, 2)  # in other clothes
    assert ids(9.0, {left: red, middle: blue})[0] != 1  # too long ago


def test_keypoints_that_were_not_found_are_null_in_every_output(tmp_path: Path) -> None:
    person = tracker().follow(found((60, 20), without=(0, 9)), 0.0)[0]
    frame = FramePoses(0, "", 0.0, (160, 130), (person,))
    line = json.loads(json.dumps(frame.to_json(), allow_nan=False))
    assert line["people"][0]["box_from"] == "net"
    keypoints = line["people"][0]["keypoints"]
    assert [k for k, at in enumerate(keypoints) if at is None] == [0, 9]
    assert line["people"][0]["confidence"][9] == 0
    results = CocoResults(tmp_path / "coco.json")
    results.add(frame)
    results.close()
    stored = json.loads((tmp_path / "coco.json").read_text())[0]
    assert stored["keypoints"][:3] == [0, 0, 0]
    assert stored["bbox"] == pytest.approx([35, 45, 50, 70])
    drawn = draw_people(np.full((130, 160, 3), 90, np.uint8), frame)
    assert (drawn != 90).any()
    assert (drawn[:15, :20] == 90).all()  # nothing at the place of a missing keypoint


def test_smoothing_goes_on_where_a_keypoint_comes_and_goes() -> None:
    smoother, pose = PoseSmoother(), UPRIGHT.astype(np.float64)
    hidden = pose.copy()
    hidden[3] = np.nan
    smoother.smooth(pose, 0.0)
    smoothed = smoother.smooth(hidden, 1 / 30)
    assert np.isnan(smoothed[3]).all()
    assert np.isfinite(np.delete(smoothed, 3, axis=0)).all()
    moved = pose + 30
    assert np.allclose(smoother.smooth(moved, 2 / 30)[3], moved[3])  # begins anew
    without_torso = pose.copy()
    without_torso[list(KEYPOINTS_13.torso_indices)] = np.nan
    assert np.isfinite(PoseSmoother().smooth(without_torso, 0.0)).any()


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small net with fresh weights whose maps are not all alike."""
    torch.manual_seed(1)
    net = build_net("transfer", 0.03, 64)
    state = {
        name: 3 * value if "heads" in name else value for name, value in net.state_dict().items()
    }
    path = tmp_path_factory.mktemp("people") / "people.ckpt"
    trained = {"sessions": []}
    save_checkpoint(
        path, Checkpoint("transfer", 0.03, 64, state, torch.full((K, 2), 0.5), True, trained)
    )
    return path


def test_an_exported_net_finds_the_same_and_predict_needs_no_detector(
    weights: Path, tmp_path: Path
) -> None:
    done = export_net(ExportNetSettings(weights, "onnx", out=tmp_path / "people.onnx"))
    assert done.difference <= 1e-4
    by_file = load_engine(tmp_path / "people.onnx")
    assert isinstance(by_file, PeopleEngine)
    meta = OnnxPoseEngine(tmp_path / "people.onnx").meta
    assert (meta["finds"], meta["size"]) == ("people", 64)
    by_torch = load_engine(weights, "cpu")
    rng = np.random.default_rng(0)
    for shape in ((48, 90, 3), (100, 64, 3)):
        image = cv2.resize(rng.integers(0, 255, (6, 8, 3), np.uint8), shape[1::-1])
        one, other = by_file.people(image), by_torch.people(image)
        np.testing.assert_allclose(one.keypoints_px, other.keypoints_px, atol=1e-2)
    cv2.imwrite(str(tmp_path / "picture.png"), image)
    lines = tmp_path / "poses.jsonl"
    ran = predict(
        PredictSettings(str(tmp_path / "picture.png"), done.out, detector="whole", poses=lines)
    )
    unused, no_one = ran.notes
    assert unused == "--detector whole is not used: this net finds people in whole images"
    assert no_one.startswith("no one was found: this net may not know")
    assert json.loads(lines.read_text())["size"] == [64, 100]


def test_what_needs_crops_refuses_a_net_of_whole_images(
    kincap: Callable[..., subprocess.CompletedProcess[str]], weights: Path, tmp_path: Path
) -> None:
    for use in (load_net, load_audit_net):
        with pytest.raises(KincapError, match="finds everyone in whole images"):
            use(weights)
    with pytest.raises(KincapError, match="--end-to-end needs a net of crops"):
        load_pose_engine(weights, "cpu", "--end-to-end")
    with pytest.raises(KincapError, match="exported with --format onnx"):
        export_net(ExportNetSettings(weights, "torchscript", out=tmp_path / "net.pt"))
    refused = kincap("evaluate", weights, "--sheet", tmp_path / "sheet.png")
    assert refused.returncode == 2
    assert "--sheet: not with" in refused.stderr
