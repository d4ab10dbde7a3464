"""The mean of the poses in each crop and its mirror image, as ``kincap evaluate`` judges a net.

A net finds a hidden limb on one side more easily than on the other one; the mean of both is what
Linna et al. 2016 report. It costs a second pass for each person.
"""

from pathlib import Path

import numpy as np

from ..core.errors import KincapError
from ..core.skeleton import KEYPOINTS_13
from ..engines.engine import Floats, FollowingEngine, Images, PoseEngine, PoseResult
from ..train.following.previous_pose import mirrored
from ..train.mirror import mirror_images, mirror_targets
from .people.engine import PeopleEngine


class MirrorAverage:
    """An engine that gives the mean of another one's poses over each crop and its mirror image.

    Args:
        engine: Finds the 13 keypoints.

    Attributes:
        size: Side of the crops, pixels.
        keypoint_names: Names of the keypoints, in order.
    """

    def __init__(self, engine: PoseEngine) -> None:
        self._engine = engine
        self.size, self.keypoint_names = engine.size, engine.keypoint_names

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops (N, size, size, 3) uint8, RGB."""
        return _mean(self._engine.poses(_with_mirror_images(crops)), len(crops))


class FollowingMirrorAverage(MirrorAverage):
    """The same for an engine that takes the poses of the frame before.

    Args:
        engine: Finds the 13 keypoints, also from where they were.
    """

    def __init__(self, engine: FollowingEngine) -> None:
        super().__init__(engine)
        self._following = engine

    def poses_after(self, crops: Images, previous: Floats) -> PoseResult:
        """Return the poses of crops after some poses (N, K, 3): x, y in crop units, 1 if known."""
        both = np.concatenate([previous, mirrored(previous, KEYPOINTS_13.flip)])
        return _mean(self._following.poses_after(_with_mirror_images(crops), both), len(crops))


def averaged(engine: PoseEngine | PeopleEngine, weights: Path) -> MirrorAverage:
    """Return an engine with mirror averaging.

    Args:
        engine: Of a net that takes crops.
        weights: Its file, for the message.

    Raises:
        KincapError: The net finds everyone in whole images.
    """
    if isinstance(engine, PeopleEngine):
        raise KincapError(
            f"--mirror-average: the net of {weights} finds everyone in whole images, and averages "
            "over crops only; leave the flag out"
        )
    if isinstance(engine, FollowingEngine):
        return FollowingMirrorAverage(engine)
    return MirrorAverage(engine)


def _with_mirror_images(crops: Images) -> Images:
    return np.concatenate([crops, mirror_images(crops)])


def _mean(found: PoseResult, count: int) -> PoseResult:
    """Return (N, K) poses of a result of N crops and then their mirror images."""
    half = np.float32(0.5)
    coords = half * (found.coords[:count] + mirror_targets(found.coords[count:]))
    turned = found.confidence[count:][:, KEYPOINTS_13.flip]
    return PoseResult(coords, half * (found.confidence[:count] + turned))
