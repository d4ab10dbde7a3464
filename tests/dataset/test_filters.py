"""What costs a keypoint its weight, and what costs the frame."""

import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINT
from kincap.dataset.filters import (
    REASONS,
    FilterSettings,
    apply_filters,
    first_reason,
    is_trusted,
    keypoint_flags,
    label_keypoints,
)

SIZE_PX = (1000, 500)
SETTINGS = FilterSettings()


def judge(points=None, state=None, clipped=0, depth=2.5):
    """Reasons that apply, visibility and weight of one body in the middle of the picture."""
    points = np.full((1, 13, 2), (500.0, 250.0)) if points is None else points
    state = np.full((1, 13), 2, np.uint8) if state is None else state
    flags = keypoint_flags(points, state, np.array([clipped], np.uint8), SIZE_PX, SETTINGS)
    failed = apply_filters(flags, np.array([depth]), SETTINGS)
    visibility, weight = label_keypoints(flags, points, SIZE_PX), is_trusted(flags).astype(float)
    return {reason for reason, fails in failed.items() if fails[0]}, visibility[0], weight[0]


def states(value: int, *names: str) -> np.ndarray:
    """(1, 13) tracked, but for some keypoints."""
    state = np.full((1, 13), 2, np.uint8)
    state[0, [KEYPOINT[name] for name in names]] = value
    return state


def moved(*names: str, to: tuple[float, float]) -> np.ndarray:
    """(1, 13, 2) in the middle, but for some keypoints."""
    points = np.full((1, 13, 2), (500.0, 250.0))
    points[0, [KEYPOINT[name] for name in names]] = to
    return points


def test_a_tracked_body_is_kept_whole() -> None:
    reasons, visibility, weight = judge()
    assert reasons == set()
    assert (visibility == 2).all()
    assert (weight == 1).all()


@pytest.mark.parametrize(
    ("names", "dropped"),
    [
        (("l_wrist", "r_wrist", "l_elbow", "r_elbow"), False),
        (("l_wrist", "r_wrist", "l_elbow", "r_elbow", "head"), True),
        (("l_shoulder", "l_hip"), False),
        (("l_shoulder", "r_shoulder"), True),
        (("l_hip", "r_hip"), True),
    ],
)
def test_inferred_keypoints_lose_their_weight_before_the_frame_is_dropped(names, dropped) -> None:
    reasons, visibility, weight = judge(state=states(1, *names))
    assert reasons == ({"tracking"} if dropped else set())
    lost = [KEYPOINT[name] for name in names]
    assert (weight[lost] == 0).all()
    assert weight.sum() == 13 - len(names)
    assert (visibility[lost] == 1).all()


@pytest.mark.parametrize("nowhere", [np.nan, -np.inf, 5e6])
def test_a_joint_that_is_mapped_nowhere_has_no_label(nowhere: float) -> None:
    reasons, visibility, weight = judge(moved("l_wrist", to=(nowhere, 100)))
    assert reasons == set()
    assert visibility[KEYPOINT["l_wrist"]] == 0
    assert weight[KEYPOINT["l_wrist"]] == 0


def test_an_untracked_joint_has_no_label() -> None:
    _, visibility, weight = judge(state=states(0, "r_knee"))
    assert visibility[KEYPOINT["r_knee"]] == 0
    assert weight[KEYPOINT["r_knee"]] == 0


@pytest.mark.parametrize(
    ("to", "weight"),
    [((20, 250), 1), ((19.9, 250), 0), ((979, 250), 1), ((979.1, 250), 0), ((500, 9.9), 0)],
)
def test_the_margin_of_the_picture_is_two_percent(to, weight) -> None:
    assert judge(moved("l_wrist", to=to))[2][KEYPOINT["l_wrist"]] == weight


def test_outside_the_picture_nothing_is_visible() -> None:
    assert judge(moved("l_wrist", to=(-0.6, 250)))[1][KEYPOINT["l_wrist"]] == 1
    assert judge(moved("l_wrist", to=(-0.5, 250)))[1][KEYPOINT["l_wrist"]] == 2


@pytest.mark.parametrize(("clipped", "weight"), [(0, 1), (1, 0), (2, 0), (4, 1), (8, 1)])
def test_a_body_that_leaves_the_depth_image_sideways_has_a_wider_margin(clipped, weight) -> None:
    judged = judge(moved("l_wrist", to=(119, 250)), clipped=clipped)
    assert judged[2][KEYPOINT["l_wrist"]] == weight


@pytest.mark.parametrize(
    ("depth", "kept"), [(0.99, False), (1.0, True), (4.0, True), (4.01, False), (np.nan, False)]
)
def test_the_person_stands_between_one_and_four_metres(depth: float, kept: bool) -> None:
    assert judge(depth=depth)[0] == (set() if kept else {"range"})


def test_edge_drops_what_is_too_poor_together_with_inferred_keypoints() -> None:
    points = moved("l_ankle", "r_ankle", "l_knee", to=(500, 499))
    assert judge(points)[0] == set()
    assert judge(points, states(1, "l_wrist", "l_elbow"))[0] == {"edge"}
    assert judge(points, states(1, "l_shoulder", "r_shoulder"))[0] == {"tracking"}


def test_a_candidate_is_counted_under_its_first_reason() -> None:
    failed = {"range": np.array([True, True, False]), "edits": np.array([False, True, False])}
    assert [REASONS[i] if i >= 0 else None for i in first_reason(failed, 3)] == [
        "range",
        "edits",
        None,
    ]
