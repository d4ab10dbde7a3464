"""The AlexNet-like regressor of DeepPose (Toshev and Szegedy 2014), first stage.

    ====== ================================================== ===========
    layer  kernel                                             map
    ====== ================================================== ===========
    conv1  96, 11x11, stride 4, padded, LRN, pool 3/2         55, then 27
    conv2  256, 5x5, LRN, pool 3/2                            27, then 13
    conv3  384, 3x3                                           13
    conv4  384, 3x3                                           13
    conv5  256, 3x3, pool 3/2                                 13, then 6
    fc6-7  4096, dropout 0.6                                  1
    fc8    two for each keypoint, linear                      1
    ====== ================================================== ===========

The paper counts about 40 million parameters; its layers give 57 to 58. The variants are the
readings that come nearer: a last pool of 3/3 (``pool3``), two groups in conv2, conv4 and conv5 as
in Krizhevsky et al. (``groups2``), both, and a first layer without padding (``unpadded``).

Outputs are displacements from the middle of the box in units of its side, the paper's N(y; b);
0.5 is added to them, which gives crop units.
"""

from collections.abc import Callable
from typing import Final

from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS
from ..recipe import Recipe
from .alexnet_layers import cells_of, conv, lrn, xavier
from .net import Net
from .output import NetOutput

ABOUT: Final = {
    "deeppose": "Toshev and Szegedy 2014, first stage",
    "deeppose-groups2": "its convolutions in two groups",
    "deeppose-pool3": "its last pool without overlap",
    "deeppose-pool3-groups2": "both",
    "deeppose-unpadded": "its first layer without padding",
}

DROPOUT: Final = 0.6

CONV1_PADDING: Final = 4
"""Gives the 55 cells of the paper from 220 pixels; 5 would too, further from the centre."""


def recipe(kind: str, optimizer: str | None) -> Recipe:
    """Return the paper's recipe (Adagrad, batch 128), or AdamW or SGD where they are asked for."""
    base = Recipe(epochs=40 if kind == "pretrain" else 20, batch=128, lr=5e-4)
    return base.with_optimizer(optimizer or "adagrad", 5e-4)


class DeepPose(nn.Module):
    """Regress keypoints from a crop.

    Args:
        width: Factor on every number of channels and hidden units.
        size: Side of the square input, pixels.
        keypoints: Number of keypoints.
        last_pool: Stride of the last pool, 2 or 3; its side is 3.
        groups: Groups of conv2, conv4 and conv5, 1 or 2.
        padded: True if conv1 is padded.
    """

    def __init__(
        self,
        width: float = 1.0,
        size: int = 220,
        keypoints: int = KEYPOINTS,
        *,
        last_pool: int = 2,
        groups: int = 1,
        padded: bool = True,
    ) -> None:
        super().__init__()
        c1, c2, c3, hidden = (
            # an even number, since channels are divided into two groups
            max(2, 2 * round(n * width / 2))
            for n in (96, 256, 384, 4096)
        )
        self.features = nn.Sequential(
            conv(3, c1, 11, stride=4, padding=CONV1_PADDING if padded else 0), nn.ReLU(), lrn(),
            nn.MaxPool2d(3, 2),
            conv(c1, c2, 5, padding=2, groups=groups), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2),
            conv(c2, c3, 3, padding=1), nn.ReLU(),
            conv(c3, c3, 3, padding=1, groups=groups), nn.ReLU(),
            conv(c3, c2, 3, padding=1, groups=groups), nn.ReLU(), nn.MaxPool2d(3, last_pool),
        )  # fmt: skip
        self.regress = nn.Sequential(
            nn.Linear(c2 * cells_of(self.features, size), hidden), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(hidden, 2 * keypoints),
        )  # fmt: skip
        self.apply(xavier)

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels, without maps."""
        features: Tensor = self.features(pixels)
        offsets: Tensor = self.regress(features.flatten(1))
        return NetOutput(offsets.reshape(-1, offsets.shape[1] // 2, 2) + 0.5, None)


def _variant(
    last_pool: int = 2, groups: int = 1, padded: bool = True
) -> Callable[[float, int, int], nn.Module]:
    """Return the builder of a variant."""

    def build(width: float, size: int, keypoints: int) -> DeepPose:
        return DeepPose(width, size, keypoints, last_pool=last_pool, groups=groups, padded=padded)

    return build


def _entry(build: Callable[[float, int, int], nn.Module]) -> Net:
    return Net(
        build, least_px=72, multiple_px=1, default_px=220, recipe=recipe,
        source="Toshev and Szegedy 2014", paper_keypoints=14,
    )  # fmt: skip


NETS: Final = {
    "deeppose": _entry(_variant()),
    "deeppose-groups2": _entry(_variant(groups=2)),
    "deeppose-pool3": _entry(_variant(last_pool=3)),
    "deeppose-pool3-groups2": _entry(_variant(last_pool=3, groups=2)),
    "deeppose-unpadded": _entry(_variant(padded=False)),
}
"""The variants; the first has the layers of AlexNet."""
