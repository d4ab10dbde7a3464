"""A net of others beside ours: the same rows, constant offsets, whole images and boxes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import KEYPOINT, KEYPOINTS
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.format import Meta
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.engines.constant_offsets import fit_offsets
from kincap.engines.teacher_process import TeacherProcess
from kincap.sessions.reader import SessionReader
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.evaluation.teacher_poses import WholeImages, followed_poses
from kincap.train.finetune import finetune
from kincap.train.settings import TrainOptions
from tests.dataset.conftest import Body, Frame, Sessions
from tests.engines.onnx_nets import graphs

SIZE = 48
COCO = (3, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15)
PLACES = np.stack([np.linspace(-0.2, 0.2, 17), np.sin(np.arange(17)) / 5], axis=1)
"""Of the teacher's 17 keypoints, from the dot in the image, shares of the crop."""


def teacher_places() -> np.ndarray:
    places = PLACES[list(COCO)]
    places[0] = PLACES[3:5].mean(axis=0)
    return places


def dotted(count: int, seed: int, shift: np.ndarray) -> dict[str, np.ndarray]:
    """Return crops with a dot; labels are the teacher's keypoints, shifted by (13, 2) pixels."""
    rng = np.random.default_rng(seed)
    at = rng.integers(16, 32, (count, 2))
    images = np.zeros((count, SIZE, SIZE, 3), np.uint8)
    for image, (x, y) in zip(images, at, strict=True):
        image[y, x] = 255
    corner = rng.integers(0, 500, (count, 2)) - 0.5
    return {
        "images": images,
        "keypoints_px": (at[:, None] + SIZE * teacher_places() + shift).astype(np.float32),
        "visibility": np.full((count, KEYPOINTS), 2, np.uint8),
        "weight": np.ones((count, KEYPOINTS), np.float32),
        "bbox_xyxy_px": np.concatenate([corner, corner + 2 * SIZE], axis=1).astype(np.float32),
    }


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a data set, a checkpoint and a teacher."""
    folder = tmp_path_factory.mktemp("teacher")
    shift = np.random.default_rng(0).normal(0, 0.6, (KEYPOINTS, 2))
    shift[KEYPOINT["head"]] = (0, 9)
    parts = {"train": dotted(30, 1, shift), "val": dotted(20, 2, shift)}
    data = write_kinect13(folder / "kinect13.h5", parts)
    finetune(
        TrainOptions(
            data=data, out=folder / "net.ckpt", runs=folder / "runs", model="compact", width=0.25,
            size=32, steps=1, batch=8, device="cpu",
        ),
        None,
    )  # fmt: skip
    graphs.movenet(folder / "teacher.onnx", SIZE, PLACES)
    return folder


def test_the_row_is_measured_on_the_same_rows_and_again_with_offsets(work: Path) -> None:
    counts: list[tuple[int, int]] = []
    done = evaluate(
        EvaluateSettings(
            work / "net.ckpt", work / "kinect13.h5", device="cpu",
            teacher=f"onnx:{work / 'teacher.onnx'}", recordings=work, report=work / "report.html",
        ),
        on_batch=lambda *count: counts.append(count),
    )  # fmt: skip
    report = done.to_json()
    found = report["off_the_shelf"]
    assert found["left_out"].endswith("rows of public sets have no whole images")
    (row,) = found["rows"]
    assert row["how"] == "in the labels' boxes"
    assert row["pck"]["0.2"]["head"] == 0
    assert 0 < row["pck"]["0.1"]["all"] < 100
    assert row["fitted"]["pck"]["0.05"]["all"] == 100
    assert row["fitted"]["median_error_torso"] < 0.5
    assert row["missed"] == 0
    assert 0 < row["cpu_ms"] < 1000
    assert found["net_cpu_ms"] > 0
    behind = found["difference"]["with offsets"]["0.1"]["all"]["points"]
    assert behind == pytest.approx(report["pck"]["0.1"]["all"] - 100)
    assert any("with offsets" in line and "worse than" in line for line in report["conclusion"])
    assert counts[-1] == (50, 50)
    page = (work / "report.html").read_text()
    assert 'id="teacher"' in page
    assert page.count("teacher.onnx, in the labels&#x27; boxes + offsets") == 3


def test_a_teacher_that_is_missing_is_refused_before_anything_is_measured(work: Path) -> None:
    settings = EvaluateSettings(
        work / "net.ckpt", work / "kinect13.h5", teacher="onnx:nothing.onnx", device="cpu"
    )
    with pytest.raises(KincapError, match="nothing.onnx: no such file"):
        evaluate(settings, on_batch=lambda *_: pytest.fail("measured"))


def test_whole_images_are_those_of_the_session_and_followed_in_order(tmp_path: Path) -> None:

    def blob(x: int) -> bytes:
        image = np.zeros((240, 320, 3), np.uint8)
        # stored mirrored
        image[100:106, 319 - x - 3 : 319 - x + 3] = 255
        return encode_jpeg(image, 95)

    sessions = Sessions(tmp_path / "recordings")
    sessions("a", [Frame((Body(x=130 + n, y=112),), blob=blob(130 + n)) for n in range(40)])
    data = tmp_path / "kinect13.h5"
    build(BuildSettings(data, sessions.recordings, size=32, guard_s=0.0, workers=1))
    teacher_file = graphs.movenet(tmp_path / "teacher.onnx", 64)
    with (
        open_kinect13(data) as dataset,
        SessionReader(sessions.recordings / "a") as reader,
        TeacherProcess(f"onnx:{teacher_file}") as teacher,
    ):
        assert reader.info.mirrored
        rows = dataset.split("val")
        images = WholeImages(sessions.recordings, dataset.meta, ["a"])
        chosen = np.arange(len(rows))
        poses = followed_poses(teacher, images, rows, dataset.meta, chosen)
        images.close()
        middle = np.asarray(rows.color_seq, float) + 130 - 0.5
        assert len(rows) > 3
        assert np.abs(poses[..., 0] - middle[:, None]).max() < 4
        assert np.abs(poses[..., 1] - 102.5).max() < 4
        with pytest.raises(KincapError, match="no such session"):
            WholeImages(tmp_path, dataset.meta, ["a"])
    with pytest.raises(KincapError, match="another session"):
        WholeImages(sessions.recordings, replace_uuid(dataset.meta), ["a"])


def replace_uuid(meta: Meta) -> Meta:
    sources = [{**one, "uuid": "0"} for one in meta.sources]
    return replace(meta, sources=sources)


def test_offsets_need_some_trusted_labels() -> None:
    rng = np.random.default_rng(0)
    found = rng.uniform(0, 100, (30, 13, 2))
    labels = found.copy()
    labels[:, 2] += 7
    trusted = np.ones((30, 13), bool)
    trusted[9:, 2] = False
    found[25:] = np.nan
    offsets = fit_offsets(found, labels, trusted)
    assert not offsets.shares.any()
    assert offsets.poses[:3].tolist() == [25, 25, 9]
    trusted[9:12, 2] = True
    moved = fit_offsets(found, labels, trusted).apply(found[:25])
    assert np.abs((moved - labels[:25])[:, 2]).max() < 3
