"""A person who is followed through the frames, and where that person is expected next."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from ..engines.box_from_pose import TRACK_FACTOR, box_of_pose

Floats = npt.NDArray[np.float64]

_VELOCITY_S: Final = 0.1
"""Time over which a velocity is averaged."""
_VELOCITY_IN_CONTACT_S: Final = 1.0
"""The same while another person hides part of this one, which moves the pose."""
_LOOK_SHARE: Final = 0.1
"""Part of a new look in the mean of looks."""
_FACTORS: Final = 1.05, 1.35
"""Least and most that a detector can make of ``FollowedPerson.factor``."""
_FIT: Final = 0.35
"""Part of the way to a detector's size that one detection is worth."""
CONTACT_S: Final = 1.0
"""Seconds after a contact in which two people may still be mistaken for each other."""


@dataclass
class FollowedPerson:
    """A person who is followed, or was lost a moment ago.

    Attributes:
        id: Of the person.
        box: The box that is looked at next.
        pose_px: The last pose.
        velocity: (2,) pixels a second, of the middle of the pose.
        seen_s: When the person was last seen.
        area: Of the largest box yet.
        frames: Number of frames in which the person was seen.
        is_lost: True while the person is not seen.
        is_unsure: True after a pose of low confidence.
        unsupported: Calls of the detector in a row that found people, but not here.
        supported_s: When a detector found the person last; inf: not yet asked.
        look: Mean of ``appearance.look_of`` while no one else was near; None: not yet known.
        contact_s: When the box last overlapped with another person's.
        factor: Side of the next box, in longest sides of the pose.
    """

    id: int
    box: Floats
    pose_px: Floats
    seen_s: float
    velocity: Floats = field(default_factory=lambda: np.zeros(2))
    area: float = 0.0
    frames: int = 0
    is_lost: bool = False
    is_unsure: bool = False
    unsupported: int = 0
    supported_s: float = np.inf
    look: npt.NDArray[np.float32] | None = None
    contact_s: float = -np.inf
    factor: float = TRACK_FACTOR

    def update(self, pose_px: Floats, time_s: float, look: npt.NDArray[np.float32] | None) -> None:
        """Take in the pose of a frame.

        Args:
            pose_px: (K, 2).
            time_s: Of the frame.
            look: Of the person in the frame; None: it was not asked for.
        """
        was_near = self.was_near(time_s)
        step_s = time_s - self.seen_s
        if step_s > 0 and self.frames:
            moved = (middle_of(pose_px) - middle_of(self.pose_px)) / step_s
            slow_s = _VELOCITY_IN_CONTACT_S if self.contact_s == time_s else _VELOCITY_S
            share = step_s / (step_s + slow_s) if self.frames > 1 else 1.0
            self.velocity = self.velocity + share * (moved - self.velocity)
        if look is not None and (self.look is None or not was_near):
            share = 1.0 if self.look is None else _LOOK_SHARE
            self.look = look if self.look is None else self.look + share * (look - self.look)
        self.pose_px, self.seen_s = pose_px, time_s
        self.box = box_of_pose(pose_px, self.factor)
        self.area = max(self.area, area_of(self.box))
        self.frames += 1

    def fit_size(self, side_px: float) -> None:
        """Bring the next boxes nearer to the size that a detector found.

        A net in a box that is too large finds a pose that is too large, and the error grows from
        box to box; so does the one of a box that is too small.

        Args:
            side_px: Side of the detector's square box, as a net is trained on it.
        """
        low, high = tight_box_of(self.pose_px).reshape(2, 2)
        wanted = side_px / max(float((high - low).max()), 1.0)
        least, most = _FACTORS
        self.factor += _FIT * (min(max(wanted, least), most) - self.factor)
        self.box = box_of_pose(self.pose_px, self.factor)

    def was_near(self, time_s: float) -> bool:
        """Return True if the person was near another one a moment ago."""
        return time_s - self.contact_s <= CONTACT_S

    def step_px(self, time_s: float) -> Floats:
        """Return the way (2,) since the person was seen: carefully, but for one who is lost."""
        since_s = time_s - self.seen_s
        return self.velocity * (since_s if self.is_lost else 0.5 * min(since_s, 0.1))

    def moved(self, time_s: float) -> Floats:
        """Return the box (4,) where the person is expected."""
        x, y = self.step_px(time_s).tolist()
        box: Floats = self.box + (x, y, x, y)
        return box


def middle_of(pose_px: Floats) -> Floats:
    """Return the mean (2,) of a pose (K, 2)."""
    middle: Floats = pose_px.sum(axis=0) / len(pose_px)
    return middle


def tight_box_of(pose_px: Floats) -> Floats:
    """Return the tight box (4,) of a pose (K, 2)."""
    box: Floats = np.concatenate([pose_px.min(axis=0), pose_px.max(axis=0)])
    return box


def area_of(box: Floats) -> float:
    """Return the area of a box (4,)."""
    left, top, right, bottom = map(float, box)
    return max(right - left, 0.0) * max(bottom - top, 0.0)


def common_area(one: Floats, other: Floats) -> float:
    """Return the area that two boxes (4,) have in common."""
    a, b = tuple(map(float, one)), tuple(map(float, other))
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def iou(one: Floats, other: Floats) -> float:
    """Return the intersection over union of two boxes (4,)."""
    both = common_area(one, other)
    return both / max(area_of(one) + area_of(other) - both, 1e-9)
