"""EfficientNet-Lite0: its layers, and a trunk that starts from published weights."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from kincap.core.errors import KincapError
from kincap.engines.weights.packages import EFFICIENTNET_LITE0, IMAGENET_TRUNK
from kincap.engines.weights.store import ENVIRONMENT, stored_package, weights_folder
from kincap.train.finetune import finetune
from kincap.train.nets.efficientnet import EfficientNetLite0
from kincap.train.nets.pretrained import find_trunk, load_trunk
from kincap.train.nets.registry import build_net
from kincap.train.settings import TrainOptions


def small_net() -> EfficientNetLite0:
    net = build_net("efficientnet-lite0", 1 / 8, 64)
    assert isinstance(net, EfficientNetLite0)
    return net


def published(net: EfficientNetLite0) -> dict[str, Tensor]:
    """Return made-up weights under published names, with a classifier that no trunk has."""
    own = net.state_dict()
    found = {there: torch.rand_like(own[name]) + 0.5 for name, there in net.trunk_names().items()}
    counter = torch.tensor(0)
    return {**found, "_bn0.num_batches_tracked": counter, "_fc.weight": torch.zeros(3, 3)}


def test_the_trunk_has_the_weights_of_the_paper() -> None:
    """4,652,008 weights of Lite0 with its last 1x1 layer of 1280 and 1,000 classes."""
    net = build_net("efficientnet-lite0", 1.0, 96)
    trunk = sum(
        weights.numel()
        for name, weights in net.named_parameters()
        if name.startswith(("stem.", "blocks."))
    )
    assert trunk + 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000 == 4_652_008


def test_a_halving_layer_pads_right_and_below() -> None:
    """As TensorFlow's SAME, which the published weights were learnt with."""
    net = small_net().eval()
    stem, pixels = net.stem, torch.randn(1, 3, 64, 64)
    plain = nn.functional.conv2d(
        nn.functional.pad(pixels, (0, 1, 0, 1)), stem.conv.weight, stride=2
    )
    assert torch.equal(stem(pixels), nn.functional.relu6(stem.norm(plain)))
    wide = net.blocks[3].depthwise  # 5x5 and halving
    assert wide.conv.kernel_size == (5, 5)
    features = torch.randn(1, wide.conv.in_channels, 16, 16)
    plain = nn.functional.conv2d(
        nn.functional.pad(features, (1, 2, 1, 2)), wide.conv.weight, stride=2,
        groups=wide.conv.groups,
    )  # fmt: skip
    assert torch.equal(wide(features), nn.functional.relu6(wide.norm(plain)))


def test_a_trunk_is_loaded_by_the_published_names(tmp_path: Path) -> None:
    net = small_net()
    weights = published(net)
    torch.save(weights, tmp_path / "trunk.pth")
    taken = load_trunk(net, tmp_path / "trunk.pth")
    assert taken.layers == 1 + 2 + 15 * 3
    assert taken.unused == ("_fc.weight",)
    own = net.state_dict()
    for name, there in net.trunk_names().items():
        assert torch.equal(own[name], weights[there])
    in_trunk = {
        name for name in own if name.startswith(("stem.", "blocks.")) and "num_batches" not in name
    }
    assert set(net.trunk_names()) == in_trunk


def test_wrong_weights_are_refused_and_change_nothing(tmp_path: Path) -> None:
    net = small_net()
    good = published(net)
    before = {name: one.clone() for name, one in net.state_dict().items()}
    name = "_blocks.15._project_conv.weight"
    for content in (
        {key: one for key, one in good.items() if key != name},
        {**good, name: good[name][:1]},
        {**good, name: good[name] * float("inf")},
    ):
        torch.save(content, tmp_path / "trunk.pth")
        with pytest.raises(KincapError, match=f"^--trunk: .*{name}") as caught:
            load_trunk(net, tmp_path / "trunk.pth")
        assert caught.value.exit_code == 2
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())


def test_published_weights_that_are_not_here_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figures_h5: Path
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "none"))
    done = subprocess.run(
        [sys.executable, "-m", "kincap", "finetune", "--data", figures_h5, "--runs",
         tmp_path / "runs", "--model", "efficientnet-lite0", "--trunk", "efficientnet-lite0",
         "--steps", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "kincap weights get efficientnet-lite0" in done.stderr
    assert not (tmp_path / "runs").exists()
    # a file of that name comes first
    monkeypatch.chdir(tmp_path)
    Path("efficientnet-lite0").write_bytes(b"")
    assert find_trunk(Path("efficientnet-lite0")) == Path("efficientnet-lite0")


def test_a_run_says_where_its_trunk_is_from(figures_h5: Path, tmp_path: Path) -> None:
    net = small_net()
    torch.save(published(net), tmp_path / "trunk.pth")
    options = TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="efficientnet-lite0", width=1 / 8, size=64,
        batch=8, steps=1, device="cpu",
    )  # fmt: skip
    lines: list[str] = []
    finetune(replace(options, trunk=tmp_path / "trunk.pth"), None, on_notice=lines.append)
    assert any(line.startswith("trunk: 48 convolutions from ") for line in lines)
    lines.clear()
    finetune(options, None, on_notice=lines.append)
    assert any("--trunk efficientnet-lite0 starts from" in line for line in lines)


def test_the_published_weights_fit() -> None:
    folder = weights_folder()
    if not stored_package(EFFICIENTNET_LITE0, folder).is_complete:
        pytest.skip(f"no weights in {folder}; kincap weights get efficientnet-lite0")
    net = build_net("efficientnet-lite0", 1.0, 64)
    taken = load_trunk(net, find_trunk(Path(EFFICIENTNET_LITE0.name)))
    assert taken.layers == 48
    assert {name.partition(".")[0] for name in taken.unused} == {"_conv_head", "_bn1", "_fc"}
    assert IMAGENET_TRUNK in {one.name for one in EFFICIENTNET_LITE0.files}
