"""The bottom-up net of several people with feature transfer between joints and limbs (CVIU 2019).

One branch of convolutions finds joints, the other limbs; each takes what the other found from as
far as a limb reaches. Stride 8; layers of the full width:

    ================== ======================================================== =============
    part               layers                                                   weights
    ================== ======================================================== =============
    VGG-19             conv1_1 to conv4_2, three pools                          5,863,104
    bifurcation        3x3 512 to 256 (features F)                              1,179,648
    two branches       Conv-1 to Conv-4: 3x3 256 to 128, 128 to 128 three times 2 x 737,280
    two transfers      four blocks: three 3x3 of 128 in series, outputs joined  2 x 2,654,208
    two first heads    Conv-5: 1x1 512 to 128, 1x1 128 to the maps              138,368
    two refinements    of F and all maps: five blocks, 1x1 384 to 128, maps     7,314,816
    ================== ======================================================== =============

With 19 joint maps and 19 limbs (38 limb maps) that is the published 21,278,912 weights without
biases, and 82.5 G multiply-accumulates at 368 x 432. The paper speaks of seven modules of
refinement; five blocks and two layers of 1x1 meet the published total.
"""

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from ...core.errors import KincapError
from ..augment import AugmentSettings
from ..recipe import Recipe
from .net import Net

ABOUT: Final = {
    "transfer": "everyone in a whole image, joints and limbs",
    "transfer-from1": "transfer, starting at Conv-1",
    "transfer-from2": "transfer, starting at Conv-2",
    "transfer-from3": "transfer, starting at Conv-3",
    "transfer-from5": "transfer, starting at Conv-5",
    "transfer-apart": "transfer, without transfers",
    "transfer-once": "transfer, without refinement",
}

STRIDE: Final = 8

TRUNK: Final = ((64, 2), (128, 2), (256, 4), (512, 2))
"""Channels and convolutions of the blocks of VGG-19; a pool between two blocks."""

BRANCH_LAYERS: Final = 4

LEAST_HIDDEN: Final = 128
"""Channels of the hidden layer of a head, where the net is not wider than the paper's."""

LAST_SPREAD: Final = 0.01
"""Standard deviation of the weights that give the maps, at the start."""

RECTIFIED_GAIN: Final = math.sqrt(math.pi / (math.pi - 1))
"""A rectified normal variable has a second moment of 1/2, of which 1 / 2 pi is its mean's."""

KEYPOINT_WEIGHT: Final = 5.0
"""Factor on the errors of the keypoints' maps with fresh weights; the paper has none."""

PAPER_KEYPOINTS: Final = 18
PAPER_LIMBS: Final = 19
"""Those of COCO and a neck, as Cao et al. join them."""


class PeopleMaps(NamedTuple):
    """Maps of a batch of images at stride 8.

    Attributes:
        joints: (B, m, H/8, W/8) float32; the last map is the background.
        limbs: (B, 2 n, H/8, W/8) float32; x and y of the direction of each limb in turn.
    """

    joints: Tensor
    limbs: Tensor


@dataclass(frozen=True)
class TransferSettings:
    """The size of the net and the switches of the paper's tables.

    Attributes:
        joint_maps: Number m of joint maps, with the background.
        limbs: Number n of limbs.
        width: Factor on every number of channels but one: the hidden layer of a head keeps at least
            the 128 of the paper, since its maps do not become fewer either.
        transfer_blocks: Blocks of a transfer.
        transfer_from: Layer of a branch, 1 to 5, that its transfer starts from (5: the hidden
            layer of its first head); 0 for a net without transfers.
        refine_blocks: Blocks of a refinement; 0 for a net without refinement.
    """

    joint_maps: int = 14
    limbs: int = 12
    width: float = 1.0
    transfer_blocks: int = 4
    transfer_from: int = 4
    refine_blocks: int = 5


