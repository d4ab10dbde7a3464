"""Two people cross: ids that are kept, over many crossings (``python -m tests.nightly crossings``).

The pictures hold two shapes, one in front of the other, with noisy boxes of a detector; the engine
is the one of the tests of tracking, which finds the shape nearest to the middle of its crop.
"""

from typing import Any

import numpy as np

from kincap.engines.detection import Detection
from kincap.predict.tracks import Tracker, TrackSettings
from tests.predict.test_tracks import Shapes, boxes, picture

FPS = 30.0
LEAST_KEPT = 0.95


def crossing(rng: np.random.Generator) -> bool:
    """Return True if both people have their ids after they crossed."""
    tracker = Tracker(Shapes(), TrackSettings(persons=2))
    speed = rng.uniform(90, 260), rng.uniform(90, 260)
    height = 150 + rng.uniform(-40, 40, 2)
    meet_s = 130 / min(speed)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for n in range(round(2 * meet_s * FPS)):
        at_s = n / FPS
        xs = 300 - speed[0] * (meet_s - at_s), 300 + speed[1] * (meet_s - at_s)
        people = [(float(x), float(y)) for x, y in zip(xs, height, strict=True)]

        def detect(people: list[tuple[float, float]] = people) -> list[Detection]:
            return [
                Detection(one.bbox_xyxy_px + rng.normal(0, 3, 4), one.score)
                for one in boxes(*people)
            ]

        found = tracker.step(picture(*people), at_s, detect)
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
    """Count crossings in which both ids are kept."""
    kept = sum(crossing(np.random.default_rng([seed, n])) for n in range(runs))
    failures = [] if kept >= LEAST_KEPT * runs else [f"ids kept in {kept} of {runs} crossings"]
    return {"crossings": runs, "kept": kept, "failures": failures}
