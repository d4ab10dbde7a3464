"""Losses: the published convention, and masks that really mask."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from torch import Tensor

from kincap.train.checkpoint import load_checkpoint
from kincap.train.finetune import finetune
from kincap.train.loss import (
    Norm,
    WholeBatch,
    map_loss,
    map_target,
    masked_l2,
    pose_loss,
    within,
)
from kincap.train.nets.output import NetOutput
from kincap.train.settings import TrainOptions


def _batch(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    coords = torch.rand(4, 13, 2, requires_grad=True)
    maps = torch.randn(4, 13, 8, 8, requires_grad=True)
    weight = (torch.rand(4, 13) < 0.7).float()
    return coords, maps, torch.rand(4, 13, 2), weight


def test_masked_l2_is_half_the_sum_over_coordinates_per_sample() -> None:
    coords, _, targets, weight = _batch()
    coords = coords.detach()
    by_hand = 0.0
    for i in range(4):
        for k in range(13):
            for d in range(2):
                by_hand += float(weight[i, k] * (targets[i, k, d] - coords[i, k, d]) ** 2)
    assert masked_l2(coords, targets, weight).item() == pytest.approx(by_hand / 8, rel=1e-5)
    per_coordinate = masked_l2(coords, targets, weight, norm="coords").item()
    assert per_coordinate == pytest.approx(by_hand / 8 / 26, rel=1e-5)
    per_label = masked_l2(coords, targets, weight, norm="labelled").item()
    assert per_label == pytest.approx(by_hand / 2 / float(weight.sum()), rel=1e-5)


def test_the_divisor_of_the_squared_error_by_hand() -> None:
    coords = torch.zeros(2, 13, 2)
    targets = torch.full((2, 13, 2), float("nan"))
    weight = torch.zeros(2, 13)
    targets[0, 4], weight[0, 4] = torch.tensor([3.0, 4.0]), 1.0  # squared distance 25
    targets[1, 2], weight[1, 2] = torch.tensor([0.0, 2.0]), 0.5  # 4, of which half counts
    by_hand = {"batch": 27 / 4, "coords": 27 / 104, "labelled": 27 / 3}
    for norm in get_args(Norm):
        found = pose_loss(NetOutput(coords, None), targets, weight, norm)
        assert found.item() == pytest.approx(by_hand[norm])
        assert masked_l2(coords, targets, torch.zeros(2, 13), norm).item() == 0


@pytest.mark.parametrize("norm", get_args(Norm))
@pytest.mark.parametrize("heads", ["coords", "maps", "presence"])
def test_the_losses_of_shares_add_up_to_that_of_the_whole_batch(norm: Norm, heads: str) -> None:
    coords, maps, targets, weight = _batch()
    presence = coords.sum(dim=2) if heads == "presence" else None
    output = NetOutput(coords, maps if heads == "maps" else None, presence)

    def loss(rows: slice, whole: WholeBatch | None) -> Tensor:
        part = NetOutput(*(None if one is None else one[rows] for one in output[:3]))
        return pose_loss(part, targets[rows], weight[rows], norm, whole)

    whole = WholeBatch(2, weight.sum())
    shares = [loss(slice(k, k + 2), whole) for k in (0, 2)]
    assert sum(shares).item() == pytest.approx(loss(slice(0, 4), None).item(), rel=1e-5)


@pytest.mark.parametrize("with_maps", [False, True])
@pytest.mark.parametrize("garbage", [1e30, float("nan"), float("inf"), -7.0])
def test_targets_without_weight_change_no_bit(with_maps: bool, garbage: float) -> None:
    found = []
    for fill in (0.5, garbage):
        coords, maps, targets, weight = _batch()
        targets = torch.where(weight[..., None] > 0, targets, fill)
        loss = pose_loss(NetOutput(coords, maps if with_maps else None), targets, weight)
        loss.backward()
        found.append((loss.detach(), coords.grad, maps.grad))
    for plain, dirty in zip(*found, strict=True):
        assert (plain is None and dirty is None) or torch.equal(plain, dirty)


def test_keypoints_far_outside_of_the_crop_can_be_left_out() -> None:
    targets = torch.tensor([[[0.5, 0.5], [-0.25, 1.25], [-0.26, 0.5], [0.5, 1.26]]])
    weight = torch.tensor([[1.0, 0.5, 1.0, 1.0]])
    assert within(targets, weight, 0.25).tolist() == [[1.0, 0.5, 0.0, 0.0]]
    assert within(targets, weight, 1.0).equal(weight)


def test_a_run_leaves_out_what_is_beyond_as_asked(figures_h5: Path, tmp_path: Path) -> None:
    ends = []
    for number, text in enumerate(("beyond=100", "beyond=0")):
        options = TrainOptions(
            figures_h5, runs=tmp_path / str(number), model="compact", width=0.25, size=32, steps=1,
            batch=8, device="cpu", set=(text, "augment.shift=0.4", "augment.stay_inside=false"),
        )  # fmt: skip
        ends.append(load_checkpoint(finetune(options, None).last).weights)
    assert not all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_no_labels_at_all_give_a_loss_of_zero() -> None:
    coords, maps, targets, _ = _batch()
    assert masked_l2(coords, targets, torch.zeros(4, 13)).item() == 0
    assert map_loss(coords, maps, targets, torch.zeros(4, 13)).item() == 0


def test_maps_learn_from_keypoints_inside_the_crop_only() -> None:
    coords, maps, targets, _ = _batch()
    weight = torch.ones(4, 13)
    targets[0] = 1.4
    map_loss(coords, maps, targets, weight).backward()
    assert maps.grad is not None
    assert coords.grad is not None
    assert not maps.grad[0].any()
    assert maps.grad[1].any()
    assert coords.grad[0].all()


def test_the_maps_loss_is_least_at_the_target() -> None:
    targets = torch.full((1, 13, 2), 0.3125)  # the centre of cell 2 of 8
    peaks = []
    for cell in range(8):
        maps = torch.zeros(1, 13, 8, 8)
        maps[:, :, 2, cell] = 4
        peaks.append(map_loss(targets, maps, targets, torch.ones(1, 13)).item())
    assert min(range(8), key=peaks.__getitem__) == 2


def test_presence_is_learnt_of_what_has_weight_and_adds_to_the_squared_error() -> None:
    torch.manual_seed(0)
    coords, targets = torch.rand(4, 13, 2), torch.rand(4, 13, 2)
    weight = (torch.rand(4, 13) > 0.4).float()
    logits = torch.randn(4, 13, requires_grad=True)
    loss = pose_loss(NetOutput(coords, None, logits), targets, weight)
    there = weight.double()
    share = 1 / (1 + torch.exp(-logits.detach().double()))
    by_hand = -(there * share.log() + (1 - there) * (1 - share).log()).mean()
    squared = masked_l2(coords, targets, weight)
    torch.testing.assert_close(loss.detach().double(), squared.double() + by_hand)
    torch.autograd.backward(loss)
    assert logits.grad is not None
    assert (logits.grad[weight > 0] < 0).all()
    assert (logits.grad[weight == 0] > 0).all()


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_the_target_on_a_map_has_the_keypoint_as_its_mean_up_to_the_edge(sigma: float) -> None:
    """A Gaussian that is cut off at the edge is 3.2 px of 64 further inside."""
    cells = 16
    line = torch.linspace(0, 1, 201)
    targets = torch.stack([line, line.flip(0)], dim=1)[None].expand(1, 201, 2)
    wanted, inside = map_target(targets, cells, cells, sigma)
    assert inside.all()
    torch.testing.assert_close(wanted.sum(dim=2), torch.ones(1, 201))
    share = wanted.view(1, 201, cells, cells)
    centres = (torch.arange(cells) + 0.5) / cells
    found = torch.stack([(share.sum(dim=d) * centres).sum(dim=2) for d in (2, 3)], dim=2)
    reachable = targets.clamp(0.5 / cells, 1 - 0.5 / cells)  # no cell is further out
    assert (found - reachable).abs().max() * 64 < 0.15
