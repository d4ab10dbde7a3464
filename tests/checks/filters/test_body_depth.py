"""The distance of a body: which joints count."""

import numpy as np
import pytest

from kincap.checks.filters.places import body_depth
from kincap.core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT, TrackingState


def _body() -> tuple[np.ndarray, np.ndarray]:
    """Return the joints (1, 25, 3) of a body whose joints have depths of their own, and states."""
    joints = np.zeros((1, JOINTS, 3), np.float32)
    joints[0, :, 2] = 2 + 0.01 * np.arange(JOINTS)
    return joints, np.full((1, JOINTS), TrackingState.tracked, np.uint8)


@pytest.mark.parametrize("state", [TrackingState.tracked, TrackingState.unknown])
def test_a_joint_whose_state_is_not_known_has_a_depth(state: TrackingState) -> None:
    joints, states = _body()
    states[:] = state
    joints[0, JOINT["SpineBase"], 2] = 3
    assert body_depth(joints, states) == pytest.approx(3)
    # without the spine's base it is the median of the keypoints
    joints[0, JOINT["SpineBase"]] = np.nan
    middle = np.median(joints[0, KEYPOINT_JOINT, 2])
    assert body_depth(joints, states) == pytest.approx(middle)


@pytest.mark.parametrize("state", [TrackingState.inferred, TrackingState.not_tracked])
def test_a_guessed_joint_has_none(state: TrackingState) -> None:
    joints, states = _body()
    states[:] = state
    assert np.isnan(body_depth(joints, states)).all()
    states[0, JOINT["Head"]] = TrackingState.unknown
    assert body_depth(joints, states) == pytest.approx(joints[0, JOINT["Head"], 2])
