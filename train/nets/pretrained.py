"""Pretrained trunks: published weights, or a file that the user gives in torchvision's key names.

In the latter the convolutions are ``features.N.weight`` and ``features.N.bias``, in order. Those
weights expect pixels ``(v / 255 - mean) / std`` with the mean and deviation of ImageNet; kincap's
nets are fed ``(v - 127) / 128``. The first layer is changed so that it gives the same for the same
picture (but at the border, where padding stands for another grey).
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from ...core.errors import KincapError
from ...engines.weights.packages import EFFICIENTNET_LITE0, IMAGENET_TRUNK
from ...engines.weights.store import weights_file

FLAG: Final = "--trunk"
IMAGENET_MEAN: Final = (0.485, 0.456, 0.406)
IMAGENET_STD: Final = (0.229, 0.224, 0.225)
_KEY: Final = re.compile(r"features\.(\d+)\.(weight|bias)")
_MOST_BYTES: Final = 4 << 30
_MOST_NAMED: Final = 4
_COUNTER: Final = "num_batches_tracked"


@dataclass(frozen=True)
class LoadedTrunk:
    """The part of a file that a net took.

    Attributes:
        layers: Number of convolutions.
        unused: Names of the file's tensors that were not used.
    """

    layers: int
    unused: tuple[str, ...]

    def text(self, path: Path) -> str:
        """Return what was taken and what was not as a line for a person."""
        shown = ", ".join(self.unused[:_MOST_NAMED])
        more = len(self.unused) - _MOST_NAMED
        rest = f"; not used: {shown}" + (f" and {more} more" if more > 0 else "")
        return f"{self.layers} convolutions from {path}{rest if self.unused else ''}"


@runtime_checkable
class NamedTrunk(Protocol):
    """A net that knows what its trunk's tensors are called in published weights."""

    def trunk_names(self) -> dict[str, str]:
        """Return the names in published weights by own name."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return its tensors by name."""


def find_trunk(named: Path) -> Path:
    """Return the file of weights that ``--trunk`` names: a file, or published weights.

    Raises:
        MissingPartError: The published weights are not on this machine.
    """
    if str(named) == EFFICIENTNET_LITE0.name and not named.exists():
        return weights_file(EFFICIENTNET_LITE0, IMAGENET_TRUNK)
    return named


def load_trunk(net: nn.Module, path: Path) -> LoadedTrunk:
    """Put the convolutions of a file into a net's trunk.

    Args:
        net: A net whose convolutions are in ``trunk`` or ``features``, or one that knows what
            their names are; changed.
        path: A file of ``torch.save`` with a state dict in torchvision's key names, or in those
            that the net knows; it may have more layers than the trunk.

    Raises:
        KincapError: It is not such a file, the net has no trunk of this form, or a shape differs.
    """
    if isinstance(net, NamedTrunk):
        return _load_named(net, path)
    own = trunk_layers(net)
    if not own:
        raise KincapError(
            f"{FLAG}: this net has no trunk that weights of others fit; leave it out, or choose "
            "another net (published weights are there for --model efficientnet-lite0)"
        )
    found = _read(path)
    numbers = sorted({int(m[1]) for name in found if (m := _KEY.fullmatch(name))})
    # layers without a weight (activations, pools) have no key
    names = [f"features.{n}" for n in numbers if f"features.{n}.weight" in found]
    if len(names) < len(own):
        raise KincapError(
            f"{FLAG}: {path} has {len(names)} layers named features.N.weight, the trunk needs "
            f"{len(own)}; give weights of the same net in torchvision's names"
        )
    used: set[str] = set()
    for layer, name in zip(own, names, strict=False):
        for part in ("weight", "bias"):
            key, wanted = f"{name}.{part}", getattr(layer, part)
            _check_tensor(path, key, found.get(key), wanted)
            used.add(key)
    with torch.no_grad():
        for n, (layer, name) in enumerate(zip(own, names, strict=False)):
            weight, bias = (found[f"{name}.{part}"].float() for part in ("weight", "bias"))
            if n == 0:
                weight, bias = _for_own_pixels(weight, bias)
            layer.weight.copy_(weight)
            assert layer.bias is not None
            layer.bias.copy_(bias)
    return LoadedTrunk(len(own), tuple(name for name in found if name not in used))


def _load_named(net: NamedTrunk, path: Path) -> LoadedTrunk:
    """Put the tensors of a file into a net by the names that the net gives."""
    found, own, names = _read(path), net.state_dict(), net.trunk_names()
    for name, there in names.items():
        _check_tensor(path, there, found.get(there), own[name])
    with torch.no_grad():
        for name, there in names.items():
            own[name].copy_(found[there])
    used = set(names.values())
    unused = tuple(one for one in found if one not in used and not one.endswith(_COUNTER))
    # a convolution's weight has outputs, inputs, height and width; those of a batch norm are a row
    return LoadedTrunk(sum(own[name].ndim > 1 for name in names), unused)


def _check_tensor(path: Path, key: str, found: Tensor | None, wanted: Tensor) -> None:
    """Refuse a tensor that is missing, of another shape, or not of finite numbers."""
    if found is None or found.shape != wanted.shape:
        shape = "missing" if found is None else tuple(found.shape)
        raise KincapError(
            f"{FLAG}: {path}: {key} is {shape}, the trunk needs {tuple(wanted.shape)}; "
            "give weights of the same net, and --width 1"
        )
    if not found.dtype.is_floating_point or not torch.isfinite(found).all():
        raise KincapError(f"{FLAG}: {path}: {key} has values that are not finite numbers")


def trunk_layers(net: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions of a net's trunk in order; none where it has no plain trunk."""
    trunk = getattr(net, "trunk", getattr(net, "features", None))
    if not isinstance(trunk, nn.Sequential):
        return []
    layers = [layer for layer in trunk.modules() if isinstance(layer, nn.Conv2d)]
    return layers if all(layer.bias is not None for layer in layers) else []


def _for_own_pixels(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first layer's weight and bias for pixels ``(v - 127) / 128``."""
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    grey = (127 / 255 - mean) / std
    moved = bias + (weight * grey[None, :, None, None]).sum(dim=(1, 2, 3))
    return weight * (128 / 255 / std)[None, :, None, None], moved


def _read(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file by name."""
    if not path.is_file():
        raise KincapError(f"{FLAG}: {path} is not a file; give weights that torch.save wrote")
    if path.stat().st_size > _MOST_BYTES:
        raise KincapError(f"{FLAG}: {path} is larger than 4 GiB; give weights of one net")
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        # torch raises almost anything on files that others made; all mean the same to a person
        raise KincapError(
            f"{FLAG}: {path} is not a file of weights (a state dict that torch.save wrote)"
        ) from None
    if (
        not isinstance(content, dict)
        or not content
        or not all(
            isinstance(name, str) and isinstance(one, Tensor) for name, one in content.items()
        )
    ):
        raise KincapError(f"{FLAG}: {path} is not a state dict of tensors by name")
    return content
