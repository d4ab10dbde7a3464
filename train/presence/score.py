"""Presence accuracy beside the rate of the majority class (UC San Diego report, Table 2).

A keypoint is present where its label has weight. Of Kinect data that is a joint that the sensor
tracked and no filter rejected; inferred and not tracked joints are absent. Of a public set it is a
keypoint that is labelled, occluded ones too.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.skeleton import Skeleton
from ..metrics.intervals import paired_interval
from ..mirror import Floats


@dataclass(frozen=True)
class PresenceScore:
    """Figures of the presence head on a split, percent.

    Attributes:
        accuracy: Keypoints whose presence is told rightly.
        majority: The same for who says of each keypoint what is true of most of these very rows.
        interval: 95 % interval of the difference; None: too few blocks, or not asked for.
        loss: Mean binary cross-entropy.
        by: ``accuracy``, ``majority`` and ``present`` (share of the rows) of each group.
    """

    accuracy: float
    majority: float
    interval: list[float] | None
    loss: float
    by: dict[str, dict[str, float]]

    def to_json(self) -> dict[str, Any]:
        """Return the figures of ``--json``."""
        return asdict(self)


def score_presence(
    logits: Floats,
    weight: Floats,
    skeleton: Skeleton,
    block: npt.NDArray[np.int64] | None = None,
) -> PresenceScore:
    """Compare a presence head with the labels.

    Args:
        logits: (N, K) float32; above 0 the net says that the keypoint is present.
        weight: (N, K) float32; above 0 it is.
        skeleton: The K keypoints.
        block: (N,) the block of frames that each row belongs to; None: no interval.
    """
    there = weight > 0
    right = (logits > 0) == there
    usual = there.mean(axis=0) >= 0.5
    guessed = usual[None] == there
    ends = None
    if block is not None:
        total = np.full(len(there), there.shape[1])
        ends = paired_interval(right.sum(axis=1), guessed.sum(axis=1), total, block)
    # log(1 + exp(-z)) of the logit of what is true
    signed = np.where(there, logits, -logits).astype(np.float64)
    return PresenceScore(
        accuracy=100 * float(right.mean()),
        majority=100 * float(guessed.mean()),
        interval=None if ends is None else list(ends),
        loss=float(np.logaddexp(0, -signed).mean()),
        by={
            group: {
                "accuracy": 100 * float(right[:, list(k)].mean()),
                "majority": 100 * float(guessed[:, list(k)].mean()),
                "present": 100 * float(there[:, list(k)].mean()),
            }
            for group, k in skeleton.group_indices.items()
        },
    )
