"""All figures of one set of poses: ``kincap evaluate`` prints and stores them."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..confidence import THRESHOLD, calibration_error, miss_auroc
from ..data import Samples
from ..metrics.errors import mean_and_median
from ..metrics.intervals import interval
from ..metrics.oks import ImagePeople, average_precision
from ..metrics.pck import (
    THRESHOLDS,
    Array,
    Pck,
    Score,
    area_under_curve,
    distances,
    pck,
    pcki,
    score,
)
from ..metrics.pckh import THRESHOLDS_H, pckh
from ..metrics.pcp import pcp
from ..metrics.sides import swap_rate
from ..validate import counted, in_image

AREAS: Final = (0.2, 0.5)
"""Last thresholds of the curves whose areas are reported, shares of the torso."""
SUREST: Final = 0.9
"""Share of the wrists, the surest ones, that are looked at alone."""
BOX_FACTOR: Final = 1.2
"""The crop is this much larger than the tight box of the person (docs/format.md 2.1)."""

Interval = list[float] | None
"""Lower and upper end, percentages; None where there are too few blocks."""


@dataclass(frozen=True)
class Figures:
    """The figures of one set of poses.

    Attributes:
        score: PCK by group at each threshold, the median error, the frames they are of.
        interval: For each threshold the 95 % intervals of each group and of all.
        pdj: PDJ by group at each threshold.
        pcp: ``strict`` and ``loose``, by limb.
        pcki: PCKi by group.
        auc: Mean of PCK up to 0.2 and up to 0.5 torso.
        swap_rate: Percentage of pairs with exchanged sides.
        oks: AP, AP50 and AP75 over OKS, of medium and of large people; ordered by confidence where
            the net has one.
        error: Mean and median error, see ``metrics.errors``.
        pckh: PCKh by threshold; None: the data set has no sizes of heads.
        confidence: ``calibration_error``, ``miss_auroc`` and ``wrist_surest_90`` (PCK@0.2 of the
            wrists without the least sure tenth); None: the net has no confidence.
    """

    score: Score
    interval: dict[str, dict[str, Interval]]
    pdj: dict[str, Pck]
    pcp: dict[str, dict[str, float | None]]
    pcki: Pck
    auc: dict[str, float | None]
    swap_rate: float | None
    oks: dict[str, float | None]
    error: dict[str, float | None]
    pckh: dict[str, Pck] | None = None
    confidence: dict[str, float | None] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the figures of ``--json``: percentages, None where nothing was counted."""
        return {
            "pck": self.score.pck,
            "median_error_torso": self.score.median_error_torso,
            "interval": self.interval,
            "pdj": self.pdj,
            "pcp": self.pcp,
            "pcki": self.pcki,
            "auc": self.auc,
            "swap_rate": self.swap_rate,
            "oks": self.oks,
            "error": self.error,
            "pckh": self.pckh,
            "confidence": self.confidence,
        }


@dataclass(frozen=True)
class Hits:
    """Counted keypoints of each frame, and how far predictions are off.

    Attributes:
        distance: (N, K) pixels of the original images.
        torso: (N,) pixels, NaN where a frame is not used.
        used: (N, K) bool.
    """

    distance: Array
    torso: Array
    used: npt.NDArray[np.bool_]

    def right(self, threshold: float) -> npt.NDArray[np.bool_]:
        """Return which keypoints (N, K) are within a share of the torso."""
        near: npt.NDArray[np.bool_] = (
            self.distance <= (threshold * self.torso)[:, None]
        ) & self.used
        return near


def sides_px(samples: Samples) -> Array:
    """Return the sides (N,) of the crops, pixels of the original images."""
    box = samples.bbox_xyxy_px
    return np.asarray(box[:, 2] - box[:, 0], dtype=np.float64)


def hits_of(
    poses: npt.NDArray[np.floating], samples: Samples, include_inferred: bool = False
) -> Hits:
    """Return what is counted of poses (N, K, 2) in crop units, or of one (K, 2) for all."""
    pred, truth = in_image(poses, samples)
    known = counted(samples, include_inferred)
    distance, torso = distances(pred, truth, known, samples.skeleton)
    return Hits(distance, torso, known & ~np.isnan(torso)[:, None])


