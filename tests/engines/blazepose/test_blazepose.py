"""BlazePose on a real Kinect clip: stored figures, tracking, its process; regions and crops."""

from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import KincapError, MissingPartError
from kincap.engines.blazepose.regions import upright_region
from kincap.engines.detectors import make_detector
from kincap.engines.rotated_crop import Region, cut_region
from kincap.engines.teacher_process import MaskProcess, TeacherProcess
from kincap.engines.teachers import make_teacher

STORED_HEAD = np.array([876.97, 333.36])
"""In the first image of the clip, pixels."""


def _dot(at: tuple[float, float], size: tuple[int, int] = (400, 300)) -> np.ndarray:
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    grey = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * 4.0**2))
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.5, np.pi / 2])
@pytest.mark.parametrize("side", [90.0, 200.0, 700.0])
def test_a_turned_crop_shows_a_point_where_the_region_says(angle: float, side: float) -> None:
    at = (210.3, 140.6)
    region = Region(np.array([200.0, 150.0]), side, angle)
    crop = cut_region(_dot(at), region, 128)[..., 0].astype(float)
    rows, columns = np.mgrid[0:128, 0:128] + 0.5
    middle = np.array([(crop * columns).sum(), (crop * rows).sum()]) / crop.sum() / 128
    assert np.abs(region.to_image(middle) - at).max() < 0.2


def test_a_crop_outside_of_the_image_is_black() -> None:
    assert not cut_region(_dot((1, 1)), Region(np.array([900.0, 900.0]), 50), 32).any()


def test_a_region_is_upright_for_the_person() -> None:
    standing = upright_region(np.array([100.0, 100.0]), np.array([100.0, 60.0]))
    assert (standing.side_px, standing.angle) == (100.0, 0.0)
    lying = upright_region(np.array([100.0, 100.0]), np.array([140.0, 100.0]))
    # up in the crop is where the head is: right in the image
    assert np.allclose(lying.to_image(np.array([0.5, 0.0])), [150.0, 100.0])


@pytest.mark.parametrize("text", ["openpose", "blazepose:heavy", "onnx:", "onnx:nothing.onnx"])
def test_a_teacher_that_does_not_exist_is_refused_by_its_process(text: str) -> None:
    with pytest.raises(KincapError, match="--teacher|no such file") as caught:
        make_teacher(text)
    with pytest.raises(KincapError) as other:
        TeacherProcess(text)
    assert str(other.value) == str(caught.value)
    assert other.value.exit_code == 2


def test_missing_weights_are_exit_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINCAP_WEIGHTS", str(tmp_path))
    with pytest.raises(KincapError, match="kincap weights get blazepose") as caught:
        make_detector("blazepose")
    assert caught.value.exit_code == 3
    with pytest.raises(MissingPartError):
        make_teacher("blazepose")


def test_a_missing_library_is_exit_3_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPartError, match=r"blazepose: .* pip install 'kincap\[teacher\]'"):
        make_teacher("blazepose")


@pytest.fixture(scope="module")
def clip(data_dir: Path) -> list[np.ndarray]:
    """Return the first images of a real Kinect clip, un-mirrored, RGB."""
    import av

    path = data_dir / "ntu" / "S001C001P001R001A001_rgb.avi"
    if not path.is_file():
        pytest.skip(f"no {path}")
    images = []
    with av.open(str(path)) as video:
        for frame in video.decode(video=0):
            images.append(np.ascontiguousarray(frame.to_ndarray(format="rgb24")[:, ::-1]))
            if len(images) == 8:
                break
    return images


def test_the_person_of_a_real_clip_is_found_and_followed(
    clip: list[np.ndarray], teacher_weights: Path
) -> None:
    with TeacherProcess("blazepose") as teacher:
        poses = [teacher.follow(image) for image in clip]
        finding, cpu_s = poses[0], teacher.cpu_s
        assert finding is not None
        assert all(one is not None and one.score > 0.9 for one in poses)
        # following costs one pass of one net; finding begins with the detector
        teacher.begin()
        again = teacher.follow(clip[0])
        assert again is not None
        assert np.array_equal(again.keypoints_px, finding.keypoints_px)
        assert cpu_s > 0
        # a wrong range of the input hardly changes scores: a stored figure
        assert np.abs(finding.keypoints_px[0] - STORED_HEAD).max() < 0.6
        box = np.array([680.0, 300.0, 1090.0, 710.0])
        given = teacher.pose_in_box(clip[0], box)
        assert np.abs(given.keypoints_px - finding.keypoints_px).max() < 20
        (person,) = teacher.detect(clip[0])
        assert abs(person.bbox_xyxy_px[1] - finding.keypoints_px[0, 1]) < 8


def test_a_mask_covers_the_person_and_leaves_the_room(
    clip: list[np.ndarray], teacher_weights: Path
) -> None:
    with MaskProcess() as masks:
        mask = masks.mask(clip[0][300:720, 660:1080])
    assert mask.shape == (420, 420)
    assert mask[80:200, 190:240].mean() > 0.8
    assert mask[:, :100].mean() < 0.1
    assert mask[:, -100:].mean() < 0.1
