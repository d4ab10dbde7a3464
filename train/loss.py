"""Losses over masked keypoints."""

from typing import Final, Literal, NamedTuple

import torch
from torch import Tensor, nn

from .nets.output import NetOutput

MAP_COORDS_FACTOR: Final = 20.0
"""Weight of the coordinates' squared error; at 1 the maps' cross-entropy drowns it."""

MAP_ENTROPY_FACTOR: Final = 1.0

NEWTON_STEPS: Final = 8
NEAREST_EDGE_CELLS: Final = 0.52
"""The outermost mean of a target on a map: all of it is then in the outermost cell."""

Norm = Literal["batch", "coords", "labelled"]
"""Divisors of the squared error, see ``masked_l2``."""


class WholeBatch(NamedTuple):
    """Divisors of a loss: those of the whole batch where several processes share it.

    Attributes:
        ranks: Number of processes; each has as many samples.
        labelled: Sum of the weights of the whole batch, a scalar.
    """

    ranks: int
    labelled: Tensor


def pose_loss(
    output: NetOutput,
    targets: Tensor,
    weight: Tensor,
    norm: Norm = "batch",
    whole: WholeBatch | None = None,
) -> Tensor:
    """Return the loss that belongs to the output of a net.

    Args:
        output: Of a batch of B crops.
        targets: (B, 13, 2) float32, crop units.
        weight: (B, 13) float32 in [0, 1]; the target of a weight of 0 is never looked at.
        norm: Of ``masked_l2``; the loss of maps always divides by the labelled keypoints.
        whole: Of the batch that these crops are a share of; None: they are all of it.

    Returns:
        A scalar: ``masked_l2`` where there are no maps, else ``map_loss``; plus ``presence_loss``
        of a net that has a presence head. The sum over all shares is the loss of the whole batch.
    """
    # losses divide by a count or by a sum of weights; both are the whole batch's
    ranks = 1 if whole is None else whole.ranks
    here = weight.sum().clamp(min=1e-6)
    share = 1.0 if whole is None else here / whole.labelled.clamp(min=1e-6)
    if output.maps is not None:
        return share * map_loss(
            output.coords, output.maps, targets, weight, output.reach, output.sigma_cells
        )
    loss = masked_l2(output.coords, targets, weight, norm)
    loss = loss * share if norm == "labelled" else loss / ranks
    if output.presence is None:
        return loss
    return loss + presence_loss(output.presence, weight) / ranks


def presence_loss(logits: Tensor, weight: Tensor) -> Tensor:
    """Return the mean binary cross-entropy of the presence of keypoints (UC San Diego report).

    Args:
        logits: (B, 13) float32.
        weight: (B, 13) float32; above 0 a keypoint is present: of Kinect data it was tracked, of a
            public set it is labelled.
    """
    there = (weight > 0).to(logits.dtype)
    return nn.functional.binary_cross_entropy_with_logits(logits, there)


def masked_l2(coords: Tensor, targets: Tensor, weight: Tensor, norm: Norm = "batch") -> Tensor:
    """Return half the weighted squared error of Linna et al., equation 1.

    Args:
        coords: (B, 13, 2) float32, crop units.
        targets: (B, 13, 2) float32, crop units.
        weight: (B, 13) float32 in [0, 1].
        norm: Divisor of the sum, besides 2: ``"batch"`` (B; the convention of Caffe's
            Euclidean loss, to which the paper's learning rates belong), ``"coords"`` (26 B), or
            ``"labelled"`` (the sum of the weights: a mean over the labelled keypoints, which does
            not shrink where a set labels few of them).

    Returns:
        A scalar.
    """
    total = (_squared(coords, targets, weight) * weight).sum()
    if norm == "labelled":
        return total / (2 * weight.sum().clamp(min=1e-6))
    count = len(coords) * (coords[0].numel() if norm == "coords" else 1)
    return total / (2 * count)


