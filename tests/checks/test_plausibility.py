"""Bodies that can't be people: furniture of any size, and what never moves."""

import re

import numpy as np
import pytest

from kincap.checks.plausibility import SIZES, body_sizes, implausible_stretches, impossible_size
from kincap.core.skeleton import JOINT, JOINT_NAMES

from .people import person

ID = 72057594037930007
RATE = 7.5


def seen(joints: np.ndarray, seconds: float, noise_m: float = 0.008) -> tuple:
    """Return a body seen for some time: joints, sureness and times."""
    count = int(seconds * RATE)
    noise = np.random.default_rng(0).normal(0, noise_m, (count, 25, 3))
    return joints + noise, np.ones((count, 25), np.bool_), np.arange(count) / RATE


@pytest.mark.parametrize("height_m", [1.0, 1.3, 1.7, 2.1])
def test_people_of_any_height_are_possible(height_m: float) -> None:
    assert impossible_size(seen(person(height_m), 2)[0]) is None
    assert implausible_stretches(ID, *seen(person(height_m), 8)) == []


def chair() -> np.ndarray:
    """(25, 3) a chair of 0.4 m, as in the case ghost-body."""
    joints = np.zeros((25, 3))
    joints[:, 0], joints[:, 1], joints[:, 2] = 1.1, np.linspace(-0.9, -0.5, 25), 3.1
    return joints + np.random.default_rng(0).normal(0, 0.01, joints.shape)


@pytest.mark.parametrize("noise_m", [0.0, 0.004, 0.02])
@pytest.mark.parametrize("seconds", [1.0, 5.0, 30.0])
def test_a_chair_is_named_for_all_of_its_time(noise_m: float, seconds: float) -> None:
    (found,) = implausible_stretches(ID, *seen(chair(), seconds, noise_m))
    assert found.tracking_id == ID
    assert found.start_s <= 0
    assert found.end_s >= seconds - 1 / RATE
    assert "expected" in found.text or "does not move" in found.text


@pytest.mark.parametrize(
    ("name", "joints"),
    [
        ("body", person(0.5)),
        ("body", person(2.7)),
        ("body", person(1700.0)),
        ("shoulders", person() * [0.2, 1, 1]),
        ("shoulders", person() * [3, 1, 1]),
    ],
)
def test_impossible_sizes_are_named(name: str, joints: np.ndarray) -> None:
    odd = impossible_size(seen(joints, 2)[0])
    assert odd is not None
    assert odd[0] == name
    (found,) = implausible_stretches(ID, *seen(joints, 4))
    said = float(re.findall(r"[\d.]+", found.text)[0])
    assert said == pytest.approx(odd[1], rel=0.02, abs=0.01)


def test_a_body_is_named_only_while_it_is_impossible() -> None:
    joints, sure, time_s = seen(person(), 12)
    joints[30:60] = seen(chair(), 4)[0]
    (found,) = implausible_stretches(ID, joints, sure, time_s)
    assert (found.start_s, found.end_s) == pytest.approx((4, 8), abs=1)


def test_what_never_moves_is_named_however_it_trembles() -> None:
    (found,) = implausible_stretches(ID, *seen(person(), 20, 0.008))
    assert found.text == "it does not move in 20 s"
    assert implausible_stretches(ID, *seen(person(), 8, 0.008)) == []


@pytest.mark.parametrize("joint", ["Head", "WristLeft"])
def test_one_keypoint_that_moves_is_enough_to_be_a_person(joint: str) -> None:
    joints, sure, time_s = seen(person(), 20)
    joints[:, JOINT[joint], 0] += 0.03 * np.sin(time_s / 3)
    assert implausible_stretches(ID, joints, sure, time_s) == []


def test_guessed_joints_do_not_count_as_movement_nor_missing_ones_as_sizes() -> None:
    joints, sure, time_s = seen(person(), 20)
    joints[:, JOINT["WristLeft"], 0] += 0.2 * np.sin(time_s)
    sure[:, JOINT["WristLeft"]] = False
    assert len(implausible_stretches(ID, joints, sure, time_s)) == 1
    legs = [JOINT[name] for name in JOINT_NAMES if name.startswith(("Knee", "Ankle", "Hip"))]
    joints[:, legs] = np.nan
    assert np.isnan(body_sizes(joints)[:, SIZES.index("leg")]).all()
    assert impossible_size(joints) is None
    assert impossible_size(np.full((10, 25, 3), np.nan)) is None
    assert impossible_size(np.full((10, 25, 3), np.inf)) is None
    assert implausible_stretches(ID, joints[:0], sure[:0], time_s[:0]) == []


def test_a_clock_that_jumps_by_years_costs_no_memory() -> None:
    joints, sure, time_s = seen(chair(), 20)
    time_s[60:] += 1e11
    found = implausible_stretches(ID, joints, sure, time_s)
    assert len(found) >= 1
    assert found[0].start_s <= 0
