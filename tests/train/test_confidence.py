"""Confidence: wide maps are unsure, the probabilities are right and stored in checkpoints."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import CheckpointError
from kincap.core.skeleton import KEYPOINT
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.confidence import (
    Calibration,
    calibration_error,
    fit_calibration,
    map_spread,
    miss_auroc,
)
from kincap.train.nets.registry import build_net


def test_the_spread_of_a_map_is_the_deviation_of_its_gaussian_in_crop_units() -> None:
    cells = (torch.arange(64) + 0.5) / 64
    y, x = torch.meshgrid(cells, cells, indexing="ij")
    logits = -((x - 0.4) ** 2) / (2 * 0.05**2) - ((y - 0.6) ** 2) / (2 * 0.08**2)
    flat = torch.zeros(64, 64)
    found = map_spread(torch.stack([logits, flat])[None])
    assert found[0, 0] == pytest.approx(np.hypot(0.05, 0.08), rel=1e-3)
    assert found[0, 1] == pytest.approx(np.sqrt(2 / 12), rel=1e-2)


def _drawn(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return spreads and hits of keypoints whose odds fall with the spread, wrists faster."""
    rng = np.random.default_rng(seed)
    spread = np.exp(rng.normal(-3, 0.6, (count, 13)))
    slope = np.full(13, -2.0)
    slope[[KEYPOINT["l_wrist"], KEYPOINT["r_wrist"]]] = -4.0
    odds = slope * (np.log(spread) + 2.5)
    return spread.astype(np.float32), rng.random((count, 13)) < 1 / (1 + np.exp(-odds))


def test_a_fitted_confidence_is_calibrated_on_other_frames() -> None:
    spread, right = _drawn(1500, 0)
    line = fit_calibration(spread, right, np.ones_like(right))
    assert line.slope[KEYPOINT["l_wrist"]] == pytest.approx(-4, rel=0.15)
    assert line.slope[KEYPOINT["l_knee"]] == pytest.approx(-2, rel=0.15)
    other, hit = _drawn(1500, 1)
    sure = line.confidence(other)
    error = calibration_error(sure.ravel(), hit.ravel())
    assert error is not None
    assert error < 1.5
    auroc = miss_auroc(sure.ravel(), hit.ravel())
    assert auroc is not None
    assert auroc > 0.75


def test_keypoints_that_are_always_right_are_never_wholly_sure() -> None:
    spread, right = _drawn(50, 2)
    right[:] = True
    sure = fit_calibration(spread, right, np.ones_like(right)).confidence(spread)
    assert 0.9 < sure.min() <= sure.max() < 1


def test_a_wider_map_is_never_surer_whatever_the_frames_say() -> None:
    spread, _ = _drawn(300, 3)
    right = spread > np.median(spread)
    line = fit_calibration(spread, right, np.ones_like(right))
    assert (line.slope <= 0).all()


def test_nothing_used_gives_an_even_chance() -> None:
    spread, right = _drawn(5, 4)
    sure = fit_calibration(spread, right, np.zeros_like(right)).confidence(spread)
    np.testing.assert_array_equal(sure, 0.5)
    assert calibration_error(np.empty(0), np.empty(0, dtype=bool)) is None


def test_the_auroc_is_the_share_of_pairs_in_the_right_order() -> None:
    rng = np.random.default_rng(5)
    sure, right = rng.integers(0, 6, 80) / 6, rng.random(80) < 0.7
    good, bad = sure[right][:, None], sure[~right][None]
    pairs = (good > bad) + 0.5 * (good == bad)
    assert miss_auroc(sure, right) == pytest.approx(pairs.mean())
    assert miss_auroc(sure, np.ones(80, dtype=bool)) is None


@pytest.fixture
def checkpoint() -> Checkpoint:
    weights = build_net("compact", 0.25, 32).state_dict()
    return Checkpoint("compact", 0.25, 32, dict(weights), torch.full((13, 2), 0.5), True)


def test_a_calibration_comes_back_and_older_checkpoints_have_none(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    line = Calibration(np.linspace(-9, 1, 13), np.linspace(-3, 0, 13))
    save_checkpoint(tmp_path / "a.ckpt", replace(checkpoint, calibration=line))
    found = load_checkpoint(tmp_path / "a.ckpt").calibration
    assert found is not None
    np.testing.assert_array_equal(found.offset, line.offset)
    np.testing.assert_array_equal(found.slope, line.slope)
    save_checkpoint(tmp_path / "b.ckpt", checkpoint)
    assert load_checkpoint(tmp_path / "b.ckpt").calibration is None


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_calibration_without_finite_lines_is_refused(
    checkpoint: Checkpoint, tmp_path: Path, value: float
) -> None:
    line = Calibration(np.full(13, value), np.zeros(13))
    save_checkpoint(tmp_path / "a.ckpt", replace(checkpoint, calibration=line))
    with pytest.raises(CheckpointError, match="calibration is not 13 finite lines"):
        load_checkpoint(tmp_path / "a.ckpt")
    short = Calibration(np.zeros(3), np.zeros(3))
    save_checkpoint(tmp_path / "a.ckpt", replace(checkpoint, calibration=short))
    with pytest.raises(CheckpointError, match="calibration is not 13 finite lines"):
        load_checkpoint(tmp_path / "a.ckpt")
