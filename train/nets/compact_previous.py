"""The compact net with the pose of the frame before as a second input.

Where a person is followed, the pose of the frame before is known, and wrists are near to where they
were. It is drawn as a coarse map for each keypoint at stride 8 and added to the features there, so
every finer and coarser layer sees it. Without a pose the net is ``compact`` to the bit; it can
start from the weights of one.
"""

from typing import Final

import torch
from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS
from .compact import Compact, cell_middles, recipe
from .net import Net
from .output import NetOutput

ABOUT: Final = {"compact-previous": "compact that also takes the pose of the frame before"}

SIGMA_CELLS: Final = 0.8
"""Standard deviation of a keypoint on its map, cells of eight pixels."""
HIDDEN: Final = 48


class CompactPrevious(Compact):
    """Say where 13 keypoints are in a crop, from the picture and from where they were.

    Args:
        width: Factor on every number of channels.
        size: Side of the square input, pixels; a multiple of 16.
        keypoints: Number of keypoints.
    """

    takes_pose: Final = True

    def __init__(self, width: float = 1.0, size: int = 64, keypoints: int = KEYPOINTS) -> None:
        super().__init__(width, size, keypoints)
        hidden, features = max(4, round(HIDDEN * width)), max(4, round(96 * width))
        self.before = nn.Sequential(
            nn.Conv2d(keypoints, hidden, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, features, 3, padding=1),
        )
        # a net that starts from weights of compact begins as that net
        last = self.before[2]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)
        assert last.bias is not None
        nn.init.zeros_(last.bias)
        self.register_buffer("cells8", torch.tensor(cell_middles(size // 8)), persistent=False)

    def forward(self, pixels: Tensor, previous: Tensor | None = None) -> NetOutput:
        """Return the poses of (B, 3, S, S) pixels and the maps that they were read from.

        Args:
            pixels: The crops.
            previous: (B, K, 3) float32, the pose of the frame before in the units of these crops:
                x, y, and 1 where the keypoint is known, else 0. None: no pose is known.
        """
        fine = self.stride4(pixels)
        middle = self.stride8(fine)
        if previous is None:
            previous = pixels.new_zeros(len(pixels), self.maps.out_channels, 3)
        known = (previous[..., 2] > 0).any(dim=1)[:, None, None, None]
        middle = middle + known * self.before(self._drawn(previous))
        return self._finished(fine, middle)

    def _drawn(self, previous: Tensor) -> Tensor:
        """Return a map (B, K, S / 8, S / 8) of where each keypoint was."""
        at = self.get_buffer("cells8")
        place = previous[..., :2] * len(at)
        x, y = (
            (-((at - place[..., axis, None]) ** 2) / (2 * SIGMA_CELLS**2)).exp() for axis in (0, 1)
        )
        return y[..., :, None] * x[..., None, :] * previous[..., 2, None, None]


NETS: Final = {
    "compact-previous": Net(
        CompactPrevious, least_px=32, multiple_px=16, default_px=64, recipe=recipe,
        takes_pose=True, starts_from="compact",
    ),
}  # fmt: skip