class Transfer(nn.Module):
    """Find joints and limbs of everyone in an image.

    Args:
        settings: Size and switches.
    """

    def __init__(self, settings: TransferSettings) -> None:
        super().__init__()
        self.settings = settings
        features, inner = (_wide(n, settings.width) for n in (256, 128))
        counts = (settings.joint_maps, 2 * settings.limbs)
        self.trunk, channels = _trunk(settings.width)
        self.split = _conv3(channels, features)
        self.branches = nn.ModuleList(_Series(features, inner, BRANCH_LAYERS) for _ in counts)
        self.before = nn.ModuleList()
        if settings.transfer_from == BRANCH_LAYERS + 1:
            self.before = nn.ModuleList(_conv1(inner, inner) for _ in counts)
        self.transfers = nn.ModuleList(
            _Blocks(inner, inner, settings.transfer_blocks)
            for _ in counts
            if settings.transfer_from
        )
        moved = 3 * inner if settings.transfer_from else 0
        self.heads = nn.ModuleList(_head(inner + moved, inner, count) for count in counts)
        self.refinements = nn.ModuleList(
            nn.Sequential(
                _Blocks(features + sum(counts), inner, settings.refine_blocks),
                _head(3 * inner, inner, count),
            )
            for count in counts
            if settings.refine_blocks
        )
        for place, layer in enumerate(m for m in self.modules() if isinstance(m, nn.Conv2d)):
            _start(layer, is_first=not place)
        for parts in (self.heads, self.refinements):
            for part, background in zip(parts, (1.0, None), strict=False):
                _start_maps(part, background)

    def forward(self, pixels: Tensor) -> tuple[PeopleMaps, ...]:
        """Return the maps of (B, 3, H, W) pixels, H and W multiples of 8.

        Returns:
            The maps of the first heads and, where there is a refinement, the refined ones. All are
            supervised in training; the last are the result.
        """
        features = self.split(self.trunk(pixels))
        depths = [branch(features) for branch in self.branches]
        ends = [layers[BRANCH_LAYERS - 1] for layers in depths]
        for layers, layer in zip(depths, self.before, strict=False):
            layers.append(layer(layers[-1]))
        joined = ends
        if self.transfers:
            starts = [layers[self.settings.transfer_from - 1] for layers in depths]
            # each head takes its own branch and what the transfer brings from the other one
            moved = [part(start) for part, start in zip(self.transfers, starts, strict=True)][::-1]
            joined = [torch.cat(both, dim=1) for both in zip(ends, moved, strict=True)]
        first = PeopleMaps(*(head(into) for head, into in zip(self.heads, joined, strict=True)))
        if not self.refinements:
            return (first,)
        again = torch.cat([features, *first], dim=1)
        return first, PeopleMaps(*(part(again) for part in self.refinements))


class _Series(nn.Module):
    """Convolutions of 3x3 in series, of which every output is wanted.

    Args:
        inputs: Channels of the input.
        inner: Channels of each convolution.
        count: Number of convolutions.
    """

    def __init__(self, inputs: int, inner: int, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            _conv3(inner if depth else inputs, inner) for depth in range(count)
        )

    def forward(self, features: Tensor) -> list[Tensor]:
        """Return the (B, inner, H, W) output of each convolution, the first one first."""
        outputs = []
        for layer in self.layers:
            features = layer(features)
            outputs.append(features)
        return outputs


