"""Count frames in which two people who cross are told apart, by the labels of the sensor."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kincap.core.oks_sigmas import oks_sigmas
from kincap.dataset.kinect13.format import LAYOUTS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.predict.people.by_torch import people_engine
from kincap.predict.people.tracker import PeopleTracker
from kincap.train.checkpoint import load_checkpoint
from kincap.train.metrics.oks import oks
from kincap.train.people.assembly import AssembledPeople
from kincap.train.people.evaluate import PeopleFigures, people_figures
from kincap.train.people.find import nearest_people
from kincap.train.people.frames import PeopleSamples, load_people
from kincap.train.people.run import image_people

LEAST_KNOWN = 4
"""A person with fewer keypoints that the sensor saw is hidden, and not asked for."""
USUAL_KNOWN = 9
"""A data set with the usual filters has no person with fewer keypoints that the sensor saw."""
SAME_OKS = 0.5
NOBODY = AssembledPeople(*(np.zeros((0, *rest), np.float32) for rest in ((13, 2), (13,), ())))


@dataclass
class Apart:
    """Counts over a split.

    Attributes:
        frames: Frames in which the sensor saw both people.
        apart: Those in which each of them has a pose of their own, OKS of 0.5 or more.
        usual: Frames in which the sensor saw so much of both that the usual filters keep them.
        usual_apart: Those in which both are told apart.
        near: Frames of these in which the people's boxes overlap.
        near_apart: Those in which both are told apart.
        crossings: Times that the people changed sides.
        ids_kept: Crossings after which both have the ids that they had before.
    """

    frames: int = 0
    apart: int = 0
    usual: int = 0
    usual_apart: int = 0
    near: int = 0
    near_apart: int = 0
    crossings: int = 0
    ids_kept: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return counts and shares in percent."""
        return {
            **asdict(self),
            "apart_share": 100 * self.apart / max(self.frames, 1),
            "usual_apart_share": 100 * self.usual_apart / max(self.usual, 1),
            "near_apart_share": 100 * self.near_apart / max(self.near, 1),
        }


def judge(weights: Path, data: Path, most: int) -> tuple[Apart, PeopleFigures]:
    """Run a net over the test split, session by session, each image as it is.

    Args:
        weights: The net.
        data: The sessions.
        most: Sessions to take.
    """
    checkpoint = load_checkpoint(weights)
    engine = people_engine(checkpoint, torch.device("cpu"))
    counts, sigma = Apart(), oks_sigmas(checkpoint.skeleton)
    with open_kinect13(data, layouts=LAYOUTS) as dataset:
        rows = dataset.split("test")
        later = [dataset.meta.sessions[k] for k in np.unique(rows.session)[most:]]
        samples = load_people(dataset, "test", checkpoint.size, later)
        slot, session = rows.slot[samples.rows], rows.session[samples.rows]
        everyone = [NOBODY] * len(samples.frames)
        for which in np.unique(session):
            tracker = PeopleTracker(engine)
            before: tuple[int, dict[int, int]] | None = None
            for n in np.flatnonzero(session == which):
                image = samples.frames.images(np.array([n]))[0]
                people = everyone[n] = engine.people(image)
                ids = {
                    tuple(one.keypoints_px[np.isfinite(one.keypoints_px)]): one.id
                    for one in tracker.follow(people, float(rows.time_s[samples.rows[n]]), image)
                }
                seen = samples.frames.known[n].sum(axis=1)
                known = seen >= LEAST_KNOWN
                if known.sum() != 2:
                    continue
                truth = image_people(samples.frames, int(n), people, checkpoint.skeleton)
                pairs = [
                    (p, g)
                    for p, g in nearest_people(oks(truth.pred_px, truth, sigma) * known, SAME_OKS)
                ]
                is_apart = len(pairs) == 2
                counts.frames += 1
                counts.apart += is_apart
                if (seen[known] >= USUAL_KNOWN).all():
                    counts.usual += 1
                    counts.usual_apart += is_apart
                if _overlap(samples, int(n)):
                    counts.near += 1
                    counts.near_apart += is_apart
                    continue
                if not is_apart:
                    continue
                now = {
                    int(slot[n, g]): ids[tuple(truth.pred_px[p][np.isfinite(truth.pred_px[p])])]
                    for p, g in pairs
                }
                side = _side(samples, int(n), slot[n])
                if before is not None and before[0] != side:
                    counts.crossings += 1
                    counts.ids_kept += before[1] == now
                before = (side, now)
        return counts, people_figures(samples, everyone)


def _overlap(samples: PeopleSamples, frame: int) -> bool:
    boxes = samples.frames.box_px[frame][samples.frames.there[frame]]
    low, high = boxes[:, :2].max(axis=0), boxes[:, 2:].min(axis=0)
    return bool((high > low).all())


def _side(samples: PeopleSamples, frame: int, slot: np.ndarray) -> int:
    """Return 1 where the person of the lower slot is further left."""
    there = np.flatnonzero(samples.frames.there[frame])
    middle = samples.frames.box_px[frame][there][:, ::2].mean(axis=1)
    first, second = np.argsort(slot[there])
    return int(middle[first] < middle[second])
