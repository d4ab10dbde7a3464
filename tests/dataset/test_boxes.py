"""The box of a person comes from trusted keypoints; others change it only within limits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kincap.core.geometry import has_place_m, has_place_px
from kincap.core.skeleton import KEYPOINT
from kincap.dataset.boxes import WIDEN, outside_share, person_boxes

PERSON = np.array(
    [[50, 0], [40, 20], [30, 45], [25, 70], [60, 20], [70, 45], [75, 70],
     [42, 80], [42, 120], [42, 160], [58, 80], [58, 120], [58, 160]],
    np.float64,
)  # fmt: skip
ALL = np.ones((1, 13), np.bool_)
SEEN = np.full((1, 13), 2, np.uint8)


def side(points: np.ndarray, trusted: np.ndarray = ALL) -> int:
    """Return the side of one person's box."""
    return int(person_boxes(points[None], SEEN, trusted)[0, 2])


@given(
    st.integers(0, 12),
    st.floats(-4000, 4000, allow_nan=False),
    st.floats(-4000, 4000, allow_nan=False),
)
def test_an_untrusted_keypoint_makes_a_box_at_most_15_percent_larger(index, x, y) -> None:
    trusted = ALL.copy()
    trusted[0, index] = False
    known = np.delete(PERSON, index, axis=0)
    alone = 1.2 * max(np.ptp(known, axis=0))
    moved = PERSON.copy()
    moved[index] = (x, y)
    assert side(moved, trusted) <= np.ceil(alone * (1 + WIDEN))
    assert side(moved, trusted) >= np.floor(alone)


def test_an_untrusted_keypoint_nearby_is_inside_the_box() -> None:
    trusted = ALL.copy()
    trusted[0, KEYPOINT["l_ankle"]] = False
    moved = PERSON.copy()
    moved[KEYPOINT["l_ankle"]] = (58, 170)
    x0, y0, edge = person_boxes(moved[None], SEEN, trusted)[0]
    assert y0 < 0 and y0 + edge > 170  # noqa: PT018  one box
    assert side(moved, trusted) == side(moved)


def test_a_person_without_a_trusted_keypoint_has_a_box_of_no_size() -> None:
    assert person_boxes(PERSON[None], SEEN, ~ALL)[0].tolist() == [0, 0, 2]


@pytest.mark.parametrize(
    ("placed", "share"),
    [((0, 0, 100), 0.0), ((-50, 0, 100), 0.5), ((150, 50, 100), 0.75), ((900, 0, 10), 1.0)],
)
def test_the_share_outside_of_the_picture(placed, share) -> None:
    assert outside_share(np.array([placed]), (200, 100))[0] == share


@pytest.mark.parametrize(
    "point",
    [(0, 0), (np.nan, 5), (5, np.inf), (-np.inf, -np.inf), (-1001, 5), (5, 1000), (2000, 5)],
)
def test_no_position_is_one_rule_in_pixels(point) -> None:
    points = np.array([[10.0, 10.0], point, [-300.0, 400.0]])
    assert has_place_px(points, (1000, 500)).tolist() == [True, False, True]


@pytest.mark.parametrize(
    "point", [(0, 0, 0), (np.nan, 1, 2), (1, np.inf, 2), (1, 1, -np.inf), (0, 0, 25), (-99, 0, 2)]
)
def test_no_position_is_one_rule_in_metres(point) -> None:
    assert has_place_m(np.array([[0.1, 0.2, 2.5], point])).tolist() == [True, False]
