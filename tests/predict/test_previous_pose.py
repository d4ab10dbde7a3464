"""A net that takes the pose of the frame before: followed people, and no export."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import KincapError
from kincap.engines.crop import cut_crops, to_image
from kincap.engines.detection import Detection
from kincap.engines.torch_engine import TorchFollowingEngine
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.predict.load_engine import load_engine
from kincap.predict.tracks import FROM_DETECTOR, FROM_TRACK, Tracker
from kincap.train.checkpoint import Checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Return a checkpoint with weights that heed the pose of the frame before."""
    torch.manual_seed(5)
    net = build_net("compact-previous", 0.25, 32)
    torch.nn.init.normal_(net.get_parameter("before.2.weight"), std=0.3)
    torch.nn.init.normal_(net.get_parameter("maps.weight"), std=5)
    path, mean = tmp_path / "net.ckpt", torch.full((13, 2), 0.5)
    made = Checkpoint("compact-previous", 0.25, 32, dict(net.state_dict()), mean, True)
    save_checkpoint(path, made)
    return path


def test_a_followed_person_is_found_from_the_pose_before(weights: Path) -> None:
    notes: list[str] = []
    engine = load_engine(weights, "cpu", notes)
    assert isinstance(engine, TorchFollowingEngine)
    assert notes == ["the net ran in torch: compact-previous takes the pose before"]
    tracker = Tracker(engine)
    images = np.random.default_rng(1).integers(0, 255, (3, 300, 300, 3), dtype=np.uint8)
    seen = Detection(np.array([60.0, 40.0, 220.0, 260.0]), 0.9)
    (first,) = tracker.step(images[0], 0.0, lambda: [seen])
    (second,) = tracker.step(images[1], 0.1, lambda: [seen])
    assert (first.box_from, second.box_from) == (FROM_DETECTOR, FROM_TRACK)
    for image, person, before in ((images[0], first, None), (images[1], second, first)):
        crops, shown = cut_crops(image, person.bbox_xyxy_px[None], 32)
        plain = to_image(engine.poses(crops).coords, shown)[0]
        if before is None:
            np.testing.assert_allclose(person.keypoints_px, plain, atol=1e-3)
            continue
        side = shown[0, 2] - shown[0, 0]
        previous = np.ones((1, 13, 3), np.float32)
        previous[0, :, :2] = (before.keypoints_px - shown[0, :2]) / side
        after = to_image(engine.poses_after(crops, previous).coords, shown)[0]
        np.testing.assert_allclose(person.keypoints_px, after, atol=1e-3 * side)
        assert np.abs(after - plain).max() > 0.01 * side
    assert engine.poses_after(crops[:0], previous[:0]).coords.shape == (0, 13, 2)


def test_it_is_not_exported(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(KincapError, match="no input for; give the checkpoint to kincap") as caught:
        export_net(ExportNetSettings(weights, "onnx", tmp_path / "net.onnx"))
    assert caught.value.exit_code == 2
    assert not (tmp_path / "net.onnx").exists()
