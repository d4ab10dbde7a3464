"""Mean average precision of keypoints over all people of images, as MPII and PoseTrack define it.

Each true person gets the prediction with the most keypoints within the tolerance, each prediction
at most one person. A keypoint of it is right within the tolerance; all others, and those of
predictions without a person, are false positives. The average precision of a keypoint is the area
under precision over recall, in the order of confidence; their mean over the keypoints is the mAP.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton
from .oks import Array, ImagePeople


@dataclass(frozen=True)
class ImageKeypoints:
    """The people of one image with what their keypoints are judged by.

    Attributes:
        people: True and predicted people.
        tolerance_px: (G,) largest distance of a right keypoint, for each true person: half the head
            size for MPII and PoseTrack.
        confidence: (P, K) of each predicted keypoint.
    """

    people: ImagePeople
    tolerance_px: Array
    confidence: Array


def mean_ap(
    images: Sequence[ImageKeypoints], skeleton: Skeleton = KEYPOINTS_13
) -> dict[str, float | None]:
    """Return the AP of each group of keypoints and ``all``, the mean over the keypoints, percent.

    Args:
        images: The images.
        skeleton: The keypoints.

    Returns:
        By group; None where no keypoint is labelled.
    """
    count = len(skeleton)
    right: list[list[npt.NDArray[np.bool_]]] = [[] for _ in range(count)]
    score: list[list[Array]] = [[] for _ in range(count)]
    total = np.zeros(count, np.int64)
    for image in images:
        hits = _hits(image)
        total += image.people.counted.sum(axis=0)
        found: npt.NDArray[np.bool_] = np.asarray(np.isfinite(image.people.pred_px).all(axis=2))
        for k in range(count):
            right[k].append(hits[found[:, k], k])
            score[k].append(image.confidence[found[:, k], k])
    each = [
        _precision(np.concatenate(right[k]), np.concatenate(score[k]), int(total[k]))
        if images
        else None
        for k in range(count)
    ]
    groups = {**skeleton.group_indices, "all": tuple(range(count))}
    return {name: _mean([each[k] for k in members]) for name, members in groups.items()}


def _hits(image: ImageKeypoints) -> npt.NDArray[np.bool_]:
    """Return which keypoints (P, K) of the predictions are right."""
    people = image.people
    pred = np.where(np.isfinite(people.pred_px), people.pred_px, 1e15)
    truth = np.where(people.counted[..., None], people.truth_px, -1e15)
    distance = np.hypot(*np.moveaxis(pred[:, None] - truth[None], -1, 0))  # (P, G, K)
    near = distance <= image.tolerance_px[:, None]
    share = near.sum(axis=2) / np.maximum(people.counted.sum(axis=1), 1)
    hits = np.zeros(pred.shape[:2], bool)
    # the surest of equal predictions first
    order = np.argsort(-people.score, kind="stable")
    left = share[order].copy()
    while left.size and left.max() > 0:
        p, g = np.unravel_index(int(left.argmax()), left.shape)
        hits[order[p]] = near[order[p], g]
        left[p], left[:, g] = -1, -1
    return hits


def _precision(right: npt.NDArray[np.bool_], score: Array, total: int) -> float | None:
    """Return the area under precision over recall, percent."""
    if not total:
        return None
    order = np.argsort(-score, kind="stable")
    hits, at = right[order], score[order]
    # equal scores are one step
    ends = np.append(np.flatnonzero(np.diff(at)), len(at) - 1) if len(at) else np.array([], int)
    found = np.cumsum(hits)[ends]
    recall = found / total
    precision = found / (ends + 1)
    return 100.0 * float((np.diff(recall, prepend=0.0) * precision).sum())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
