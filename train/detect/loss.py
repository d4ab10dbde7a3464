"""Loss of the detector: where people are, and how large."""

from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .net import STRIDE, cell_middles

SPREAD: Final = 0.12
"""Spread of a person's middle, in sizes of the box."""
POSITIVE: Final = 0.6
"""Cells whose score should be at least this learn the box."""
BOX_WEIGHT: Final = 2.0


def detector_targets(
    boxes: list[npt.NDArray[np.float32]], ignored: list[npt.NDArray[np.bool_]]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what the net should give.

    Args:
        boxes: For each image (P, 4), xyxy, input pixels.
        ignored: For each image (P,): people whose label is not trusted.

    Returns:
        Scores (N, M), boxes (N, M, 4) of the person nearest to each cell, and weights (N, M):
        0 within the box of an ignored person.
    """
    middles = cell_middles()
    score = torch.zeros(len(boxes), len(middles))
    box = torch.zeros(len(boxes), len(middles), 4)
    weight = torch.ones(len(boxes), len(middles))
    for n, (here, unsure) in enumerate(zip(boxes, ignored, strict=True)):
        for one, skip in zip(torch.from_numpy(here), unsure.tolist(), strict=True):
            size = one[2:] - one[:2]
            if float(size.min()) < 2:
                continue  # cut off at the edge of the input
            if skip:
                weight[n][((middles >= one[:2]) & (middles <= one[2:])).all(dim=1)] = 0
                continue
            away = (middles - (one[:2] + one[2:]) / 2) / (SPREAD * size).clamp_min(STRIDE / 2)
            value = torch.exp(-(away**2).sum(dim=1) / 2)
            value[value.argmax()] = 1
            nearer = value > score[n]
            score[n] = torch.where(nearer, value, score[n])
            box[n] = torch.where(nearer[:, None], one, box[n])
    return score, box, weight


def detector_loss(found: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Return focal loss of the scores (Zhou et al. 2019) plus 1 - GIoU of the boxes."""
    logits, boxes = found
    score, box, weight = targets
    share = logits.sigmoid()
    of_person = -torch.nn.functional.logsigmoid(logits) * (1 - share) ** 2
    of_rest = -torch.nn.functional.logsigmoid(-logits) * share**2 * (1 - score) ** 4
    people = (score == 1).sum().clamp_min(1)
    focal = (torch.where(score == 1, of_person, of_rest) * weight).sum() / people
    near = torch.where(score >= POSITIVE, score, 0) * weight
    box_loss = ((1 - _generalised_overlap(boxes, box)) * near).sum() / near.sum().clamp_min(1)
    return focal + BOX_WEIGHT * box_loss


def _generalised_overlap(a: Tensor, b: Tensor) -> Tensor:
    """Return the generalised IoU (Rezatofighi et al. 2019) of boxes (..., 4)."""
    common = _area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    both = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - common
    hull = _area(torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:]))
    both, hull = both.clamp_min(1e-3), hull.clamp_min(1e-3)
    return common / both - (hull - both) / hull


def _area(low: Tensor, high: Tensor) -> Tensor:
    return (high - low).clamp_min(0).prod(dim=-1)
