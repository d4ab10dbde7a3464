"""The start of training from fresh weights, as the papers name it."""

import torch
from torch import nn


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
