"""Build from the simulator, where the truth is known: keypoints, and text that reads rightly."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.simulator import open_simulator, room_image
from kincap.capture.simulator.wall_things import sign_picture
from kincap.core.geometry import crop_to_image, unmirror_points
from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13 import Kinect13, open_kinect13

WIDTH = 1920
FRAMES = 60
OPTIONS = {"outfit": "2", "seed": "2", "fps": "5", "frames": str(FRAMES), "noise": "0"}
SIZE = 448


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


def test_text_in_the_room_reads_rightly_in_the_crops(dataset: Kinect13) -> None:
    room = cv2.cvtColor(room_image(0, mirrored=False), cv2.COLOR_BGR2GRAY)
    x0, y0, x1, y1 = find_sign(room, sign_picture(0))
    right, wrong = [], []
    for name in dataset.splits:
        rows = dataset.split(name)
        for row in range(len(rows)):
            box = rows.bbox_xyxy_px[row]
            if x0 < box[0] + 4 or y0 < box[1] + 4 or x1 > box[2] - 4 or y1 > box[3] - 4:
                continue
            crop = cv2.cvtColor(rows.images([row])[0], cv2.COLOR_RGB2GRAY)
            left, top = ((np.array([x0, y0]) - box[:2]) * dataset.size / (box[2] - box[0])).round()
            across, down = (
                (np.array([x1 - x0, y1 - y0])) * dataset.size / (box[2] - box[0])
            ).astype(int)
            seen = crop[int(top) : int(top) + down, int(left) : int(left) + across]
            sign = cv2.resize(room[y0:y1, x0:x1], (across, down), interpolation=cv2.INTER_AREA)
            right.append(correlation(seen, sign))
            wrong.append(correlation(seen, sign[:, ::-1]))
    assert len(right) >= 5
    # a hand may cover the sign in some frame: most must show it whole
    assert np.median(right) > 0.9
    assert np.median(wrong) < 0.5


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
    """Correlate two grey pictures of one size."""
    return float(np.corrcoef(seen.ravel(), expected.ravel())[0, 1])
