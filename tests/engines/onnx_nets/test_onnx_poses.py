"""Pose nets of others in ONNX files: each layout recognised, keypoints where the image has them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from kincap.core.errors import KincapError
from kincap.engines.onnx_nets.onnx_teacher import OnnxTeacher
from kincap.engines.teacher_process import TeacherProcess

from . import graphs

LAYOUTS: dict[str, Callable[[Path], Path]] = {
    "movenet": graphs.movenet,
    "simcc": graphs.simcc,
    "yolo-pose": graphs.yolo_pose,
}
AT = np.array([101.0, 83.0])


def image_with_dot(at: np.ndarray = AT) -> np.ndarray:
    image = np.zeros((180, 240, 3), np.uint8)
    x, y = at.astype(int)
    image[y - 3 : y + 4, x - 3 : x + 4] = 120
    image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return image


@pytest.mark.parametrize("layout", LAYOUTS)
def test_keypoints_are_where_the_image_has_them(layout: str, tmp_path: Path) -> None:
    teacher = OnnxTeacher(str(LAYOUTS[layout](tmp_path / "net.onnx")))
    box = np.array([60.0, 50.0, 140.0, 130.0])
    pose = teacher.pose_in_box(image_with_dot(), box)
    assert pose.keypoints_px.shape == (13, 2)
    assert np.abs(pose.keypoints_px - AT).max() < 1.7
    assert pose.confidence.min() > 0.4
    assert teacher.cpu_s > 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_person_is_followed_in_whole_images(layout: str, tmp_path: Path) -> None:
    path = LAYOUTS[layout](tmp_path / "net.onnx")
    teacher = OnnxTeacher(f"{layout}:{path}")
    for step in range(3):
        at = AT + step
        pose = teacher.follow(image_with_dot(at))
        assert pose is not None
        assert np.abs(pose.keypoints_px - at).max() < 4


def test_finished_people_of_yolo(tmp_path: Path) -> None:
    teacher = OnnxTeacher(str(graphs.yolo_pose(tmp_path / "net.onnx", finished=True)))
    pose = teacher.follow(image_with_dot())
    assert pose is not None
    assert np.abs(pose.keypoints_px - AT).max() < 4
    assert pose.score == pytest.approx(0.9)


def test_a_teacher_whose_process_is_killed_says_so(tmp_path: Path) -> None:
    path = graphs.movenet(tmp_path / "net.onnx")
    before = set(psutil.Process().children())
    with TeacherProcess(f"onnx:{path}") as teacher:
        assert teacher.follow(image_with_dot()) is not None
        (process,) = set(psutil.Process().children()) - before
        process.kill()
        with pytest.raises(KincapError, match="its process ended with -9") as caught:
            teacher.follow(image_with_dot())
    assert caught.value.exit_code == 1


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KincapError, match="no such file"):
        OnnxTeacher(str(tmp_path / "nothing.onnx"))
    with pytest.raises(KincapError, match="write onnx:FILE"):
        OnnxTeacher("")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(KincapError, match="not an ONNX model"):
        OnnxTeacher(str(tmp_path / "text.onnx"))
    path = graphs.movenet(tmp_path / "net.onnx")
    with pytest.raises(KincapError, match="that is not simcc"):
        OnnxTeacher(f"simcc:{path}")
    detector = graphs.faster_rcnn(tmp_path / "detector.onnx", np.zeros((1, 4)), [1])
    with pytest.raises(KincapError, match="expected the outputs of one of movenet, simcc"):
        OnnxTeacher(str(detector))
