"""Response normalisation in a form that runtimes compute quickly.

``nn.LocalResponseNorm`` is exported as a power of 0.75, which onnxruntime takes of one number after
another. Two square roots give the same. Power and pooling took a third of linna's time.
"""

from typing import Final

from torch import Tensor, nn
from torch.nn import functional

from ...train.checkpoint import Checkpoint
from ..deployed_net import DeployedNet

POWER: Final = 0.75
"""Of the paper (Krizhevsky et al. 2012), and of all nets here."""


class QuickResponseNorm(nn.Module):
    """``nn.LocalResponseNorm`` with a power of 0.75, equal but for rounding.

    Args:
        norm: Its size, alpha and k are taken.
    """

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.size, self.alpha, self.k = norm.size, norm.alpha, norm.k

    def forward(self, maps: Tensor) -> Tensor:
        """Return (N, C, H, W) maps divided by the response of the channels around each."""
        # a mean over channels is one over the first axis of a volume
        around = functional.pad((maps * maps).unsqueeze(1), self._edges())
        mean = functional.avg_pool3d(around, (self.size, 1, 1), stride=1).squeeze(1)
        root = (self.alpha * mean + self.k).sqrt()
        return maps / (root * root.sqrt())

    def _edges(self) -> tuple[int, ...]:
        return 0, 0, 0, 0, self.size // 2, (self.size - 1) // 2


def use_quick_norms(net: nn.Module) -> None:
    """Replace the response norms of a net by their quick form."""
    for name, layer in list(net.named_modules()):
        if isinstance(layer, nn.LocalResponseNorm) and layer.beta == POWER:
            parent, _, own = name.rpartition(".")
            setattr(net.get_submodule(parent), own, QuickResponseNorm(layer))


def net_to_export(checkpoint: Checkpoint) -> DeployedNet:
    """Return the net of a checkpoint as it is written to ONNX, in evaluation mode."""
    net = DeployedNet(checkpoint)
    use_quick_norms(net)
    return net.eval()
