"""The figures of a cascade stage by stage, and the gain of each over the one before."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from ..checkpoint import Checkpoint
from ..data import Samples
from ..metrics.pck import distances
from ..mirror import Floats
from ..validate import counted, in_image, run_net
from .compare import difference
from .figures import Figures, Hits, figures_of

THRESHOLDS: Final = ("0.2", "0.1", "0.05")


def stage_figures(
    checkpoint: Checkpoint,
    samples: Samples,
    poses: Floats,
    figures: Figures,
    block: npt.NDArray[np.int64],
    device: torch.device,
    *,
    include_inferred: bool,
) -> list[dict[str, Any]] | None:
    """Return PDJ and PCP after each stage, with mirror averaging; None: it has one stage alone.

    Args:
        checkpoint: The net.
        samples: The split, its images as large as the cascade takes them.
        poses: (N, K, 2) float32 of the whole cascade in the labels' boxes; crop units.
        figures: Of these poses.
        block: (N,) the block of frames that each belongs to, for the intervals.
        device: Where the net runs.
        include_inferred: Count every labelled keypoint, else those of weight above 0.

    Returns:
        For each stage ``stage``, ``pdj``, ``pcp`` and ``gain``: PDJ minus that of the stage
        before, in points, with its 95 % interval; None for the first.
    """
    if checkpoint.cascade is None:
        return None
    found: list[dict[str, Any]] = []
    before: Hits | None = None
    for number in range(1, checkpoint.stages + 1):
        if number < checkpoint.stages:
            poses_here = _poses(checkpoint.first_stages(number), samples, checkpoint.size, device)
            here = figures_of(poses_here, samples, block, include_inferred)
        else:
            poses_here, here = poses, figures
        hits = _pdj_hits(poses_here, samples, include_inferred)
        gain = None
        if before is not None:
            every = difference(hits, before, block, samples.skeleton.group_indices)
            gain = {a: every[a]["all"] for a in THRESHOLDS}
        found.append({"stage": number, "pdj": here.pdj, "pcp": here.pcp, "gain": gain})
        before = hits
    return found


def _poses(checkpoint: Checkpoint, samples: Samples, view: int, device: torch.device) -> Floats:
    """Return the poses of the first stages, averaged over crops and their mirrored copies."""
    net = checkpoint.at_view(view).to(device)
    single = run_net(net, samples, device).poses
    both: Floats = np.float32(0.5) * (single + run_net(net, samples, device, mirrored=True).poses)
    return both


def _pdj_hits(poses: Floats, samples: Samples, include_inferred: bool) -> Hits:
    """Return distances with the torso of PDJ, its other diagonal."""
    pred, truth = in_image(poses, samples)
    known = counted(samples, include_inferred)
    distance, torso = distances(pred, truth, known, samples.skeleton, other_diagonal=True)
    return Hits(distance, torso, known & ~np.isnan(torso)[:, None])
