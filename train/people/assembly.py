"""Assemble people from joint and limb maps (CVIU 2019, after Cao et al. 2017).

A peak of a joint map is a candidate. A pair of candidates of a limb is scored by how well the limb
map points from one to the other along the line between them. For each limb the best pairs are
taken, each candidate once, and the pairs are joined into people along the limbs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

STRIDE: Final = 8
"""Pixels of a cell of the maps."""


@dataclass(frozen=True)
class AssemblySettings:
    """Thresholds; only the number of samples is from the paper.

    Attributes:
        peak: A cell above it, and above its four neighbours, is a candidate.
        samples: Points of a limb at which its map is read.
        least_along: A sample counts if the map points along the limb by more than this.
        least_share: Share of the samples that must count.
        least_joints: A person with fewer joints is dropped.
        least_score: A person with a lower mean score of joints and limbs is dropped.
    """

    peak: float = 0.1
    samples: int = 10
    least_along: float = 0.05
    least_share: float = 0.8
    least_joints: int = 4
    least_score: float = 0.4


@dataclass(frozen=True)
class AssembledPeople:
    """The people of one image, the best first.

    Attributes:
        keypoints_px: (P, K, 2) float32, pixels of the net's input; NaN where not found.
        confidence: (P, K) float32, height of the peaks; 0 where not found.
        score: (P,) float32, mean of the scores of a person's joints and limbs.
    """

    keypoints_px: Floats
    confidence: Floats
    score: Floats


def assemble(
    joints: Floats,
    limbs: Floats,
    pairs: Sequence[tuple[int, int]],
    settings: AssemblySettings | None = None,
) -> AssembledPeople:
    """Return the people that the maps of one image show.

    Args:
        joints: (K + 1, h, w) float32; the last map is the background and is not read.
        limbs: (2 n, h, w) float32; x and y of the direction of each limb in turn.
        pairs: The n limbs as pairs of joints, from the root outward.
        settings: Thresholds; None for the defaults.
    """
    settings = settings or AssemblySettings()
    keypoints = len(joints) - 1
    peaks = _find_peaks(joints[:-1], settings.peak)
    found = _score_pairs(peaks, limbs, pairs, settings)
    parts, scores = _join(found, peaks, pairs, keypoints)
    return _to_people(parts, scores, peaks, settings)


@dataclass(frozen=True)
class _Peaks:
    """Candidates, ordered by joint: position in cells, height, and where each joint begins."""

    xy: Floats
    height: Floats
    joint: Indices
    begin: Indices


@dataclass(frozen=True)
class _Pairs:
    """Pairs of candidates that may be limbs, the best first within each limb."""

    limb: list[int]
    first: list[int]
    second: list[int]
    score: list[float]


def _find_peaks(maps: Floats, least: float) -> _Peaks:
    """Return cells above ``least`` that no neighbour exceeds, moved to the top of a parabola."""
    count, height, width = maps.shape
    padded = np.full((count, height + 2, width + 2), -np.inf, dtype=np.float32)
    padded[:, 1:-1, 1:-1] = maps
    # a plateau of equal cells gives one peak: one side is strict
    best = np.maximum(padded[:, :-2, 1:-1], padded[:, 1:-1, :-2])
    after = np.maximum(padded[:, 2:, 1:-1], padded[:, 1:-1, 2:])
    joint, y, x = np.nonzero((maps > least) & (maps > best) & (maps >= after))
    value = maps[joint, y, x]
    xy = np.stack(
        [
            x + _offset(padded[joint, y + 1, x], value, padded[joint, y + 1, x + 2]),
            y + _offset(padded[joint, y, x + 1], value, padded[joint, y + 2, x + 1]),
        ],
        axis=1,
    ).astype(np.float32)
    return _Peaks(xy, value, joint, np.searchsorted(joint, np.arange(count + 1)))


def _offset(before: Floats, value: Floats, after: Floats) -> Floats:
    """Return where the parabola through three cells has its top, -0.5 to 0.5; 0 at an edge."""
    known = np.isfinite(before) & np.isfinite(after)
    before, after = np.where(known, before, value), np.where(known, after, value)
    bend = before - 2 * value + after
    top: Floats = np.where(bend < 0, 0.5 * (before - after) / np.minimum(bend, -1e-12), 0)
    return np.clip(top, -0.5, 0.5)


@lru_cache(maxsize=4)
def _steps(samples: int) -> Floats:
    return np.linspace(0, 1, samples, dtype=np.float32)[None, :, None]


def _score_pairs(
    peaks: _Peaks, limbs: Floats, pairs: Sequence[tuple[int, int]], settings: AssemblySettings
) -> _Pairs:
    """Return every pair of candidates that passes as a limb."""
    begin = peaks.begin.tolist()
    firsts, seconds, which = [], [], []
    for limb, (a, b) in enumerate(pairs):
        here, there = begin[a + 1] - begin[a], begin[b + 1] - begin[b]
        if here and there:
            firsts.append(np.repeat(np.arange(begin[a], begin[a + 1]), there))
            seconds.append(np.tile(np.arange(begin[b], begin[b + 1]), here))
            which.append(np.full(here * there, limb))
    if not firsts:
        return _Pairs([], [], [], [])
    first, second, limb_of = map(np.concatenate, (firsts, seconds, which))
    start = peaks.xy[first]
    way = peaks.xy[second] - start
    length = np.sqrt((way * way).sum(axis=1))
    unit = way / np.maximum(length, 1e-6)[:, None]
    points = start[:, None] + way[:, None] * _steps(settings.samples)
    cells = np.rint(points).astype(np.intp)
    height, width = limbs.shape[1:]
    at = (2 * limb_of[:, None] * height + cells[..., 1]) * width + cells[..., 0]
    flat = np.ascontiguousarray(limbs).reshape(-1)
    along = flat[at] * unit[:, :1] + flat[at + height * width] * unit[:, 1:]
    score = along.mean(axis=1)
    passed = (along > settings.least_along).mean(axis=1) >= settings.least_share - 1e-9
    kept = np.flatnonzero(passed & (score > 0) & (length > 0))
    kept = kept[np.lexsort((-score[kept], limb_of[kept]))]
    return _Pairs(
        limb_of[kept].tolist(), first[kept].tolist(), second[kept].tolist(), score[kept].tolist()
    )


def _join(
    found: _Pairs, peaks: _Peaks, pairs: Sequence[tuple[int, int]], keypoints: int
) -> tuple[list[list[int]], list[float]]:
    """Join limbs into people.

    Returns:
        For each person the candidate of each joint (-1: none), and the sum of its limbs' scores.
    """
    people: list[list[int]] = []
    scores: list[float] = []
    owner: dict[int, int] = {}
    used: set[tuple[int, int]] = set()
    for limb, first, second, score in zip(
        found.limb, found.first, found.second, found.score, strict=True
    ):
        if (limb, first) in used or (limb, second) in used:
            continue
        used.add((limb, first))
        used.add((limb, second))
        a, b = pairs[limb]
        one, other = owner.get(first), owner.get(second)
        if one is None and other is None:
            one = len(people)
            people.append([-1] * keypoints)
            scores.append(0.0)
        elif one is None:
            one = other
        assert one is not None
        if other is not None and other != one:
            if any(x >= 0 and y >= 0 for x, y in zip(people[one], people[other], strict=True)):
                continue  # two people who touch: each keeps its joints
            for joint, peak in enumerate(people[other]):
                if peak >= 0:
                    people[one][joint] = peak
                    owner[peak] = one
            scores[one] += scores[other]
            people[other] = []
        elif people[one][a] not in (-1, first) or people[one][b] not in (-1, second):
            continue
        people[one][a], people[one][b] = first, second
        owner[first] = owner[second] = one
        scores[one] += score
    return people, scores


def _to_people(
    parts: list[list[int]], scores: list[float], peaks: _Peaks, settings: AssemblySettings
) -> AssembledPeople:
    """Return the people with enough joints and a high enough score, the best first."""
    keypoints = len(peaks.begin) - 1
    whole = [k for k, part in enumerate(parts) if part]
    chosen = np.array([parts[k] for k in whole], dtype=np.intp).reshape(-1, keypoints)
    there = chosen >= 0
    # one more peak than there is stands for a joint that was not found
    xy = np.concatenate([peaks.xy, np.full((1, 2), np.nan, dtype=np.float32)])[chosen]
    confidence = np.concatenate([peaks.height, np.zeros(1, dtype=np.float32)])[chosen]
    count = there.sum(axis=1)
    limb_scores = np.array([scores[k] for k in whole], dtype=np.float32)
    score = (confidence.sum(axis=1) + limb_scores) / np.maximum(2 * count - 1, 1)
    kept = np.flatnonzero((count >= settings.least_joints) & (score >= settings.least_score))
    kept = kept[np.argsort(-score[kept], kind="stable")]
    return AssembledPeople(
        keypoints_px=(xy[kept] + np.float32(0.5)) * STRIDE - np.float32(0.5),
        confidence=confidence[kept],
        score=score[kept].astype(np.float32),
    )
