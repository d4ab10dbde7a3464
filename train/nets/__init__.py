"""The networks, one file each, and the one function that makes them by name."""

import math

import torch
from torch import nn

from ...core.errors import KincapError
from .compact import Compact
from .linna import Linna
from .output import NetOutput

MODELS = ("linna", "linna-s", "compact")
"""What ``--model`` accepts."""

__all__ = ["MODELS", "NetOutput", "build_net", "check_net", "parameters"]


def check_net(model: str, width: float, size: int) -> None:
    """Refuse a network that can't be built, before anything is allocated.

    Args:
        model: One of ``MODELS``.
        width: Factor on every number of channels and hidden units.
        size: Side of the square input, pixels.

    Raises:
        KincapError: Which of the three is wrong, and what would do.
    """
    if model not in MODELS:
        raise KincapError(f"--model: there is no {model!r}; choose one of {', '.join(MODELS)}")
    if not (math.isfinite(width) and 0.01 <= width <= 8):
        raise KincapError(f"--width: {width} is outside 0.01 to 8")
    least, step = {"linna": (48, 1), "linna-s": (112, 1), "compact": (32, 16)}[model]
    if not least <= size <= 1024 or size % step:
        multiple = f", a multiple of {step}" if step > 1 else ""
        raise KincapError(f"--size: {model} takes {least} to 1024 pixels{multiple}; found {size}")


def build_net(model: str, width: float, size: int) -> nn.Module:
    """Make a network with fresh weights from torch's random state.

    Args:
        model: One of ``MODELS``.
        width: Factor on every number of channels and hidden units.
        size: Side of the square input, pixels.

    Returns:
        A module that takes (B, 3, size, size) float32 pixels, ``(v - 127) / 128``, RGB, and returns
        a ``NetOutput``.

    Raises:
        KincapError: See ``check_net``.
    """
    check_net(model, width, size)
    if model == "compact":
        return Compact(width, size)
    return Linna(width, size, variant="S" if model == "linna-s" else "M")


def parameters(model: str, width: float, size: int) -> int:
    """Return how many weights a network has, without allocating them."""
    with torch.device("meta"):
        net = build_net(model, width, size)
    return sum(p.numel() for p in net.parameters())
