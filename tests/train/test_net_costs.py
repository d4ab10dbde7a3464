"""Sizes of the nets against the figures of their papers, and the list of nets."""

import json
import subprocess
from collections.abc import Callable

import pytest
import torch

from kincap.train.nets.catalogue import list_nets
from kincap.train.nets.cost import NetCost, measure_cost
from kincap.train.nets.registry import NETS, build_net
from kincap.train.nets.transfer import Transfer, TransferSettings

Run = Callable[..., subprocess.CompletedProcess[str]]

BRANCH_FC_1024 = 1024 * 512 + 512 + 512 * 14 + 14  # presence: one hidden layer, 14 logits
LOCATION_1024 = 1024 * 512 + 512 + 512 * 256 + 256 + 256 * 28 + 28
HEADS_4096 = (4096 * 4096 + 4096 + 4096 * 14 + 14) + (
    4096 * 4096 + 4096 + 4096 * 1024 + 1024 + 1024 * 28 + 28
)
ALEXNET_TRUNK = (
    (11 * 11 * 3 * 96 + 96) + (5 * 5 * 96 * 256 + 256) + (9 * 256 * 384 + 384)
    + (9 * 384 * 384 + 384) + (9 * 384 * 256 + 256)
)  # fmt: skip
VGG19_TRUNK = 20_024_384  # as published with torchvision's VGG-19: 143,667,240 less its classifier


def cost(name: str, keypoints: int, size: int) -> NetCost:
    with torch.device("meta"):
        net = build_net(name, 1.0, size, keypoints)
    return measure_cost(net, size, size)


@pytest.mark.parametrize(
    ("name", "parameters", "gmac"),
    [
        ("deeppose", 58_396_060, 1.131),
        ("deeppose-groups2", 56_982_940, 0.720),
        ("deeppose-pool3", 37_424_540, 1.110),
        ("deeppose-pool3-groups2", 36_011_420, 0.700),
        ("deeppose-unpadded", 46_861_724, 1.002),
    ],
)
def test_deeppose_at_14_keypoints(name: str, parameters: int, gmac: float) -> None:
    found = cost(name, 14, 220)
    assert found.parameters == parameters
    assert found.macs / 1e9 == pytest.approx(gmac, abs=0.0006)


def test_linna_multiplies_as_often_as_its_layers_say() -> None:
    assert cost("linna", 13, 224).macs / 1e9 == pytest.approx(1.672, abs=0.0005)
    assert cost("linna-s", 13, 224).macs / 1e9 == pytest.approx(2.652, abs=0.0005)


@pytest.mark.parametrize(
    ("name", "size", "by_hand"),
    [
        (
            "ucsd-baseline1", 128,
            (25 * 3 * 32 + 32) + (25 * 32 * 64 + 64) + (32 * 32 * 64 * 1024 + 1024)
            + BRANCH_FC_1024 + LOCATION_1024,
        ),
        (
            "ucsd-baseline2", 128,
            (25 * 3 * 32 + 32) + (25 * 32 * 64 + 64) + (9 * 64 * 128 + 128)
            + (16 * 16 * 128 * 1024 + 1024) + BRANCH_FC_1024 + LOCATION_1024,
        ),
        ("ucsd-alexnet", 224, ALEXNET_TRUNK + (2 * 2 * 256 * 4096 + 4096) + HEADS_4096),
        (
            # torchvision publishes 61,100,840 for its AlexNet: 2,469,696 before the classifier
            "ucsd-alexnet-torchvision", 224,
            (11 * 11 * 3 * 64 + 64) + (25 * 64 * 192 + 192) + (9 * 192 * 384 + 384)
            + (9 * 384 * 256 + 256) + (9 * 256 * 256 + 256)
            + (2 * 2 * 256 * 4096 + 4096) + HEADS_4096,
        ),
        ("ucsd-vgg19", 224, VGG19_TRUNK + (7 * 7 * 512 * 4096 + 4096) + HEADS_4096),
    ],
)  # fmt: skip
def test_presence_nets_have_the_layers_counted_by_hand(name: str, size: int, by_hand: int) -> None:
    assert cost(name, 14, size).parameters == by_hand


def test_presence_nets_are_as_large_as_reported() -> None:
    assert round(cost("ucsd-baseline1", 14, 128).parameters / 1e6, 2) == 68.36
    assert round(cost("ucsd-baseline2", 14, 128).parameters / 1e6, 2) == 34.88
    assert round(cost("ucsd-vgg19", 14, 224).parameters / 1e6, 1) == 160.6


def transfer_cost(settings: TransferSettings, height: int, width: int) -> NetCost:
    with torch.device("meta"):
        net = Transfer(settings)
    return measure_cost(net, height, width)


