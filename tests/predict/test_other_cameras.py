"""Cameras that are not the sensor of the training: another view and exposure; mirrors; GIFs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINTS_13
from kincap.engines.detection import Detection
from kincap.engines.engine import Images
from kincap.predict.load_engine import load_pose_engine
from kincap.predict.outputs.gif_file import MOST_FRAMES, GifFile
from kincap.predict.sources.session_frames import SessionSource
from kincap.predict.tracks import Tracker
from kincap.train.checkpoint import load_checkpoint, save_checkpoint
from tests.predict.conftest import Waving


def frames(waving: Waving) -> Iterator[tuple[Images, np.ndarray]]:
    source = SessionSource(waving.session)
    for frame in source.frames():
        yield frame.image, frame.sensor[0].keypoints_px
    source.close()


@pytest.mark.parametrize("zoom", [0.65, 1.5])
def test_another_field_of_view_and_exposure_cost_little(waving: Waving, zoom: float) -> None:
    tracker = Tracker(load_pose_engine(waving.net, "cpu", "a test"))
    # a camera at another place, a little turned, and darker with a cast of colour
    view = np.array([[zoom, -0.04, 60.0], [0.04, zoom, 30.0]])
    right = []
    for number, (image, truth) in enumerate(frames(waving)):
        seen = cv2.warpAffine(image, view, (480, 360), flags=cv2.INTER_AREA)
        seen = np.clip(seen * [0.7, 0.65, 0.75] + 8, 0, 255).astype(np.uint8)
        there = truth @ view[:, :2].T + view[:, 2]
        box = np.concatenate([there.min(axis=0), there.max(axis=0)])
        (person,) = tracker.step(seen, number / 30, lambda box=box: [Detection(box, 1.0)])
        torso = np.hypot(*(there[1] - there[10]))
        right.append(np.hypot(*(person.keypoints_px - there).T) <= 0.2 * torso)
    assert np.mean(right) > 0.75


def test_exchanged_sides_are_asked_about_and_a_mirrored_video_becomes_a_gif(
    waving: Waving, tmp_path: Path
) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "12"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number, (image, _) in enumerate(frames(waving)):
            if number < 20:
                turned = np.ascontiguousarray(image[:, ::-1])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(turned, format="rgb24")))
        container.mux(stream.encode())
    checkpoint = load_checkpoint(waving.net)
    weights = {
        name: value[KEYPOINTS_13.flip.tolist()] if name.startswith("maps.") else value
        for name, value in checkpoint.weights.items()
    }
    # a net that tells sides by what they look like takes a mirror image so
    save_checkpoint(tmp_path / "other.ckpt", replace(checkpoint, weights=weights))
    words = ("predict", tmp_path / "a.mp4", "--detector", "box:106,57,108,132", "--weights")
    plain = waving.kincap(*words, tmp_path / "other.ckpt")
    turned = waving.kincap(*words, waving.net, "--mirrored", "--out", tmp_path / "a.gif")
    assert plain.returncode == turned.returncode == 0, plain.stderr + turned.stderr
    assert "use --mirrored" in plain.stdout + plain.stderr
    assert "use --mirrored" not in turned.stdout + turned.stderr
    with av.open(str(tmp_path / "a.gif")) as drawn:
        times = [frame.time for frame in drawn.decode(video=0)]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6], abs=0.02)


def test_a_long_gif_has_fewer_frames_and_its_whole_length(tmp_path: Path) -> None:
    gif = GifFile(tmp_path / "a.gif")
    for number in range(450):
        gif.write(np.full((30, 40, 3), number % 250, np.uint8), number / 10)
    gif.close()
    with av.open(str(tmp_path / "a.gif")) as drawn:
        times = [frame.time for frame in drawn.decode(video=0)]
    assert MOST_FRAMES / 2 <= len(times) < MOST_FRAMES
    assert times[-1] == pytest.approx(44.6, abs=0.6)
