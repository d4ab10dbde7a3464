"""Nets with a presence and a location head, after a report of UC San Diego.

A trunk of convolutions ends in one fully connected layer, the branch. The presence head (one more
hidden layer) has a logit for each keypoint: is it in the picture? The location head (two hidden
layers) has two numbers for each keypoint: its position. Phase 1 trains trunk and
presence; phase 2 trains the location head on the trunk that phase 1 left.

    ============== ============================== ====== ======================= =================
    net            trunk                          branch presence                location
    ============== ============================== ====== ======================= =================
    ucsd-baseline1 5x5x32, 5x5x64                 1024   512, logits             512, 256, outputs
    ucsd-baseline2 5x5x32, 5x5x64, 3x3x128        1024   512, logits             512, 256, outputs
    ucsd-alexnet   AlexNet without groups         4096   4096, logits            4096, 1024, outputs
    -torchvision   AlexNet as torchvision has it  4096   4096, logits            4096, 1024, outputs
    ucsd-vgg19     the 16 convolutions of VGG-19  4096   4096, logits            4096, 1024, outputs
    ============== ============================== ====== ======================= =================

Each convolution of a baseline is followed by a pool of 2; AlexNet has one more pool (3/2) after
conv4. The report does not give the widths of the baselines, nor any dropout. Branch and presence
head of the two large trunks have that of AlexNet and VGG; a location head with it learns hardly
more than the middle of the crop (docs/benchmarks.md), so no other layer has.
"""

from collections.abc import Callable
from typing import Final

from torch import Tensor, nn

from ..recipe import Recipe
from .alexnet_layers import cells_of, conv, lrn, xavier
from .net import Net
from .output import NetOutput

ABOUT: Final = {
    "ucsd-baseline1": "presence and location, two convolutions",
    "ucsd-baseline2": "presence and location, three convolutions",
    "ucsd-alexnet": "presence and location on AlexNet",
    "ucsd-alexnet-torchvision": "presence and location on torchvision's AlexNet",
    "ucsd-vgg19": "presence and location on VGG-19",
}

DROPOUT: Final = 0.5

