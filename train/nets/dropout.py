"""Another share of dropout than the one that a net is built with."""

from torch import nn

from ...core.errors import KincapError


def set_dropout(net: nn.Module, share: float | None) -> None:
    """Let each dropout layer of a net leave out a share of its units.

    Args:
        net: The net; changed.
        share: From 0 to below 1; None leaves the net as it is.

    Raises:
        KincapError: The net has no such layer.
    """
    if share is None:
        return
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Dropout)]
    if not layers:
        raise KincapError(f"--set: dropout={share:g}: this net has no dropout; leave it out")
    for layer in layers:
        layer.p = share