def test_transfer_has_the_published_weights_and_work() -> None:
    paper = TransferSettings(joint_maps=19, limbs=19)
    found = transfer_cost(paper, 368, 432)
    assert (found.weights, found.parameters) == (21_278_912, 21_290_162)
    assert found.macs / 1e9 == pytest.approx(82.52, abs=0.005)
    assert transfer_cost(paper, 368, 368).macs / 1e9 == pytest.approx(70.3, abs=0.05)


def test_the_parts_of_transfer_have_their_weights() -> None:
    with torch.device("meta"):
        net = Transfer(TransferSettings(joint_maps=19, limbs=19))

    def weights(part: str) -> int:
        module = net.get_submodule(part)
        return sum(p.numel() for p in module.parameters() if p.ndim > 1)

    assert {part: weights(part) for part, _ in net.named_children() if part != "before"} == {
        "trunk": 5_863_104,
        "split": 1_179_648,
        "branches": 2 * 737_280,
        "transfers": 2 * 2_654_208,
        "heads": 138_368,
        "refinements": 7_314_816,
    }


@pytest.mark.parametrize(
    ("changed", "outputs"), [({"refine_blocks": 0}, 1), ({"transfer_from": 0}, 2)]
)
def test_the_switches_of_transfer_leave_maps_of_the_same_shape(
    changed: dict[str, int], outputs: int
) -> None:
    net = Transfer(TransferSettings(width=1 / 16, **changed)).eval()
    found = net(torch.zeros(1, 3, 48, 64))
    assert len(found) == outputs
    assert all(maps.joints.shape == (1, 14, 6, 8) for maps in found)
    assert all(maps.limbs.shape == (1, 24, 6, 8) for maps in found)


@pytest.mark.parametrize("start", [1, 2, 3, 4, 5])
def test_a_transfer_carries_one_branch_into_the_head_of_the_other(start: int) -> None:
    torch.manual_seed(0)
    net = Transfer(TransferSettings(width=1 / 16, transfer_from=start, refine_blocks=0)).eval()
    pixels = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        before = net(pixels)[0].joints
        for weight in net.branches[1].parameters():
            weight.mul_(2)  # the branch of the limbs
        assert not torch.equal(net(pixels)[0].joints, before)
        apart = Transfer(TransferSettings(width=1 / 16, transfer_from=0, refine_blocks=0)).eval()
        before = apart(pixels)[0].joints
        for weight in apart.branches[1].parameters():
            weight.mul_(2)
        assert torch.equal(apart(pixels)[0].joints, before)


@pytest.mark.parametrize("name", ["transfer", "transfer-once"])
def test_a_fresh_transfer_says_that_no_one_is_there(name: str) -> None:
    torch.manual_seed(0)
    for joints, limbs in build_net(name, 1 / 4, 64)(torch.rand(2, 3, 64, 64)):
        assert (joints[:, -1] - 1).abs().max() < 0.5
        assert joints[:, :-1].abs().max() < 0.5
        assert limbs.abs().max() < 0.5


def test_a_narrow_transfer_has_as_many_directions_as_limb_maps() -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        outputs = build_net("transfer", 1 / 8, 64).double()(torch.randn(8, 3, 64, 64).double())
    for maps in (one.limbs.movedim(1, -1).flatten(0, 2) for one in outputs):
        assert torch.linalg.matrix_rank(maps - maps.mean(dim=0), rtol=1e-6) == maps.shape[1] == 24


def test_nets_lists_every_net_with_its_cost(kincap: Run) -> None:
    listed = json.loads(kincap("nets", "--json").stdout)
    assert listed["schema"] == "kincap/nets/1"
    assert [row["name"] for row in listed["nets"]] == list(NETS)
    row = next(row for row in listed["nets"] if row["name"] == "deeppose")
    assert row["paper"]["keypoints"] == 14
    assert row["paper"]["cost"]["parameters"] == 58_396_060
    assert row["ours"]["cost"]["parameters"] == cost("deeppose", 13, 220).parameters
    row = next(row for row in listed["nets"] if row["name"] == "transfer")
    assert (row["paper"]["joint_maps"], row["paper"]["limbs"]) == (19, 19)
    assert row["paper"]["cost"]["weights"] == 21_278_912
    assert (row["ours"]["joint_maps"], row["ours"]["limbs"]) == (14, 12)
    shown = kincap("nets").stdout
    for words in ("21,278,912", "21,290,162", "58,396,060", "58,387,866", "Toshev", "UC San Diego"):
        assert words in shown
    assert listed["nets"] == [entry.to_json() for entry in list_nets()]
