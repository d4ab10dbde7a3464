"""The single-stage regression network of Linna, Kannala and Rahtu 2016.

The paper's figure of kernels and strides is not available as text; the layers follow Pfister et
al. 2014. Variant M is the default, variant S keeps more of the map after the second layer:

    ======== ============================== ==============================
    layer    M                              S
    ======== ============================== ==============================
    conv1    96, 7x7, stride 2, LRN, pool 2 96, 7x7, stride 2, LRN, pool 3
    conv2    256, 5x5, stride 2, LRN, pool 2 256, 5x5, stride 1, pool 2
    conv3-5  512, 3x3 each, pool 2          512, 3x3 each, pool 3
    fc6, fc7 4096, dropout 0.5              4096, dropout 0.5
    fc8      26, linear                     26, linear
    ======== ============================== ==============================

At 224 pixels and width 1 that is 98,918,042 weights (M) and 75,849,370 (S).

**Small inputs (M only).** Below 112 pixels the layers above leave a map of one cell for conv3 to
conv5. There conv1 is padded by 3 and conv2 by 2 with stride 1, so that 64 pixels give maps of 32,
16, 8 and 4: the weights of the two forms differ in shape (fc6), and a checkpoint belongs to its
size in any case.
"""

from collections.abc import Callable
from typing import Final

from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS
from ..recipe import Recipe
from .alexnet_layers import cells_of, conv, lrn, xavier
from .net import Net
from .output import NetOutput

ABOUT: Final = {"linna": "Linna et al. 2016, for a GPU", "linna-s": "its variant S"}

SMALL_BELOW_PX: Final = 112
"""Inputs smaller than this get the padded form of the first two layers."""

DROPOUT: Final = 0.5


def recipe(kind: str, optimizer: str | None) -> Recipe:
    """Return the paper's recipe: SGD, a tenth of the rate of pretraining to finetune."""
    first = kind == "pretrain"
    paper = Recipe(epochs=40 if first else 20, batch=256, lr=1e-2 if first else 1e-3)
    # regression without batch normalisation needs a smaller step than the compact net
    return paper.with_optimizer(optimizer, 5e-4)


class Linna(nn.Module):
    """Regress 13 keypoints from a crop.

    Args:
        width: Factor on every number of channels and hidden units.
        size: Side of the square input, pixels.
        keypoints: Number of keypoints.
        variant: ``"M"`` or ``"S"``.
    """

    def __init__(
        self,
        width: float = 1.0,
        size: int = 224,
        keypoints: int = KEYPOINTS,
        variant: str = "M",
    ) -> None:
        super().__init__()
        c1, c2, c3, hidden = (max(1, round(n * width)) for n in (96, 256, 512, 4096))
        if variant == "S":
            first, second = conv(3, c1, 7, stride=2), conv(c1, c2, 5, padding=1)
        elif size < SMALL_BELOW_PX:
            first, second = conv(3, c1, 7, stride=2, padding=3), conv(c1, c2, 5, padding=2)
        else:
            first, second = conv(3, c1, 7, stride=2), conv(c1, c2, 5, stride=2, padding=1)
        wide_pool = 3 if variant == "S" else 2
        second_norm = [] if variant == "S" else [lrn()]
        self.features = nn.Sequential(
            first, nn.ReLU(), lrn(), nn.MaxPool2d(wide_pool),
            second, nn.ReLU(), *second_norm, nn.MaxPool2d(2),
            conv(c2, c3, 3, padding=1), nn.ReLU(),
            conv(c3, c3, 3, padding=1), nn.ReLU(),
            conv(c3, c3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(wide_pool),
        )  # fmt: skip
        cells = cells_of(self.features, size)
        self.regress = nn.Sequential(
            nn.Linear(c3 * cells, hidden), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(DROPOUT),
            nn.Linear(hidden, 2 * keypoints),
        )  # fmt: skip
        self.apply(xavier)

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels, without maps."""
        features: Tensor = self.features(pixels)
        coords: Tensor = self.regress(features.flatten(1))
        return NetOutput(coords.reshape(-1, coords.shape[1] // 2, 2), None)


def _variant_s(width: float, size: int, keypoints: int) -> Linna:
    return Linna(width, size, keypoints, variant="S")


def _entry(build: Callable[[float, int, int], nn.Module], least_px: int) -> Net:
    return Net(
        build, least_px=least_px, multiple_px=1, default_px=None, recipe=recipe,
        source="Linna, Kannala and Rahtu 2016", paper_px=224,
    )  # fmt: skip


NETS: Final = {"linna": _entry(Linna, 48), "linna-s": _entry(_variant_s, 112)}
"""The variants M and S."""