def map_loss(
    coords: Tensor,
    maps: Tensor,
    targets: Tensor,
    weight: Tensor,
    reach: float = 0.0,
    sigma_cells: float = 1.0,
) -> Tensor:
    """Return the squared error of the read-out plus the cross-entropy of the maps.

    Args:
        coords: (B, 13, 2) float32, crop units, read from the maps.
        maps: (B, 13, H, W) float32, logits.
        targets: (B, 13, 2) float32, crop units.
        weight: (B, 13) float32 in [0, 1].
        reach: How far the maps go past each edge of the crop, in its sides.
        sigma_cells: Standard deviation of the target on a map, in cells.

    Returns:
        A scalar, a mean over the labelled keypoints. A keypoint outside the maps teaches its
        coordinates but not its map, which has no cell for it.
    """
    labelled = weight.sum().clamp(min=1e-6)
    error = (_squared(coords, targets, weight) * weight).sum() / (2 * labelled)
    safe = torch.where(weight[..., None] > 0, targets, 0.5)
    placed = (safe + reach) / (1 + 2 * reach)
    wanted, inside = map_target(placed, maps.shape[2], maps.shape[3], sigma_cells)
    entropy = -(wanted * maps.flatten(2).log_softmax(dim=2)).sum(dim=2)
    blame = (entropy * weight * inside).sum() / labelled
    return MAP_COORDS_FACTOR * error + MAP_ENTROPY_FACTOR * blame


def within(targets: Tensor, weight: Tensor, beyond: float) -> Tensor:
    """Return the weights (B, 13) without those of keypoints far outside of their crops.

    Args:
        targets: (B, 13, 2) float32, crop units.
        weight: (B, 13) float32.
        beyond: How far outside of the crop a keypoint may be, in sides of the crop; inclusive.
    """
    near = ((targets >= -beyond) & (targets <= 1 + beyond)).all(dim=2)
    return torch.where(near, weight, 0.0)


def _squared(coords: Tensor, targets: Tensor, weight: Tensor) -> Tensor:
    """Return the squared distance (B, 13), 0 where the weight is 0.

    Targets without weight are replaced before the subtraction: NaN times 0 would be NaN, and any
    garbage there must leave loss and gradients bit-identical.
    """
    target = torch.where(weight[..., None] > 0, targets, coords.detach())
    return ((coords - target) ** 2).sum(dim=2)


def map_target(
    targets: Tensor, height: int, width: int, sigma_cells: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Return a distribution around each target over the cells of a map, and which are inside.

    It is a Gaussian whose mean over the cells is the target. A Gaussian that is merely cut off at
    the map's edge has its mean up to 0.8 cells further inside, and so would the net.

    Args:
        targets: (B, 13, 2) float32, 0 and 1 are the map's edges.
        height: Rows of a map.
        width: Columns of a map.
        sigma_cells: Standard deviation of the Gaussian, cells.

    Returns:
        (B, 13, H * W) float32 that sum to 1, and (B, 13) float32 of 0 and 1.
    """
    x = _line_target(targets[..., 0], width, sigma_cells)
    y = _line_target(targets[..., 1], height, sigma_cells)
    wanted = (y[..., :, None] * x[..., None, :]).flatten(2)
    inside = ((targets >= 0) & (targets <= 1)).all(dim=2)
    return wanted, inside.float()


def _line_target(targets: Tensor, cells: int, sigma: float) -> Tensor:
    """Return Gaussians (B, 13, cells) along one axis, each with its target (B, 13) as mean."""
    centres = torch.arange(cells, device=targets.device) + 0.5
    mean = (targets * cells).clamp(NEAREST_EDGE_CELLS, cells - NEAREST_EDGE_CELLS)[..., None]
    centre = mean

    def share() -> Tensor:
        return (-((centre - centres) ** 2) / (2 * sigma**2)).softmax(dim=2)

    # the centre of a Gaussian that is cut off is further out than its mean; Newton finds it,
    # from one side, since the mean is a convex function of the centre near the edge
    for _ in range(NEWTON_STEPS):
        line = share()
        found = (line * centres).sum(dim=2, keepdim=True)
        variance = (line * (centres - found) ** 2).sum(dim=2, keepdim=True)
        centre = centre + (mean - found) * sigma**2 / variance.clamp(min=1e-6)
    return share()
