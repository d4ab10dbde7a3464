"""The networks: their published sizes, and what they do with small inputs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from kincap.core.errors import KincapError
from kincap.train.loss import pose_loss
from kincap.train.nets.cost import measure_cost
from kincap.train.nets.registry import (
    NETS,
    NetEntry,
    build_net,
    check_net,
    count_weights,
    find_nets,
    load_net,
)
from kincap.train.settings import OPTIMIZERS


def test_linna_has_the_published_number_of_weights() -> None:
    assert count_weights("linna", 1.0, 224) == 98_918_042
    assert count_weights("linna-s", 1.0, 224) == 75_849_370


@pytest.mark.parametrize("size", [32, 64, 224])
def test_compact_has_fewer_than_a_million_weights(size: int) -> None:
    assert count_weights("compact", 1.0, size) < 1_000_000


@pytest.mark.parametrize(
    "model", ["compact", "compact-maps", "compact-simcc", "efficientnet-lite0"]
)
def test_nets_of_our_own_are_small_at_192(model: str) -> None:
    with torch.device("meta"):
        found = measure_cost(build_net(model, 1.0, 192), 192, 192)
    assert found.macs <= 0.45e9
    assert found.parameters <= 5_000_000


def test_maps_past_the_edge_place_a_keypoint_outside_the_crop() -> None:
    """A net that overfits one picture says where its keypoints are, 5 % outside the crop too."""
    torch.manual_seed(0)
    net = build_net("compact-maps", 0.125, 64)
    optimizer = torch.optim.AdamW(net.parameters(), lr=4e-3)
    pixels, weight = torch.randn(2, 3, 64, 64), torch.ones(2, 13)
    targets = torch.rand(2, 13, 2) * 1.1 - 0.05
    targets[:, 0] = torch.tensor((-0.05, 1.05))
    for _ in range(80):
        output = net(pixels)
        optimizer.zero_grad()
        torch.autograd.backward(pose_loss(output, targets, weight))
        optimizer.step()
    assert (output.coords - targets).abs().max() < 0.05


@pytest.mark.parametrize(
    ("model", "size"),
    [("linna", 48), ("linna", 64), ("linna", 112), ("linna", 160), ("linna-s", 112)]
    + [("compact", 32), ("compact", 96), ("compact-maps", 96), ("compact-simcc", 192)]
    + [("efficientnet-lite0", 96)]
    + [("deeppose", 72), ("deeppose-unpadded", 72)]
    + [("ucsd-baseline1", 16), ("ucsd-alexnet", 160), ("ucsd-vgg19", 32)],
)
def test_a_net_takes_its_size_and_gives_a_pose(model: str, size: int) -> None:
    net = build_net(model, 1 / 16, size).eval()
    output = net(torch.zeros(2, 3, size, size))
    assert output.coords.shape == (2, 13, 2)
    assert torch.isfinite(output.coords).all()


def test_the_padded_form_leaves_the_deep_layers_something_to_look_at() -> None:
    net = build_net("linna", 1 / 16, 64)
    shapes = []
    for layer in net.get_submodule("features"):
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape[-1]))
    net(torch.zeros(1, 3, 64, 64))
    assert shapes == [32, 16, 8, 8, 8]


def test_linna_starts_with_xavier_weights_and_zero_biases() -> None:
    torch.manual_seed(0)
    net = build_net("linna", 1 / 8, 64)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            assert layer.bias is not None
            assert not layer.bias.any()
            fan_in, fan_out = nn.init._calculate_fan_in_and_fan_out(layer.weight)
            expected = (2 / (fan_in + fan_out)) ** 0.5
            assert layer.weight.std().item() == pytest.approx(expected, rel=0.1)


def test_compact_reads_a_peak_out_where_it_lies() -> None:
    net = build_net("compact", 1.0, 64)
    maps = torch.full((1, 13, 16, 16), -50.0)
    maps[:, :, 4, 11] = 50
    coords = net._read_out(maps)
    torch.testing.assert_close(coords, torch.tensor([11.5 / 16, 4.5 / 16]).expand(1, 13, 2))


@pytest.mark.parametrize(
    ("model", "width", "size"),
    [("resnet", 1.0, 64), ("linna", 0.0, 64), ("linna", float("nan"), 64), ("linna", 1.0, 16)]
    + [("linna-s", 1.0, 64), ("compact", 1.0, 72), ("compact", 1.0, 4096)],
)
def test_a_net_that_cannot_be_is_refused_with_the_flag(model: str, width: float, size: int) -> None:
    with pytest.raises(KincapError, match=r"^--(model|width|size): "):
        check_net(model, width, size)


def test_every_model_can_be_built_at_224() -> None:
    for model in NETS:
        check_net(model, 1.0, 224)


@pytest.mark.parametrize("name", NETS)
def test_every_net_takes_its_smallest_input_and_refuses_less(name: str) -> None:
    net = load_net(name)
    output = build_net(name, 1 / 32, net.least_px).eval()(
        torch.zeros(1, 3, net.least_px, net.least_px)
    )
    if net.finds_people:
        # maps at stride 8 of every keypoint and the background, and of both directions of 12 limbs
        cells = net.least_px // 8
        assert output[-1].joints.shape == (1, 14, cells, cells)
        assert output[-1].limbs.shape == (1, 24, cells, cells)
    else:
        assert output.coords.shape == (1, 13, 2)
    with pytest.raises(KincapError, match="^--size: "):
        check_net(name, 1.0, net.least_px - 1)


def test_docs_and_help_name_every_net() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "learning.md").read_text("utf-8")
    section = page.split("\n## Nets\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z0-9-]+)` \| ([^|]+) \|", section, re.MULTILINE))
    assert rows.pop("--model") == "about"
    assert rows == {name: entry.about for name, entry in NETS.items()}
    done = subprocess.run(
        [sys.executable, "-m", "kincap", "finetune", "--help"],
        capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    said = "".join(done.stdout.split())  # lines may end after a hyphen
    assert f"{','.join(NETS)};" in said


def test_a_new_net_is_one_file_and_is_listed_without_being_imported(tmp_path: Path) -> None:
    (tmp_path / "made_up.py").write_text(
        'from typing import Final\n\nABOUT: Final = {"made-up": "a test"}\nraise RuntimeError\n'
    )
    (tmp_path / "other.py").write_text("raise RuntimeError\n")
    assert find_nets(tmp_path) == {"made-up": NetEntry("made-up", "a test", "made_up")}
    assert {"compact", "linna", "deeppose", "ucsd-vgg19"} <= set(NETS)


@pytest.mark.parametrize("name", NETS)
def test_every_net_has_a_recipe_for_each_kind_of_run(name: str) -> None:
    net = load_net(name)
    for kind in ("pretrain", "finetune"):
        own = net.recipe(kind, None)
        for optimizer in OPTIMIZERS:
            assert net.recipe(kind, optimizer).optimizer == optimizer
        assert own in [net.recipe(kind, optimizer) for optimizer in OPTIMIZERS]


def test_shapes_alone_are_known_at_once() -> None:
    """A checkpoint is compared with its net on the meta device; sympy would take a second there."""
    code = (
        "import sys, torch\n"
        "from kincap.train.nets.registry import NETS, count_weights, finds_people\n"
        "nets = [name for name in NETS if not finds_people(name)]\n"
        "print(min(count_weights(name, 0.25, 224) for name in nets), 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    fewest, has_sympy = done.stdout.split()
    assert int(fewest) > 10_000
    assert has_sympy == "False"
