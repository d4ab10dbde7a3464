"""Slim rows of bodies: values of tracked ones alone; the same build from pieces of any size."""

import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.dataset import candidates
from kincap.dataset.body_rows import SlimBodies
from kincap.dataset.build import build
from kincap.sessions.schema import BODIES_DTYPE

from .conftest import Body, Frame, Sessions
from .small_builds import settings


def test_values_are_those_of_tracked_bodies_and_nothing_of_the_others() -> None:
    rows = np.zeros(3, BODIES_DTYPE)
    rows["joint_color_px"] = 50 + np.arange(6)[:, None, None]
    rows["joint_state"] = 2
    rows["tracked"][0, 1] = rows["tracked"][2, 4] = rows["tracked"][2, 5] = 1
    slim = SlimBodies((320, 240))
    slim.add(rows[:1])
    slim.add(rows[1:])
    bodies = slim.joined()
    row, slot = np.array([2, 0, 1, 2]), np.array([5, 1, 1, 0])
    assert bodies.points[row, slot].shape == (4, len(KEYPOINT_JOINT), 2)
    assert bodies.points[row, slot][:2, 0, 0].tolist() == [55, 51]
    assert np.isnan(bodies.points[row, slot][2:]).all()
    assert bodies.state[row, slot][:, 3].tolist() == [2, 2, 0, 0]
    changed = bodies.state.with_changed(row[:1], slot[:1], np.full((1, 13), 1, np.uint8))
    assert changed[row, slot][:, 3].tolist() == [1, 2, 0, 0]
    assert bodies.state[2, 5][3] == 2
    assert len(bodies.points.values) == 4  # three tracked bodies, and that of none


def test_the_size_of_the_pieces_in_which_bodies_are_judged_changes_nothing(
    sessions: Sessions, walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = Body(x=230, y=120, height=140, slot=5)
    frames = [Frame((Body(x=120 + k / 2), side) if k % 3 else (side,)) for k in range(30)]
    sessions("train1", [*frames[:15], Frame(()), *frames[15:]])
    sessions("val1", walk(4))
    asked = settings(sessions, joints_at="color", size=16)
    whole = build(asked)
    monkeypatch.setattr(candidates, "_JUDGED_AT_ONCE", 3)
    assert build(asked) == whole
