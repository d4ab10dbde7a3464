"""Batch normalisation over the batch of all processes, on any device.

``torch.nn.SyncBatchNorm`` computes on GPUs only. Two processes on a CPU have to learn the same as
one, or no test could show that several GPUs do.
"""

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn


class SpanningBatchNorm(nn.BatchNorm2d):
    """``nn.BatchNorm2d`` whose statistics are those of the batches of all processes.

    Attributes:
        ranks: Number of processes; each has as many samples.
    """

    ranks: int = 1

    def forward(self, input: Tensor) -> Tensor:
        """Return (B, C, H, W) normalised over B, H, W and all processes."""
        if not self.training:
            return super().forward(input)
        features = input.float()
        count = features.numel() // features.shape[1] * self.ranks
        # two passes: the difference of two large sums would lose digits
        mean = _sum_of_all(features.sum(dim=(0, 2, 3))) / count
        centred = features - mean[:, None, None]
        variance = _sum_of_all((centred**2).sum(dim=(0, 2, 3))) / count
        self._follow(mean.detach(), variance.detach() * (count / max(count - 1, 1)))
        scale = self.weight / (variance + self.eps).sqrt()
        out = centred * scale[:, None, None] + self.bias[:, None, None]
        return out.to(input.dtype)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics as ``nn.BatchNorm2d`` does."""
        share = cast(float, self.momentum)
        with torch.no_grad():
            cast(Tensor, self.running_mean).lerp_(mean, share)
            cast(Tensor, self.running_var).lerp_(variance, share)
            cast(Tensor, self.num_batches_tracked).add_(1)


class _SumOfAll(torch.autograd.Function):
    """A sum over all processes; each value has an effect on the losses of all of them."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


def _sum_of_all(value: Tensor) -> Tensor:
    return cast(Tensor, _SumOfAll.apply(value))  # type: ignore[no-untyped-call]  # torch's


def span_processes(net: nn.Module, ranks: int) -> None:
    """Let every batch normalisation of a net span all processes; names and weights stay.

    Args:
        net: Changed in place.
        ranks: Number of processes.
    """
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if type(child) is nn.BatchNorm2d:
                spanning = SpanningBatchNorm(child.num_features, child.eps, child.momentum)
                spanning.weight, spanning.bias = child.weight, child.bias
                for kept in ("running_mean", "running_var", "num_batches_tracked"):
                    setattr(spanning, kept, getattr(child, kept))
                spanning.ranks = ranks
                setattr(parent, name, spanning)
