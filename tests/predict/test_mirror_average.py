"""kincap predict --mirror-average: the mean over a crop and its mirror image."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINTS_13
from kincap.engines.engine import FollowingEngine
from kincap.engines.torch_engine import TorchFollowingEngine
from kincap.predict.load_engine import load_engine
from kincap.predict.mirror_average import averaged
from kincap.predict.predict import PredictSettings, predict
from kincap.predict.sources.session_frames import SessionSource
from kincap.train.checkpoint import Checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net
from tests.predict.conftest import Waving
from tests.predict.test_predict_command import BOX, poses_of, read_lines


def test_a_picture_and_its_mirror_image_have_the_same_pose(waving: Waving, tmp_path: Path) -> None:
    source = SessionSource(waving.session)
    x, y, width, height = (int(n) for n in BOX.removeprefix("box:").split(","))
    left = x + width // 2 - height // 2
    image = next(iter(source.frames())).image[y : y + height, left : left + height]
    source.close()
    cv2.imwrite(str(tmp_path / "0.png"), image[..., ::-1])
    cv2.imwrite(str(tmp_path / "1.png"), image[:, ::-1, ::-1])
    apart = {}
    for words in ((), ("--mirror-average",)):
        lines = tmp_path / f"{len(words)}.jsonl"
        done = waving.kincap(
            "predict", tmp_path / "*.png", "--weights", waving.net, "--poses", lines, *words
        )
        assert done.returncode == 0, done.stderr
        seen, turned = poses_of(read_lines(lines))
        turned = turned[KEYPOINTS_13.flip]
        turned[:, 0] = height - 1 - turned[:, 0]
        apart[len(words)] = np.abs(seen - turned)
    assert apart[0].max() > 2
    assert apart[1].max() < 1  # boxes are on whole pixels


def test_a_net_that_takes_the_pose_before_gets_that_one_mirrored_too(tmp_path: Path) -> None:
    net = build_net("compact-previous", 0.25, 32)
    path, mean = tmp_path / "net.ckpt", np.full((13, 2), 0.5, np.float32)
    made = Checkpoint(
        "compact-previous", 0.25, 32, dict(net.state_dict()), torch.from_numpy(mean), True
    )
    save_checkpoint(path, made)
    plain = load_engine(path, "cpu")
    assert isinstance(plain, TorchFollowingEngine)
    engine = averaged(plain, path)
    assert isinstance(engine, FollowingEngine)
    random = np.random.default_rng(3)
    crops = random.integers(0, 255, (2, 32, 32, 3), dtype=np.uint8)
    before = np.concatenate(
        [random.random((2, 13, 2)), np.ones((2, 13, 1))], axis=2, dtype=np.float32
    )
    turned = before[:, KEYPOINTS_13.flip] * np.float32([-1, 1, 1]) + np.float32([1, 0, 0])
    other = plain.poses_after(np.ascontiguousarray(crops[:, :, ::-1]), turned)
    back = other.coords[:, KEYPOINTS_13.flip] * np.float32([-1, 1]) + np.float32([1, 0])
    one = plain.poses_after(crops, before)
    both = engine.poses_after(crops, before)
    np.testing.assert_allclose(both.coords, (one.coords + back) / 2, atol=1e-5)
    turned_back = other.confidence[:, KEYPOINTS_13.flip]
    np.testing.assert_allclose(both.confidence, (one.confidence + turned_back) / 2, atol=1e-5)
    assert engine.poses_after(crops[:0], before[:0]).coords.shape == (0, 13, 2)


def test_a_net_of_whole_images_has_no_crop_to_mirror(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((64, 64, 3), np.uint8))
    net = build_net("transfer", 0.0625, 64)
    made = Checkpoint(
        "transfer", 0.0625, 64, dict(net.state_dict()),
        torch.from_numpy(np.full((13, 2), 0.5, np.float32)), True,
    )  # fmt: skip
    save_checkpoint(tmp_path / "net.ckpt", made)
    settings = PredictSettings(str(tmp_path / "a.png"), tmp_path / "net.ckpt", mirror_average=True)
    with pytest.raises(KincapError, match=r"^--mirror-average: .*net\.ckpt finds everyone"):
        predict(settings)
