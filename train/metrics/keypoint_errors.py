"""Kinds of wrong keypoints, and what each of them costs in average precision.

After Ronchi and Perona 2017, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation".
A keypoint of a prediction that has found its person is, by its similarity

    ks = exp(-d^2 / (2 * area * (2 * sigma)^2))

*good* (0.85 and more), *jitter* (0.5 to 0.85), or further away. Then it is a *swap* if it is on a
keypoint of another person (ks of 0.5 and more), an *inversion* if it is on another keypoint of its
own person, else a *miss*; the nearer of the two decides. A prediction that has found no one (OKS
below 0.1) is *background*; a person that no prediction has found is *not found*.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.oks_sigmas import oks_sigmas
from ...core.skeleton import KEYPOINTS_13, Skeleton
from .oks import Array, ImagePeople, average_precision, oks

GOOD: Final = 0.85
NEAR: Final = 0.5
FOUND: Final = 0.1
"""Similarity from which a prediction has found a person."""

KINDS: Final = ("good", "jitter", "inversion", "swap", "miss")

CORRECTIONS: Final = (
    "miss", "swap", "inversion", "jitter", "score", "background", "not_found",
)  # fmt: skip
"""The order in which errors are corrected, each on top of those before it."""

_KIND_NUMBER: Final = {kind: number for number, kind in enumerate(KINDS)}

Kinds = npt.NDArray[np.int8]


@dataclass(frozen=True)
class ErrorReport:
    """Counts of each error, and the average precision without it.

    Attributes:
        counts: Keypoints of each kind, by the keypoint's name.
        background: Predictions that found no one.
        not_found: People that no prediction found.
        ap: Average precision of the predictions as they are, percent; None where no person counts.
        ap_corrected: After each correction in turn, percent; good keypoints stay as they are, so
            the last one may be a little below 100.
    """

    counts: dict[str, dict[str, int]]
    background: int
    not_found: int
    ap: float | None
    ap_corrected: dict[str, float | None]

    def shares(self) -> dict[str, float | None]:
        """Return the share of each kind among all keypoints of found people, percent."""
        total = sum(sum(by_kind.values()) for by_kind in self.counts.values())
        return {
            kind: None
            if not total
            else 100.0 * sum(by_kind[kind] for by_kind in self.counts.values()) / total
            for kind in KINDS
        }

    def to_json(self) -> dict[str, Any]:
        """Return the report as ``evaluate --json`` has it."""
        return {
            "shares": self.shares(),
            "keypoints": self.counts,
            "background": self.background,
            "not_found": self.not_found,
            "ap": self.ap,
            "ap_corrected": self.ap_corrected,
        }


def diagnose(images: Sequence[ImagePeople], skeleton: Skeleton = KEYPOINTS_13) -> ErrorReport:
    """Return the errors of the predictions of some images.

    Args:
        images: The people of each image, true and predicted.
        skeleton: The keypoints.
    """
    sigma = oks_sigmas(skeleton)
    judged = [_judge(image, sigma) for image in images]
    counts = {
        name: {
            kind: sum(int((j.kinds[:, k] == number).sum()) for j in judged)
            for kind, number in _KIND_NUMBER.items()
        }
        for k, name in enumerate(skeleton.points)
    }
    now = list(images)
    corrected: dict[str, float | None] = {}
    for correction in CORRECTIONS:
        now = [_correct(image, one, correction) for image, one in zip(now, judged, strict=True)]
        if correction == "score":
            now = [replace(image, score=_best_scores(image, sigma)) for image in now]
        corrected[correction] = average_precision(now, skeleton)["ap"]
    return ErrorReport(
        counts=counts,
        background=sum(int((j.person < 0).sum()) for j in judged),
        not_found=sum(len(j.unfound) for j in judged),
        ap=average_precision(images, skeleton)["ap"],
        ap_corrected=corrected,
    )


@dataclass(frozen=True)
class _Findings:
    """The people and kinds of the predictions of one image.

    Attributes:
        person: (P,) the person that a prediction has found; -1 for none.
        kinds: (P, K) the kind of each keypoint; -1 where nothing is counted.
        unfound: People that count and that no prediction has found.
    """

    person: npt.NDArray[np.intp]
    kinds: Kinds
    unfound: list[int]


def _judge(image: ImagePeople, sigma: Array) -> _Findings:
    person = _assign(image, sigma)
    kinds = np.full(image.pred_px.shape[:2], -1, dtype=np.int8)
    for p, g in enumerate(person):
        if g >= 0:
            kinds[p] = _kinds(image, image.pred_px[p], int(g), sigma)
    counting = np.flatnonzero(image.counted.any(axis=1))
    return _Findings(person, kinds, np.setdiff1d(counting, person).tolist())


def _assign(image: ImagePeople, sigma: Array) -> npt.NDArray[np.intp]:
    """Give each prediction, the surest first, the most similar person that is still free."""
    person = np.full(len(image.score), -1, dtype=np.intp)
    if not len(image.truth_px) or not len(image.score):
        return person
    similar = oks(image.pred_px, image, sigma)
    similar[:, ~image.counted.any(axis=1)] = -1
    for p in np.argsort(-image.score, kind="stable"):
        g = int(similar[p].argmax())
        if similar[p, g] >= FOUND:
            person[p] = g
            similar[:, g] = -1
    return person


def _kinds(image: ImagePeople, pose_px: Array, person: int, sigma: Array) -> Kinds:
    """Return the kind (K,) of each keypoint of one prediction; -1 where nothing is counted."""
    keypoints = len(pose_px)
    # (K, G, K): how near each keypoint is to every keypoint of every person
    pose = np.where(np.isfinite(pose_px), pose_px, 1e15)
    truth = np.where(image.counted[..., None], image.truth_px, 0.0)
    squared = ((pose[:, None, None] - truth[None]) ** 2).sum(axis=-1)
    spread = 2 * (2 * sigma) ** 2 * (image.area_px2[person] + np.spacing(1.0))
    near = np.where(image.counted[None], np.exp(-squared / spread), 0.0)
    everyone = np.arange(keypoints)
    own = near[everyone, person, everyone]
    of_self = near[:, person].copy()
    of_self[everyone, everyone] = 0
    of_others = np.delete(near, person, axis=1).reshape(keypoints, -1)
    inverted = of_self.max(axis=1)
    swapped = of_others.max(axis=1) if of_others.shape[1] else np.zeros(keypoints)
    kind = np.full(keypoints, _KIND_NUMBER["miss"], dtype=np.int8)
    kind[inverted >= NEAR] = _KIND_NUMBER["inversion"]
    kind[(swapped >= NEAR) & (swapped > inverted)] = _KIND_NUMBER["swap"]
    kind[own >= NEAR] = _KIND_NUMBER["jitter"]
    kind[own >= GOOD] = _KIND_NUMBER["good"]
    kind[~image.counted[person]] = -1
    return kind


def _correct(image: ImagePeople, judged: _Findings, correction: str) -> ImagePeople:
    """Return an image without one kind of error; the score is corrected elsewhere."""
    if correction == "score":
        return image
    if correction == "background":
        kept = judged.person >= 0
        return replace(image, pred_px=image.pred_px[kept], score=image.score[kept])
    if correction == "not_found":
        counted = image.counted.copy()
        counted[judged.unfound] = False
        return replace(image, counted=counted)
    pred = image.pred_px.copy()
    p, k = np.nonzero(judged.kinds == _KIND_NUMBER[correction])
    pred[p, k] = image.truth_px[judged.person[p], k]
    return replace(image, pred_px=pred)


def _best_scores(image: ImagePeople, sigma: Array) -> Array:
    """Return the score that each prediction deserves: its similarity to the person nearest."""
    if not len(image.truth_px) or not len(image.score):
        return np.zeros(len(image.score))
    best: Array = oks(image.pred_px, image, sigma).max(axis=1)
    return best
