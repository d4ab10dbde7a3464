"""Layers that the AlexNet-like nets of the literature share, and how their weights begin."""

import torch
from torch import nn


def conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0, groups: int = 1
) -> nn.Conv2d:
    """Return a convolution with a bias."""
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups)


def lrn() -> nn.LocalResponseNorm:
    """Return the response normalisation of Krizhevsky et al. 2012 over five channels."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)


def cells_of(layers: nn.Sequential, size: int) -> int:
    """Return how many cells the last map of convolutions and pools has.

    Args:
        layers: The layers, with square kernels.
        size: Side of the square input, pixels.
    """
    side = size
    for layer in layers:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            kernel, stride, padding = (
                int(n[0]) if isinstance(n, tuple) else int(n)
                for n in (layer.kernel_size, layer.stride, layer.padding)
            )
            side = (side + 2 * padding - kernel) // stride + 1
    return side * side


def xavier(layer: nn.Module) -> None:
    """Give a convolution or a linear layer Xavier weights and zero biases.

    Args:
        layer: The layer; for a whole net, ``net.apply(xavier)``. Other layers are left as they are.
    """
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            with torch.no_grad():
                layer.bias.zero_()