def figures_of(
    poses: npt.NDArray[np.floating],
    samples: Samples,
    block: npt.NDArray[np.int64],
    include_inferred: bool = False,
    confidence: Array | None = None,
) -> Figures:
    """Return all figures of poses.

    Args:
        poses: (N, K, 2) in crop units, or (K, 2) to be placed in every crop.
        samples: The split.
        block: (N,) the block of frames that each belongs to, for the intervals.
        include_inferred: Count every labelled keypoint, else those of weight above 0.
        confidence: (N, K), of each keypoint; None: the net has none.
    """
    pred, truth = in_image(poses, samples)
    known = counted(samples, include_inferred)
    hits = hits_of(poses, samples, include_inferred)
    skeleton = samples.skeleton
    other, other_torso = distances(pred, truth, known, skeleton, other_diagonal=True)
    other_used = known & ~np.isnan(other_torso)[:, None]
    return Figures(
        score=score(pred, truth, known, skeleton),
        interval={f"{a:g}": _intervals(hits, a, block, samples) for a in THRESHOLDS},
        pdj={f"{a:g}": pck(other, other_torso, other_used, a, skeleton) for a in THRESHOLDS},
        pcp={
            "strict": pcp(hits.distance, truth, known, skeleton),
            "loose": pcp(hits.distance, truth, known, skeleton, loose=True),
        },
        pcki=pcki(np.broadcast_to(poses, samples.targets.shape), samples.targets, known, skeleton),
        auc={f"{a:g}": area_under_curve(hits.distance, hits.torso, hits.used, a) for a in AREAS},
        swap_rate=swap_rate(pred, truth, hits.used, hits.torso, skeleton),
        oks=_oks(pred, truth, known, samples, confidence),
        error=mean_and_median(hits.distance, known, hits.torso, sides_px(samples)),
        pckh=None
        if samples.head_px is None
        else {
            f"{a:g}": pckh(hits.distance, samples.head_px, known, a, skeleton) for a in THRESHOLDS_H
        },
        confidence=None if confidence is None else _trust(confidence, hits, samples),
    )


def _trust(confidence: Array, hits: Hits, samples: Samples) -> dict[str, float | None]:
    """Return how far confidences can be trusted, see ``Figures``."""
    right, used = hits.right(THRESHOLD), hits.used
    wrists = list(samples.skeleton.group_indices.get("wrist", ()))
    sure, hit = confidence[:, wrists][used[:, wrists]], right[:, wrists][used[:, wrists]]
    kept = np.argsort(-sure, kind="stable")[: round(SUREST * len(sure))]
    return {
        "calibration_error": calibration_error(confidence[used], right[used]),
        "miss_auroc": miss_auroc(confidence[used], right[used]),
        "wrist_surest_90": 100.0 * float(hit[kept].mean()) if len(kept) else None,
    }


def _intervals(
    hits: Hits, threshold: float, block: npt.NDArray[np.int64], samples: Samples
) -> dict[str, Interval]:
    """Return the interval of each group and of all keypoints at a threshold."""
    right = hits.right(threshold)
    everything = tuple(range(right.shape[1]))
    ends = {}
    for group, k in {**samples.skeleton.group_indices, "all": everything}.items():
        total = hits.used[:, list(k)].sum(axis=1)
        found = interval(right[:, list(k)].sum(axis=1), total, block)
        ends[group] = None if found is None else list(found)
    return ends


def _oks(
    pred: Array,
    truth: Array,
    known: npt.NDArray[np.bool_],
    samples: Samples,
    confidence: Array | None,
) -> dict[str, float | None]:
    """Return AP over OKS; each row is an image of one person."""
    alone = np.arange(len(samples))
    people = images_of_people(pred, truth, known, samples, confidence, alone)
    return average_precision(people, samples.skeleton)


def images_of_people(
    pred: Array,
    truth: Array,
    known: npt.NDArray[np.bool_],
    samples: Samples,
    confidence: Array | None,
    image: npt.NDArray[np.int64],
) -> list[ImagePeople]:
    """Return the rows of a split as images with the people in them.

    Args:
        pred: (N, K, 2) predictions, pixels of the original images.
        truth: (N, K, 2) labels.
        known: (N, K) bool, labels that count.
        samples: The split.
        confidence: (N, K); None: every prediction is as sure.
        image: (N,) number of the image that each row is from.

    Returns:
        The images by number; the area of a person is that of the tight box.
    """
    box = samples.bbox_xyxy_px
    area = np.prod((box[:, 2:] - box[:, :2]) / BOX_FACTOR, axis=1)
    score = np.ones(len(samples)) if confidence is None else confidence.mean(axis=1)
    order = np.argsort(image, kind="stable")
    rows = np.split(order, np.flatnonzero(np.diff(image[order])) + 1) if len(order) else []
    return [ImagePeople(truth[i], known[i], area[i], box[i], pred[i], score[i]) for i in rows]
