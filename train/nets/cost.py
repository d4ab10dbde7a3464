"""The cost of a net: weights, and multiply-accumulates of one image."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class NetCost:
    """The cost of a net.

    Attributes:
        weights: Numbers in its weights of two and more dimensions: the papers' count.
        parameters: All trained numbers, biases and normalisation too.
        macs: Multiply-accumulates of its convolutions and linear layers for one image.
    """

    weights: int
    parameters: int
    macs: int


def measure_cost(net: nn.Module, height: int, width: int) -> NetCost:
    """Return what a net costs, without computing anything.

    Args:
        net: A net on torch's ``meta`` device; put into evaluation mode.
        height: Height of its input, pixels.
        width: Width of its input, pixels.
    """
    macs = 0

    def count(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal macs
        if isinstance(layer, nn.Linear):
            macs += output.numel() * layer.in_features
        elif isinstance(layer, nn.ConvTranspose2d):
            raise TypeError("no net of kincap has transposed convolutions")
        elif isinstance(layer, nn.Conv2d):
            macs += output.numel() * layer.weight[0].numel()

    hooks = [layer.register_forward_hook(count) for layer in net.modules()]
    try:
        with torch.no_grad():
            net.eval()(torch.empty(1, 3, height, width, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    sizes = [(p.numel(), p.ndim) for p in net.parameters()]
    return NetCost(
        weights=sum(n for n, dimensions in sizes if dimensions > 1),
        parameters=sum(n for n, _ in sizes),
        macs=macs,
    )