VGG19: Final = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels of each block of VGG-19, and how many convolutions of 3x3 it has before its pool."""


class PresenceLocation(nn.Module):
    """Say which keypoints are in a crop, and where.

    Args:
        trunk: Convolutions and pools.
        features: Numbers that the trunk gives for a crop.
        branch: Units of the layer that both heads start from.
        presence: Units of the hidden layer of the presence head.
        location: Units of the two hidden layers of the location head.
        keypoints: Number of keypoints.
        dropout: Share of the units of branch and presence head that training leaves out.
    """

    def __init__(
        self,
        trunk: nn.Sequential,
        features: int,
        branch: int,
        presence: int,
        location: tuple[int, int],
        keypoints: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        first, second = location
        self.trunk = trunk
        self.branch = _hidden(features, branch, dropout)
        self.presence = nn.Sequential(
            _hidden(branch, presence, dropout), nn.Linear(presence, keypoints)
        )
        last = nn.Linear(second, 2 * keypoints)
        self.location = nn.Sequential(_hidden(branch, first), _hidden(first, second), last)
        self.apply(xavier)
        # phase 2 finds a branch whose numbers phase 1 has made large: other weights than 0 would
        # begin far outside of the crop. From its corner, without a bias, it takes long, too
        nn.init.zeros_(last.weight)
        nn.init.constant_(last.bias, 0.5)

    def forward(self, pixels: Tensor) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels, and the logits of the keypoints' presence."""
        branch: Tensor = self.branch(self.trunk(pixels).flatten(1))
        coords: Tensor = self.location(branch)
        return NetOutput(coords.reshape(-1, coords.shape[1] // 2, 2), None, self.presence(branch))


def recipe(kind: str, optimizer: str | None) -> Recipe:
    """Return a recipe: SGD, or AdamW where it is asked for; presence first, then location."""
    epochs = 40 if kind == "pretrain" else 20
    base = Recipe(epochs=epochs, batch=128, lr=1e-2, presence_share=0.5)
    return base.with_optimizer(optimizer, 1e-3)


def _baseline(kernels: tuple[tuple[int, int], ...]) -> Callable[[float, int, int], nn.Module]:
    """Return the builder of a baseline from channels and kernel side of its convolutions."""

    def build(width: float, size: int, keypoints: int) -> PresenceLocation:
        layers: list[nn.Module] = []
        channels = 3
        for outputs, kernel in kernels:
            made = _wide(outputs, width)
            layers += [conv(channels, made, kernel, padding=kernel // 2), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
            channels = made
        trunk = nn.Sequential(*layers)
        hidden, half, quarter = (_wide(n, width) for n in (1024, 512, 256))
        features = channels * cells_of(trunk, size)
        return PresenceLocation(trunk, features, hidden, half, (half, quarter), keypoints)

    return build


def _alexnet(width: float, size: int, keypoints: int) -> PresenceLocation:
    c1, c2, c3 = (_wide(n, width) for n in (96, 256, 384))
    trunk = nn.Sequential(
        conv(3, c1, 11, stride=4, padding=2), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2),
        conv(c1, c2, 5, padding=2), nn.ReLU(), lrn(), nn.MaxPool2d(3, 2),
        conv(c2, c3, 3, padding=1), nn.ReLU(),
        conv(c3, c3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        conv(c3, c2, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    return _with_wide_heads(trunk, c2 * cells_of(trunk, size), width, keypoints)


def _alexnet_torchvision(width: float, size: int, keypoints: int) -> PresenceLocation:
    c1, c2, c3, c4 = (_wide(n, width) for n in (64, 192, 384, 256))
    trunk = nn.Sequential(
        conv(3, c1, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        conv(c1, c2, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        conv(c2, c3, 3, padding=1), nn.ReLU(),
        conv(c3, c4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        conv(c4, c4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    return _with_wide_heads(trunk, c4 * cells_of(trunk, size), width, keypoints)


def _vgg19(width: float, size: int, keypoints: int) -> PresenceLocation:
    layers: list[nn.Module] = []
    channels = 3
    for outputs, convolutions in VGG19:
        made = _wide(outputs, width)
        for _ in range(convolutions):
            layers += [conv(channels, made, 3, padding=1), nn.ReLU()]
            channels = made
        layers.append(nn.MaxPool2d(2))
    trunk = nn.Sequential(*layers)
    return _with_wide_heads(trunk, channels * cells_of(trunk, size), width, keypoints)


def _with_wide_heads(
    trunk: nn.Sequential, features: int, width: float, keypoints: int
) -> PresenceLocation:
    """Return a net with the heads of the two large trunks."""
    hidden, last = _wide(4096, width), _wide(1024, width)
    return PresenceLocation(trunk, features, hidden, hidden, (hidden, last), keypoints, DROPOUT)


def _wide(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def _hidden(inputs: int, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, outputs), nn.ReLU(), nn.Dropout(dropout))


def _entry(
    build: Callable[[float, int, int], nn.Module], least_px: int, px: int | None, paper_px: int
) -> Net:
    return Net(
        build, least_px=least_px, multiple_px=1, default_px=px, recipe=recipe,
        source="UC San Diego report", paper_keypoints=14, paper_px=paper_px,
    )  # fmt: skip


NETS: Final = {
    "ucsd-baseline1": _entry(_baseline(((32, 5), (64, 5))), 16, 128, 128),
    "ucsd-baseline2": _entry(_baseline(((32, 5), (64, 5), (128, 3))), 16, 128, 128),
    "ucsd-alexnet": _entry(_alexnet, 160, None, 224),
    "ucsd-alexnet-torchvision": _entry(_alexnet_torchvision, 160, None, 224),
    "ucsd-vgg19": _entry(_vgg19, 32, None, 224),
}
"""The four trunks, and AlexNet with the layers that torchvision has weights of."""
