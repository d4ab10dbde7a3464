"""Build from the simulator, where the truth is known: keypoints, and text that reads rightly."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.simulator.scenery.wall_things import sign_image
from kincap.capture.simulator.sensor import open_simulator
from kincap.core.geometry import image_to_crop, unmirror_points
from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import Kinect13, open_kinect13
from tests.capture.simulator.rooms import room_image

from .conftest import Body, Frame, Sessions, crop_to_image

WIDTH = 1920
FRAMES = 60
OPTIONS = {"outfit": "2", "seed": "2", "fps": "5", "frames": str(FRAMES), "noise": "0"}
SIZE = 448
ROOM = 146
"""Its sign says ROOM 247: letters and digits that differ from their mirror images."""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of one simulated take, without noise on its joints."""
    folder = tmp_path_factory.mktemp("simulated")
    source = "simulator:pace=fast," + ",".join(f"{key}={value}" for key, value in OPTIONS.items())
    settings = RecordSettings(session="sim", recordings=folder / "recordings", source=source)
    assert record(settings).color_frames == FRAMES
    build(BuildSettings(out=folder / "sim.h5", recordings=folder / "recordings", size=SIZE))
    return folder / "sim.h5"


@pytest.fixture
def dataset(simulated: Path):
    """That data set, open."""
    with open_kinect13(simulated) as opened:
        yield opened


def test_every_keypoint_put_back_through_its_box_is_the_truth(dataset: Kinect13) -> None:
    sensor = open_simulator({**OPTIONS, "pace": "fast"})
    rows_seen = 0
    for name in dataset.splits:
        rows = dataset.split(name)
        back = crop_to_image(rows.keypoints_px, rows.bbox_xyxy_px, dataset.size)
        for row, seq in enumerate(rows.color_seq.tolist()):
            truth = sensor.truth(seq, "bodies").joint_color_px[0][KEYPOINT_JOINT]
            apart = np.linalg.norm(back[row] - unmirror_points(truth, WIDTH), axis=-1)
            assert apart[rows.weight[row] > 0].max() < 1.0
            rows_seen += 1
    sensor.close()
    assert rows_seen > FRAMES / 2


def test_what_is_behind_the_person_is_the_room_unmirrored(dataset: Kinect13) -> None:
    grey = [cv2.cvtColor(room_image(0, mirrored=m), cv2.COLOR_BGR2GRAY) for m in (False, True)]
    checked = 0
    for name in dataset.splits:
        rows = dataset.split(name)
        for row in range(len(rows)):
            box = rows.bbox_xyxy_px[row]
            seen = cv2.cvtColor(rows.images([row])[0], cv2.COLOR_RGB2GRAY)
            beside = columns_beside(rows.keypoints_px[row], dataset.size)
            if len(beside) < dataset.size / 8:
                continue
            checked += 1
            right, wrong = (
                correlation(seen[:, beside], part_of_room(room, box, dataset.size)[:, beside])
                for room in grey
            )
            assert right > 0.9
            assert wrong < 0.5
    assert checked >= 5


def test_joints_at_colour_time_are_nearer_to_the_truth_than_the_nearest_body(
    tmp_path: Path,
) -> None:
    options = {"seed": "3", "frames": "90", "noise": "0.002", "pace": "fast"}
    source = "simulator:" + ",".join(f"{key}={value}" for key, value in options.items())
    recordings = tmp_path / "recordings"
    record(RecordSettings(session="sim", recordings=recordings, source=source))
    sensor = open_simulator(options)
    errors, residuals = {}, {}
    for joints_at in ("nearest", "color"):
        out = tmp_path / f"{joints_at}.h5"
        settings = BuildSettings(out=out, recordings=recordings, joints_at=joints_at, size=64)
        build(settings)
        with open_kinect13(out) as dataset:
            rows = dataset.split("train")
            back = crop_to_image(rows.keypoints_px, rows.bbox_xyxy_px, 64)
            truth = [sensor.truth(seq).joint_color_px[0] for seq in rows.color_seq.tolist()]
            true = unmirror_points(np.stack(truth)[:, KEYPOINT_JOINT], WIDTH)
            moves = np.linalg.norm(back - true, axis=-1)[1:]
            errors[joints_at] = moves[rows.weight[1:] > 0]
            residuals[joints_at] = rows.pair_residual_ms
            interpolated = rows.quality >> dataset.meta.quality_bits["quality"]["interpolated"] & 1
            # the first frame comes before the first body row
            assert interpolated.tolist() == [0] + [int(joints_at == "color")] * (len(rows) - 1)
            assert f'joints_at = "{joints_at}"' in dataset.meta.settings
    sensor.close()
    assert (residuals["nearest"] > 1).all()
    assert (residuals["color"][1:] == 0).all()
    assert residuals["color"][0] == residuals["nearest"][0]
    assert errors["color"].mean() < errors["nearest"].mean() / 4


