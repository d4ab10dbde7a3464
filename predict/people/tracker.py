"""Ids of people whom a net finds in whole images: by likeness of their poses, frame by frame.

Someone who was hidden for longer than a pose is worth anything is known again by the clothes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.oks_sigmas import oks_sigmas
from ...core.skeleton import KEYPOINT, KEYPOINTS_13, Skeleton
from ...engines.detection import Detection
from ...engines.engine import Images
from ...train.people.assembly import AssembledPeople
from ...train.people.find import nearest_people
from ..appearance import Look, difference, look_of
from ..tracks import Pose, TrackedPerson
from .engine import PeopleEngine

FROM_NET: Final = "net"
LEAST_LIKE: Final = 0.05
"""Likeness, as OKS, of the poses of one person in two frames."""
SHARED_LEAST: Final = 3
"""Keypoints that two poses must share to be compared."""
MOST_PERSONS: Final = 20
LOOK_KEEP_S: Final = 5.0
"""Seconds that a lost person is known again by the clothes."""
SAME_LOOK: Final = 0.25
"""Clothes that differ by less are the same, see ``appearance.difference``."""
TRUNK: Final = [KEYPOINT[f"{side}_{name}"] for side in "rl" for name in ("shoulder", "hip", "knee")]
"""Keypoints that clothes are looked for between."""
_LOOK_SHARE: Final = 0.1
"""Part of a new look in the mean of looks."""


@dataclass(eq=False)
class _Followed:
    """A person who is followed.

    Attributes:
        id: Of the person.
        pose_px: (K, 2) the last place of each keypoint; NaN: never seen.
        velocity: (2,) pixels a second.
        seen_s: When the person was last seen.
        look: Mean of ``appearance.look_of``; None: not yet seen alone.
    """

    id: int
    pose_px: Pose
    velocity: npt.NDArray[np.float64]
    seen_s: float
    look: Look | None = None


class PeopleTracker:
    """Follows the people that a net finds in the frames of one source.

    Args:
        engine: Finds the people.
        persons: Most people in a frame; the surest are kept.
        keep_s: Seconds that a lost person keeps the id by the pose alone.
        skeleton: The keypoints.
    """

    def __init__(
        self,
        engine: PeopleEngine,
        persons: int = MOST_PERSONS,
        keep_s: float = 1.0,
        skeleton: Skeleton = KEYPOINTS_13,
    ) -> None:
        self._engine, self._persons, self._keep_s = engine, persons, keep_s
        self._sigma = oks_sigmas(skeleton)
        self._followed: list[_Followed] = []
        self._next_id = 1

    def step(
        self, image: Images, time_s: float, detect: Callable[[], Sequence[Detection]] | None = None
    ) -> list[TrackedPerson]:
        """Return the people of the next frame, by id; keypoints that were not found are NaN.

        Args:
            image: (H, W, 3) uint8, RGB.
            time_s: Of the frame, later than that of the frame before.
            detect: Never called: the net needs no detector.
        """
        return self.follow(self._engine.people(image), time_s, image)

    def follow(
        self, people: AssembledPeople, time_s: float, image: Images | None = None
    ) -> list[TrackedPerson]:
        """Return the people of the next frame with their ids.

        Args:
            people: Those found, the surest first.
            time_s: Of the frame.
            image: The frame, (H, W, 3) uint8, RGB; None: clothes tell nothing.
        """
        keep_s = self._keep_s if image is None else max(self._keep_s, LOOK_KEEP_S)
        self._followed = [one for one in self._followed if time_s - one.seen_s <= keep_s]
        poses = people.keypoints_px[: self._persons].astype(np.float64)
        like = np.array(
            [[self._likeness(pose, one, time_s) for one in self._followed] for pose in poses]
        ).reshape(len(poses), len(self._followed))
        known = {p: self._followed[k] for p, k in nearest_people(like, LEAST_LIKE)}
        looks = [_look(image, poses, n) for n in range(len(poses))]
        for n, lost in self._by_look(looks, known).items():
            if n in known:  # the number that the person got while in part hidden
                self._followed.remove(known[n])
            known[n] = lost
        found = []
        for n, pose in enumerate(poses):
            one = known.get(n)
            if one is None:
                one = _Followed(self._next_id, pose, np.zeros(2), time_s)
                self._followed.append(one)
                self._next_id += 1
            _update(one, pose, time_s)
            if (look := looks[n]) is not None:
                one.look = look if one.look is None else one.look + _LOOK_SHARE * (look - one.look)
            confidence = people.confidence[n].astype(np.float64)
            box = _box(pose)
            found.append(
                TrackedPerson(
                    one.id, box, FROM_NET, float(people.score[n]), pose, confidence.clip(0, 1)
                )
            )
        return sorted(found, key=lambda person: person.id)

    def _by_look(
        self, looks: Sequence[Look | None], known: dict[int, _Followed]
    ) -> dict[int, _Followed]:
        """Return who else is known, by the clothes: people without a pose, by poses.

        These are the poses of no one, and of people who were not yet seen alone.
        """
        seen = {one.id for one in known.values()}
        new = [n for n in range(len(looks)) if n not in known or known[n].look is None]
        like = np.zeros((len(looks), len(self._followed)))
        for n in new:
            look = looks[n]
            for k, one in enumerate(self._followed):
                if look is not None and one.look is not None and one.id not in seen:
                    like[n, k] = 1 - difference(one.look, look)
        return {n: self._followed[k] for n, k in nearest_people(like, 1 - SAME_LOOK)}

    def _likeness(self, pose: Pose, one: _Followed, time_s: float) -> float:
        """Return how alike a pose is to where a person is expected."""
        if time_s - one.seen_s > self._keep_s:
            return 0.0
        expected = one.pose_px + one.velocity * min(time_s - one.seen_s, 0.5)
        both = np.isfinite(pose).all(axis=1) & np.isfinite(expected).all(axis=1)
        if both.sum() < SHARED_LEAST:
            return 0.0
        squared = ((pose - expected) ** 2).sum(axis=1)[both]
        box = _box(expected)
        area = max(float((box[2:] - box[:2]).prod()), 1.0)
        # people move between frames: twice the spread of labels
        return float(np.exp(-squared / (2 * (4 * self._sigma[both]) ** 2 * area)).mean())


def _look(image: Images | None, poses: Pose, n: int) -> Look | None:
    """Return the look of one of the poses (P, K, 2); None where it can't be seen alone."""
    pose = poses[n]
    if image is None or len(pose) != len(KEYPOINTS_13) or not np.isfinite(pose[TRUNK]).all():
        return None
    box = _box(pose)
    for other in (one for k, one in enumerate(poses) if k != n and np.isfinite(one).any()):
        x0, y0, x1, y1 = _box(other)
        if x0 < box[2] and x1 > box[0] and y0 < box[3] and y1 > box[1]:
            return None
    return look_of(image, np.nan_to_num(pose))


def _update(one: _Followed, pose: Pose, time_s: float) -> None:
    step_s = time_s - one.seen_s
    both = np.isfinite(pose).all(axis=1) & np.isfinite(one.pose_px).all(axis=1)
    if step_s > 0 and both.any():
        moved = (pose - one.pose_px)[both].mean(axis=0) / step_s
        one.velocity = 0.5 * (one.velocity + moved)
    one.pose_px = np.where(np.isfinite(pose), pose, one.pose_px)
    one.seen_s = time_s


def _box(pose: Pose) -> npt.NDArray[np.float64]:
    """Return the tight box (4,) of what was found of a pose."""
    box: npt.NDArray[np.float64] = np.concatenate(
        [np.nanmin(pose, axis=0), np.nanmax(pose, axis=0)]
    )
    return box
