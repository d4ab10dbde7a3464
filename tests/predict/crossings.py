"""Two people cross: ids that are kept, over many crossings (``python -m tests.nightly crossings``).

The pictures hold two shapes, one in front of the other, with noisy boxes of a detector; the engine
is the one of the tests of tracking, which finds the shape nearest to the middle of its crop. In a
third of the meetings clothes are as good as alike, so that movement alone tells who is who. In
another people turn round behind each other, so that clothes alone do.
"""

from typing import Any

import numpy as np

from kincap.engines.detection import Detection
from kincap.predict.tracks import Tracker, TrackSettings
from tests.predict.test_tracks import Shapes, boxes, picture

FPS = 30.0
LEAST_KEPT = 0.95


WAYS = {"other clothes": (60, False), "same clothes": (1, False), "turned back": (60, True)}
"""Grey levels between the clothes, and whether people go back the way they came."""


def crossing(rng: np.random.Generator, apart: int, turns: bool) -> bool:
    """Return True if both people have their ids after they met."""
    tracker = Tracker(Shapes(), TrackSettings(persons=2))
    speed = rng.uniform(90, 260), rng.uniform(90, 260)
    height = 150 + rng.uniform(-40, 40, 2)
    meet_s = 130 / min(speed)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for n in range(round(2 * meet_s * FPS)):
        at_s = n / FPS
        ahead_s = abs(meet_s - at_s) if turns else meet_s - at_s
        xs = 300 - speed[0] * ahead_s, 300 + speed[1] * ahead_s
        people = [(float(x), float(y)) for x, y in zip(xs, height, strict=True)]

        def detect(people: list[tuple[float, float]] = people) -> list[Detection]:
            return [
                Detection(one.bbox_xyxy_px + rng.normal(0, 3, 4), one.score)
                for one in boxes(*people)
            ]

        found = tracker.step(picture(*people, apart=apart), at_s, detect)
        middles = {one.id: one.keypoints_px.mean(axis=0)[0] for one in found}
        if len(middles) == 2 and abs(xs[0] - xs[1]) > 120:
            now = {
                who: min(middles, key=lambda k, x=x: abs(middles[k] - x))
                for who, x in enumerate(xs)
            }
            first = first or now
            last = now
    return bool(first) and first == last and len(set(last.values())) == 2


def run(runs: int, seed: int, jobs: int) -> dict[str, Any]:
    """Count meetings in which both ids are kept."""
    kept = {
        way: sum(crossing(np.random.default_rng([seed, n]), *how) for n in range(runs))
        for way, how in WAYS.items()
    }
    failures = [
        f"{way}: ids kept in {count} of {runs} crossings"
        for way, count in kept.items()
        if count < LEAST_KEPT * runs
    ]
    return {"crossings": runs, "kept": kept, "failures": failures}