class _Blocks(nn.Module):
    """Blocks of three convolutions in series whose outputs are joined.

    Args:
        inputs: Channels of the input.
        inner: Channels of each convolution; the output has three times as many.
        count: Number of blocks.
    """

    def __init__(self, inputs: int, inner: int, count: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            _Series(3 * inner if block else inputs, inner, 3) for block in range(count)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return (B, 3 * inner, H, W) of (B, inputs, H, W)."""
        for block in self.blocks:
            features = torch.cat(block(features), dim=1)
        return features


def _trunk(width: float) -> tuple[nn.Sequential, int]:
    """Return the convolutions of VGG-19 up to conv4_2, and their number of channels."""
    layers: list[nn.Module] = []
    channels = 3
    for outputs, convolutions in TRUNK:
        if layers:
            layers.append(nn.MaxPool2d(2))
        made = _wide(outputs, width)
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels, made, 3, padding=1), nn.ReLU(inplace=True)]
            channels = made
    return nn.Sequential(*layers), channels


def _head(inputs: int, inner: int, maps: int) -> nn.Sequential:
    # with the 32 of a width of 1/4, limbs stayed out of their 24 maps however long the net learnt
    hidden = max(inner, LEAST_HIDDEN)
    return nn.Sequential(_conv1(inputs, hidden), nn.Conv2d(hidden, maps, 1))


def _conv3(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True))


def _conv1(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.ReLU(inplace=True))


def _wide(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def _start(layer: nn.Conv2d, *, is_first: bool) -> None:
    """Give a convolution weights that keep the spread of what passes a rectifier, zero biases.

    Xavier's halve it: after the thirty convolutions of this net nothing would be left. He's keep
    it, but the mean that rectified values have grows at the cost of the differences between places:
    after ten layers all places look alike. Filters whose weights add up to 0 pass no mean on
    (Brock, De and Smith 2021). The first layer looks at pixels, whose mean is 0 already.
    """
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    with torch.no_grad():
        if not is_first:
            layer.weight -= layer.weight.mean(dim=(1, 2, 3), keepdim=True)
            layer.weight *= RECTIFIED_GAIN
        if layer.bias is not None:
            layer.bias.zero_()


def _start_maps(part: nn.Module, background: float | None) -> None:
    """Let the last layer of a part give maps near 0 everywhere, as most cells are.

    Args:
        part: The part.
        background: Value of its last map, where that is the background. A net that begins with 0
            there spends hundreds of steps on it alone.
    """
    last = list(part.modules())[-1]
    assert isinstance(last, nn.Conv2d)
    assert last.bias is not None
    nn.init.normal_(last.weight, std=LAST_SPREAD)
    if background is not None:
        nn.init.constant_(last.bias[-1:], background)


def recipe(kind: str, optimizer: str | None) -> Recipe:
    """Return a recipe: AdamW for fresh weights, or the SGD of the paper where it is asked for.

    The paper starts from weights of VGG-19; with fresh ones its rate hardly learns. The loss is a
    sum over the maps, as there; with fresh weights those of keypoints weigh more.
    """
    changes = AugmentSettings(rotation_deg=40, scale=1.5, shift=0.11, gain=0.2)
    base = Recipe(
        epochs=60 if kind == "pretrain" else 30, least_steps=400, batch=28, lr=4e-5, augment=changes
    )
    if optimizer == "sgd":
        return base
    if optimizer == "adagrad":
        return base.with_adagrad()
    return replace(base.with_adamw(1e-3), batch=16, ema=0.99, keypoint_weight=KEYPOINT_WEIGHT)


def _build(width: float, size: int, keypoints: int, **switches: Any) -> Transfer:
    """Return the net of a set of keypoints: a map for each and one of the background."""
    # the 18 keypoints of the paper have 19 limbs; others make a tree
    limbs = PAPER_LIMBS if keypoints == PAPER_KEYPOINTS else keypoints - 1
    if limbs < 1:
        raise KincapError(f"--model transfer: {keypoints} keypoints have no limbs")
    return Transfer(TransferSettings(keypoints + 1, limbs, width, **switches))


def _entry(**switches: Any) -> Net:
    return Net(
        partial(_build, **switches), least_px=64, multiple_px=8, default_px=368, recipe=recipe,
        source="Feature transfer, CVIU 2019", paper_keypoints=PAPER_KEYPOINTS, paper_px=368,
        finds_people=True,
    )  # fmt: skip


NETS: Final = {
    "transfer": _entry(),
    "transfer-from1": _entry(transfer_from=1),
    "transfer-from2": _entry(transfer_from=2),
    "transfer-from3": _entry(transfer_from=3),
    "transfer-from5": _entry(transfer_from=5),
    "transfer-apart": _entry(transfer_from=0),
    "transfer-once": _entry(refine_blocks=0),
}
"""The net, the layers that its transfer may start from, and the two switches of the paper."""