def columns_beside(points: np.ndarray, size: int) -> np.ndarray:
    """Columns of a crop that are not near any keypoint: nothing of the person is there."""
    apart = np.abs(np.arange(size)[:, None] - points[:, 0]).min(axis=1)
    return np.flatnonzero(apart > size / 8)


def test_text_reads_rightly_in_the_crops(tmp_path: Path) -> None:
    room = cv2.cvtColor(room_image(ROOM, mirrored=False), cv2.COLOR_BGR2GRAY)
    x0, y0, x1, y1 = find_sign(room, sign_image(ROOM))
    # joints that are said to lie around the sign, so that the crop shows it whole and large
    sessions = Sessions(tmp_path / "recordings", size_px=(WIDTH, 1080))
    blob = encode_jpeg(room_image(ROOM, mirrored=True))
    near = Body(x=(x0 + x1) / 2 + 20, y=(y0 + y1) / 2 + 40, height=200)
    sessions("train1", [Frame((near,), blob=blob)])
    sessions("val1", [Frame((near,), blob=blob)])
    out = tmp_path / "text.h5"
    build(BuildSettings(out=out, recordings=sessions.recordings, val="val1", workers=1))
    with open_kinect13(out) as dataset:
        rows = dataset.split("train")
        box = rows.bbox_xyxy_px[0]
        corners = image_to_crop([[x0, y0], [x1, y1]], box, dataset.size).round().astype(int)
        place = np.s_[corners[0, 1] : corners[1, 1], corners[0, 0] : corners[1, 0]]
        seen = cv2.cvtColor(rows.images([0])[0], cv2.COLOR_RGB2GRAY)[place]
        drawn = part_of_room(room, box, dataset.size)[place]
    assert correlation(seen, drawn) > 0.9
    assert correlation(seen, drawn[:, ::-1]) < 0.5


def part_of_room(room: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Cut a box out of the un-mirrored room, black outside of it."""
    x0, y0, x1, y1 = (box + 0.5).round().astype(int)
    far = 2000
    wide = cv2.copyMakeBorder(room, far, far, far, far, cv2.BORDER_CONSTANT)
    part = wide[y0 + far : y1 + far, x0 + far : x1 + far]
    how = cv2.INTER_AREA if x1 - x0 > size else cv2.INTER_LINEAR
    return cv2.resize(part, (size, size), interpolation=how)


def find_sign(room: np.ndarray, sign: np.ndarray) -> tuple[int, int, int, int]:
    """Find the sign with the room's number in the un-mirrored room; its letters, pixels."""
    best = (0.0, (0, 0), (0, 0))
    letters = cv2.cvtColor(sign[20:90, 15:315], cv2.COLOR_BGR2GRAY)
    for width in range(80, 130, 2):
        part = cv2.resize(letters, (width, width * 70 // 300), interpolation=cv2.INTER_AREA)
        found = cv2.matchTemplate(room, part, cv2.TM_CCOEFF_NORMED)
        _, score, _, at = cv2.minMaxLoc(found)
        if score > best[0]:
            best = (score, at, (part.shape[1], part.shape[0]))
    score, (x, y), (width, height) = best
    assert score > 0.8
    return x, y, x + width, y + height


def correlation(seen: np.ndarray, expected: np.ndarray) -> float:
    """Correlate what is fine in two grey pictures: edges and letters, not light and shade."""
    fine = [
        p - cv2.GaussianBlur(p, (0, 0), 4) for p in (seen.astype(float), expected.astype(float))
    ]
    return float(np.corrcoef(fine[0].ravel(), fine[1].ravel())[0, 1])
