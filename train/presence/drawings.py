"""Pictures of a report: curves of the run, filters of the first layer, places of the joints."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from torch import nn

from ...core.skeleton import Skeleton
from ..mirror import Floats
from .learning_curves import PhaseCurve

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS: Final = 32
"""Cells of a density along each axis of the crop."""
MOST_FILTERS: Final = 96
_DPI: Final = 100


def curves_png(curves: Sequence[PhaseCurve]) -> bytes:
    """Return a chart of the losses and one of the figure for each phase."""
    from matplotlib.figure import Figure

    picture = Figure(figsize=(9, 3 * len(curves)), layout="constrained")
    axes = picture.subplots(len(curves), 2, squeeze=False)
    for (left, right), one in zip(axes, curves, strict=True):
        name = f"phase {one.phase}: " if one.phase else ""
        left.plot(one.steps, one.train_loss, label="training")
        left.plot(one.steps, one.val_loss, label="validation")
        left.set(xlabel="step", ylabel="loss", title=f"{name}loss")
        left.legend()
        right.plot(one.steps, one.values, label="validation")
        right.axvline(one.steps[one.converged], color="0.6", linestyle="--", label="converged")
        right.set(xlabel="step", ylabel="%", title=f"{name}{one.figure}")
        right.legend()
    return _png(picture)


def filters_png(net: nn.Module) -> bytes | None:
    """Return the filters of a net's first convolution, each scaled to its own range.

    Args:
        net: A net whose first convolution takes three channels; else there is no picture.
    """
    first = next((layer for layer in net.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is None or first.weight.shape[1] != 3:
        return None
    from matplotlib.figure import Figure

    filters = first.weight.detach().cpu()[:MOST_FILTERS]
    low, high = filters.amin((1, 2, 3), keepdim=True), filters.amax((1, 2, 3), keepdim=True)
    shown = ((filters - low) / (high - low).clamp(min=1e-9)).permute(0, 2, 3, 1).numpy()
    columns = min(16, len(shown))
    lines = -(-len(shown) // columns)
    picture = Figure(figsize=(9, 9 * lines / columns), layout="constrained")
    for place in picture.subplots(lines, columns, squeeze=False).ravel():
        place.axis("off")
    for place, one in zip(picture.axes, shown, strict=False):
        place.imshow(one, interpolation="nearest")
    return _png(picture)


def density_png(targets: Floats, weight: Floats, skeleton: Skeleton) -> bytes:
    """Return where in the crop the keypoints of each group are.

    Args:
        targets: (N, K, 2) float32, crop units.
        weight: (N, K) float32; keypoints of weight 0 are left out.
        skeleton: The keypoints.
    """
    from matplotlib.figure import Figure

    groups = {**skeleton.group_indices, "all": tuple(range(len(skeleton)))}
    columns = 4
    lines = -(-len(groups) // columns)
    picture = Figure(figsize=(9, 2.4 * lines), layout="constrained")
    places = picture.subplots(lines, columns, squeeze=False).ravel()
    for place in places:
        place.axis("off")
    for place, (group, k) in zip(places, groups.items(), strict=False):
        own = targets[:, list(k)][weight[:, list(k)] > 0]
        counts, _, _ = np.histogram2d(own[:, 1], own[:, 0], CELLS, ((0, 1), (0, 1)))
        place.imshow(np.sqrt(counts), extent=(0, 1, 1, 0), cmap="magma")
        place.set_title(group, fontsize=9)
    return _png(picture)


def _png(picture: "Figure") -> bytes:
    buffer = io.BytesIO()
    picture.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
