"""EfficientNet-Lite0 with maps: a net whose trunk has seen real pictures before its first step.

The trunk is that of Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural
Networks" (2019), in the published Lite variant: no squeeze and excitation, ReLU6. Weights learnt on
ImageNet are given by ``--trunk``; they expect ``(v - 127) / 128``, as all of kincap's nets do.
Features at strides 4, 8, 16 and 32 are joined from the coarse to the fine (feature pyramid, Lin et
al. 2017), and a map for each keypoint at stride 4 is read out as the mean of its spatial softmax
(integral regression, Sun et al. 2018).
"""

from dataclasses import replace
from typing import Final

from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS
from ...engines.weights.packages import EFFICIENTNET_LITE0
from ..recipe import Recipe
from .compact import recipe as compact_recipe
from .compact_residual import read_out
from .net import Net
from .output import NetOutput

ABOUT: Final = {"efficientnet-lite0": "a trunk that may start from ImageNet's weights, maps"}

STAGES: Final = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192), (1, 3, 1, 6, 320),
)  # fmt: skip
"""Blocks, kernel, stride of the first block, expansion and channels (Table 1 of the paper)."""
STEM: Final = 32
LEVELS: Final = (2, 4, 9, 15)
"""Last blocks of strides 4, 8, 16 and 32."""
JOIN: Final = 64
BATCH_NORM_EPS: Final = 1e-3
"""As in the trunk that the published weights are from."""

_PARTS: Final = (
    ("expand", "_expand_conv", "_bn0"), ("depthwise", "_depthwise_conv", "_bn1"),
    ("project", "_project_conv", "_bn2"),
)  # fmt: skip
"""Parts of a block and the names of their convolution and batch norm in published weights."""


def recipe(kind: str, optimizer: str | None) -> Recipe:
    """Return the net's recipe: that of compact, pretrained at a lower rate.

    A fresh head disturbs a trunk that knows much less where the rate is low and rises slowly.
    """
    own = compact_recipe(kind, optimizer)
    if own.optimizer != "adamw":
        return own
    return replace(own, lr=1e-3, warmup_steps=50) if kind == "pretrain" else own


class EfficientNetLite0(nn.Module):
    """Say where 13 keypoints are in a crop.

    Args:
        width: Factor on every number of channels; published weights fit width 1.
        size: Side of the square input, pixels, a multiple of 32; no layer depends on it.
        keypoints: Number of keypoints.
    """

    def __init__(self, width: float, size: int, keypoints: int = KEYPOINTS) -> None:
        super().__init__()
        channels = _scaled(STEM, width)
        self.stem = _Same(3, channels, 3, 2)
        blocks, ends = [], []
        for count, kernel, stride, expansion, outputs in STAGES:
            for n in range(count):
                after = _scaled(outputs, width)
                blocks.append(
                    _Inverted(channels, after, kernel, stride if n == 0 else 1, expansion)
                )
                channels = after
                ends.append(channels)
        self.blocks = nn.ModuleList(blocks)
        join = _scaled(JOIN, width)
        self.side = nn.ModuleList(nn.Conv2d(ends[n], join, 1, bias=False) for n in LEVELS)
        self.joined = nn.ModuleList(_Inverted(join, join, 5, 1, 2) for _ in LEVELS)
        self.twice = nn.Upsample(scale_factor=2)
        self.maps = nn.Conv2d(join, keypoints, 1)

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels and the maps that they were read from."""
        features: Tensor = self.stem(pixels)
        levels = []
        for n, block in enumerate(self.blocks):
            features = block(features)
            if n in LEVELS:
                levels.append(features)
        joined = self.joined[3](self.side[3](levels[3]))
        for level in (2, 1, 0):
            joined = self.joined[level](self.twice(joined) + self.side[level](levels[level]))
        maps: Tensor = self.maps(joined)
        return NetOutput(read_out(maps), maps)

    def trunk_names(self) -> dict[str, str]:
        """Return the names of the trunk's tensors in published weights, by own name."""
        layers = {"stem.conv": "_conv_stem", "stem.norm": "_bn0"}
        for n, block in enumerate(self.blocks):
            for part, conv, norm in _PARTS:
                if getattr(block, part) is not None:
                    layers[f"blocks.{n}.{part}.conv"] = f"_blocks.{n}.{conv}"
                    layers[f"blocks.{n}.{part}.norm"] = f"_blocks.{n}.{norm}"
        kinds = {"conv": ("weight",), "norm": ("weight", "bias", "running_mean", "running_var")}
        return {
            f"{own}.{part}": f"{there}.{part}"
            for own, there in layers.items()
            for part in kinds[own.rpartition(".")[2]]
        }


class _Same(nn.Module):
    """A convolution with batch norm; where it halves, it pads right and below, as TensorFlow."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1,
        activated: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        before = (kernel - stride) // 2
        after = kernel - stride - before
        self.pad = nn.ZeroPad2d((before, after, before, after)) if before != after else None
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, 0 if self.pad else before, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS)
        self.activation = nn.ReLU6(inplace=True) if activated else None

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, C, H / stride, W / stride)."""
        changed: Tensor = self.norm(self.conv(self.pad(features) if self.pad else features))
        return self.activation(changed) if self.activation else changed


class _Inverted(nn.Module):
    """The inverted residual block: wider by 1x1, depthwise, narrower by 1x1."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = _Same(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = _Same(inner, inner, kernel, stride, groups=inner)
        self.project = _Same(inner, outputs, 1, activated=False)
        self._added = stride == 1 and inputs == outputs

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, outputs, H / stride, W / stride)."""
        wide = self.expand(features) if self.expand else features
        changed: Tensor = self.project(self.depthwise(wide))
        return features + changed if self._added else changed


def _scaled(channels: int, width: float) -> int:
    """Return a number of channels that processors like."""
    return max(8, round(channels * width / 8) * 8)


NETS: Final = {
    "efficientnet-lite0": Net(
        EfficientNetLite0, least_px=64, multiple_px=32, default_px=128, recipe=recipe,
        source="Tan and Le 2019", trunk=EFFICIENTNET_LITE0.name,
    ),
}  # fmt: skip
