"""All filters over arrays: their shapes, what is off, and how long 20,000 rows take."""

import time
from dataclasses import replace

import numpy as np
import pytest

from kincap.checks.filters.bodies import Bodies
from kincap.checks.filters.crowding import overlapped, someone_else_inside
from kincap.checks.filters.motion import too_fast
from kincap.checks.filters.redundancy import near_copies
from kincap.checks.filters.registry import FILTERS, judge_bodies
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.filters.surface import hidden, off_body, patches
from kincap.core.skeleton import JOINT, KEYPOINT

from .test_motion_and_poses import linked, standing, tracked

SETTINGS = FilterSettings()
SIZE_PX = (1920, 1080)


def someone(rows: int = 60, **more) -> Bodies:
    """A person who stands in the middle of the picture."""
    joints = standing(rows)
    pixels = (960, 540) + joints[..., :2] * (400, -400)
    return Bodies(
        joints, tracked(rows), linked(rows), np.arange(rows) / 30, np.zeros(rows, int),
        np.arange(rows), pixels, SIZE_PX, np.zeros(rows, np.uint8), **more,
    )  # fmt: skip


def test_no_filter_names_a_person_who_just_stands_there() -> None:
    found = judge_bodies(someone())
    assert list(found) == list(FILTERS)
    for name, named in found.items():
        assert named.shape == ((60, 13) if FILTERS[name].effect == "weight" else (60,))
        assert not named.any(), name


def test_a_filter_that_is_off_names_nothing() -> None:
    bodies = someone()
    bodies.state[:] = 1
    assert judge_bodies(bodies)["tracking"].all()
    assert "tracking" not in judge_bodies(bodies, FilterSettings(off=("tracking",)))


def test_twenty_thousand_rows_take_well_under_a_second_for_each_filter() -> None:
    bodies = someone(20_000, body_index=np.zeros((20_000, 13, 5, 5), np.uint8),
                     slot=np.zeros(20_000, int), surface_m=np.full((20_000, 13), 2.5))  # fmt: skip
    settings = replace(SETTINGS, thin_motion=0.01)
    for name, one in FILTERS.items():
        began = time.process_time()
        one.judge(bodies, settings)
        assert time.process_time() - began < 1.5, name


@pytest.mark.parametrize("rows", [0, 1, 2, 3])
def test_few_rows_and_rows_of_nothing_are_judged_without_a_warning(rows: int) -> None:
    joints = np.full((rows, 25, 3), np.nan)
    bodies = Bodies(joints, np.zeros((rows, 25), np.uint8), np.zeros(rows, np.bool_))
    assert {len(named) for named in judge_bodies(bodies).values()} == {rows}


def test_a_joint_that_jumps_away_and_back_is_named_while_it_is_away() -> None:
    joints = standing()
    joints[20:27, JOINT["KneeLeft"], 0] += 0.4
    joints[40:, JOINT["Head"], 0] += 0.4
    named = too_fast(joints, linked(), None, SETTINGS)
    assert np.flatnonzero(named[:, JOINT["KneeLeft"]]).tolist() == list(range(20, 27))
    assert np.flatnonzero(named[:, JOINT["Head"]]).tolist() == [39, 40]
    assert named.sum() == 9


def test_bodies_that_jump_away_twice_are_at_home_in_between() -> None:
    joints = standing()
    for away in (slice(20, 24), slice(28, 30)):
        joints[away, JOINT["WristLeft"], 1] += 0.5
    named = too_fast(joints, linked(), None, SETTINGS)
    assert np.flatnonzero(named[:, JOINT["WristLeft"]]).tolist() == [20, 21, 22, 23, 28, 29]


def test_boxes_of_two_people_overlap_in_one_row_only() -> None:
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [0, 0, 10, 10], [9, 0, 19, 10], [np.nan] * 4])
    named = overlapped(boxes, np.array([1, 1, 2, 3, 3]), SETTINGS)
    assert named.tolist() == [True, True, False, False, False]


def test_a_second_person_is_in_a_crop_by_two_known_keypoints() -> None:
    points = np.full((2, 13, 2), 100.0)
    points[1] = 300.0
    points[1, :2] = 120.0
    crops = np.array([[50.0, 50, 150, 150], [250, 250, 350, 350]])
    trusted = np.ones((2, 13), np.bool_)
    assert someone_else_inside(crops, points, trusted, np.zeros(2)).tolist() == [True, False]
    trusted[1, 0] = False
    assert not someone_else_inside(crops, points, trusted, np.zeros(2)).any()


def test_a_keypoint_is_off_its_body_by_most_of_the_pixels_around_it() -> None:
    mask = np.full((40, 40), 255, np.uint8)
    mask[10:30, 10:30] = 3
    points = np.full((1, 13, 2), 20.0)
    points[0, KEYPOINT["l_wrist"]] = (11, 20)
    points[0, KEYPOINT["r_wrist"]] = (8, 20)
    points[0, KEYPOINT["head"]] = (np.nan, 0)
    cut = patches(mask, points)
    assert cut.shape == (1, 13, 5, 5)
    named = off_body(cut, np.array([3]), SETTINGS)[0]
    assert np.flatnonzero(named).tolist() == [KEYPOINT["head"], KEYPOINT["r_wrist"]]
    assert off_body(cut, np.array([2]), SETTINGS).all()


def test_a_keypoint_is_hidden_by_what_is_nearer_and_wrong_before_what_is_farther() -> None:
    joint = np.full((1, 4), 2.5)
    surface = np.array([[2.2, 2.3, 2.7, np.nan]])
    assert hidden(surface, joint, SETTINGS).tolist() == [[True, False, True, False]]


def test_frames_that_show_no_motion_are_thinned_person_by_person() -> None:
    points = np.zeros((6, 13, 2))
    points[:, KEYPOINT["r_shoulder"]] = (0, 0)
    points[:, KEYPOINT["l_hip"]] = (0, 100)
    points[..., 0] += np.array([0, 0.5, 1.1, 1.6, 2.3, 0])[:, None]
    person = np.array([0, 0, 0, 0, 0, 1])
    every = np.ones((6, 13), np.bool_)
    settings = replace(SETTINGS, thin_motion=0.01)
    assert near_copies(points, every, person, settings).tolist() == [0, 1, 0, 1, 0, 0]
    assert not near_copies(points, every, person, SETTINGS).any()
