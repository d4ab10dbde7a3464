"""--trunk: weights in torchvision's key names."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from kincap.core.errors import KincapError
from kincap.train.finetune import finetune
from kincap.train.nets.pretrained import IMAGENET_MEAN, IMAGENET_STD, load_trunk, trunk_layers
from kincap.train.nets.registry import build_net
from kincap.train.settings import TrainOptions

PLACES = {"ucsd-alexnet-torchvision": (0, 3, 6, 8, 10)}


VGG19_PLACES = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


def torchvision_like(net: nn.Module, places: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """Return made-up weights in torchvision's names, with a classifier that no trunk has."""
    found = {}
    for place, layer in zip(places, trunk_layers(net), strict=True):
        found[f"features.{place}.weight"] = torch.randn_like(layer.weight) * 0.05
        assert layer.bias is not None
        found[f"features.{place}.bias"] = torch.randn_like(layer.bias)
    return {**found, "classifier.1.weight": torch.zeros(2, 2), "classifier.1.bias": torch.zeros(2)}


def test_a_trunk_gives_what_the_same_layers_give_for_pixels_of_imagenet(tmp_path: Path) -> None:
    torch.manual_seed(1)
    net = build_net("ucsd-alexnet-torchvision", 1 / 16, 160)
    weights = torchvision_like(net, PLACES["ucsd-alexnet-torchvision"])
    torch.save(weights, tmp_path / "alexnet.pth")
    taken = load_trunk(net, tmp_path / "alexnet.pth")
    assert (taken.layers, taken.unused) == (5, ("classifier.1.weight", "classifier.1.bias"))
    image = torch.randint(0, 256, (1, 3, 64, 64)).float()
    mean, std = (torch.tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    theirs = nn.functional.conv2d(
        (image / 255 - mean) / std, weights["features.0.weight"], weights["features.0.bias"], 4
    )
    first = trunk_layers(net)[0]
    ours = nn.functional.conv2d((image - 127) / 128, first.weight, first.bias, 4)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    places = PLACES["ucsd-alexnet-torchvision"]
    for place, layer in list(zip(places, trunk_layers(net), strict=True))[1:]:
        assert torch.equal(layer.weight, weights[f"features.{place}.weight"])


@pytest.mark.parametrize(("name", "layers"), [("ucsd-vgg19", 16), ("transfer", 10)])
def test_vgg_19_fits_the_nets_that_begin_with_it(name: str, layers: int, tmp_path: Path) -> None:
    """torchvision's places of the 16 convolutions: after each pool one number is left out."""
    whole = build_net("ucsd-vgg19", 1 / 16, 64)
    torch.save(torchvision_like(whole, VGG19_PLACES), tmp_path / "vgg19.pth")
    net = build_net(name, 1 / 16, 64)
    taken = load_trunk(net, tmp_path / "vgg19.pth")
    assert taken.layers == layers
    assert len(taken.unused) == 2 + 2 * (16 - layers)
    line = taken.text(tmp_path / "vgg19.pth")
    assert line.startswith(f"{layers} convolutions from ")
    assert ("and 10 more" in line) == (name == "transfer")


def test_wrong_files_are_refused_in_a_line_that_names_the_flag(tmp_path: Path) -> None:
    net = build_net("ucsd-alexnet-torchvision", 1 / 16, 160)
    good = torchvision_like(net, PLACES["ucsd-alexnet-torchvision"])
    cases: dict[str, object] = {
        "shape": {**good, "features.3.weight": torch.zeros(3, 3)},
        "missing": {k: v for k, v in good.items() if k != "features.6.bias"},
        "short": {k: v for k, v in good.items() if "10" not in k},
        "nan": {**good, "features.8.bias": good["features.8.bias"] * float("nan")},
        "other": {"a": 1},
        "list": [1, 2],
        "empty": {},
    }
    before = {name: one.clone() for name, one in net.state_dict().items()}
    for name, content in cases.items():
        torch.save(content, tmp_path / name)
    (tmp_path / "text").write_text("not weights")
    for name in (*cases, "text", "absent", "."):
        with pytest.raises(KincapError, match="^--trunk: ") as caught:
            load_trunk(net, tmp_path / name)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 2
    with pytest.raises(KincapError, match="^--trunk: this net has no trunk"):
        load_trunk(build_net("compact", 0.25, 32), tmp_path / "shape")
    assert all(torch.equal(one, before[name]) for name, one in net.state_dict().items())


def test_a_run_names_what_was_not_used(figures_h5: Path, tmp_path: Path) -> None:
    net = build_net("ucsd-vgg19", 1 / 32, 32)
    torch.save(torchvision_like(net, VGG19_PLACES), tmp_path / "vgg19.pth")
    options = TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="ucsd-vgg19", width=1 / 32, size=32,
        batch=8, steps=1, device="cpu", trunk=tmp_path / "vgg19.pth",
    )  # fmt: skip
    lines: list[str] = []
    finetune(options, None, on_notice=lines.append)
    assert any("16 convolutions from" in line and "classifier.1.weight" in line for line in lines)
    with pytest.raises(KincapError, match="is not a file of weights") as caught:
        finetune(replace(options, trunk=figures_h5, runs=tmp_path / "other"), None)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "other").exists()
