"""Faults that no single row shows: limbs that wander off, bent hands, bodies that turn stiffly."""

import numpy as np
import pytest

from kincap.checks.filters.bodies import Bodies
from kincap.checks.filters.registry import judge_bodies
from kincap.checks.filters.settings import FilterSettings
from kincap.core.skeleton import JOINT, KEYPOINT, KEYPOINT_NAMES

from .test_motion_and_poses import standing

ROWS = 150
AWAY = slice(60, 90)
"""A fifth of the rows."""
HAND = ("Wrist", "Hand", "HandTip", "Thumb")


def judged(
    joints: np.ndarray, state: np.ndarray | None = None, **settings: float
) -> dict[str, np.ndarray]:
    """Return the verdicts on one person."""
    state = np.full(joints.shape[:2], 2, np.uint8) if state is None else state
    linked = np.arange(len(joints)) > 0
    return judge_bodies(Bodies(joints, state, linked), FilterSettings(**settings))


def names(named: np.ndarray, row: int = 75) -> set[str]:
    return {name for name, one in zip(KEYPOINT_NAMES, named[row], strict=True) if one}


def wandering(joints: np.ndarray, parts: tuple[str, ...], by: tuple[float, ...]) -> np.ndarray:
    """Move joints of the left side away in some rows."""
    joints = joints.copy()
    chosen = [JOINT[f"{part}Left"] for part in parts]
    joints[np.ix_(np.arange(ROWS)[AWAY], chosen)] += by
    return joints


@pytest.fixture(scope="module")
def joints() -> np.ndarray:
    return standing(ROWS, noise=0.006)


def test_a_steady_body_is_named_by_none(joints) -> None:
    for name, named in judged(joints).items():
        assert not named.any(), name


def test_a_leg_that_wanders_by_less_than_a_single_row_shows_is_named(joints) -> None:
    """The shank is 5 cm longer, which is below a share of 15 %."""
    named = judged(wandering(joints, ("Ankle", "Foot"), (-0.2, 0, 0)))["bone_length"]
    ankle = named[:, KEYPOINT["l_ankle"]]
    assert ankle[AWAY].mean() > 0.9
    assert not ankle[:55].any()
    assert not ankle[95:].any()
    assert names(named) == {"l_ankle"}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [(("Shoulder", "Elbow", *HAND), {"l_shoulder", "l_elbow", "l_wrist"}),
     (("Hip", "Knee", "Ankle", "Foot"), {"l_hip", "l_knee", "l_ankle"}),
     (("Elbow", *HAND), {"l_elbow", "l_wrist"})],
)  # fmt: skip
def test_all_that_hangs_on_a_joint_moves_along_with_it(joints, parts, expected) -> None:
    assert names(judged(wandering(joints, parts, (-0.12, 0.02, 0)))["bone_length"]) == expected


def test_a_joint_that_passes_the_right_distance_on_its_way_is_named_there_too(joints) -> None:
    """It comes nearer to the elbow, swings round it, and is farther away in the end."""
    wrist = [JOINT[f"{part}Left"] for part in HAND]
    changed = joints.copy()
    changed[np.ix_(np.arange(60, 70), wrist)] += (0, 0.08, 0)
    changed[np.ix_(np.arange(80, 90), wrist)] += (0, -0.08, 0)
    named = judged(changed, hand_bend_deg=180)["bone_length"][:, KEYPOINT["l_wrist"]]
    assert named[60:90].all()
    apart = judged(changed, hand_bend_deg=180, bone_gap_s=0)["bone_length"]
    assert not apart[73:77, KEYPOINT["l_wrist"]].any()


def test_a_bone_with_two_usual_lengths_is_not_odd_in_either(joints) -> None:
    """A real sensor had wrists 7 cm too near in 40 % of the rows, and their pixels were right."""
    changed = joints.copy()
    for part in HAND:
        changed[90:, JOINT[part + "Left"]] += (0, 0.07, 0)
    assert not judged(changed)["bone_length"][:, KEYPOINT["l_wrist"]].any()


def test_a_wrist_that_leaves_a_guessed_elbow_far_behind_is_named(joints) -> None:
    state = np.full((ROWS, 25), 2, np.uint8)
    state[10:140, JOINT["ElbowLeft"]] = 1
    changed = wandering(joints, HAND, (0, -0.15, 0))
    assert not judged(joints, state)["bone_length"].any()
    named = judged(changed, state)["bone_length"][:, KEYPOINT["l_wrist"]]
    assert named[AWAY].mean() > 0.9


def test_a_wrist_that_swings_about_its_elbow_bends_the_hand(joints) -> None:
    """The forearm keeps its length; the hand keeps the direction of the arm that was left."""
    elbow, wrist = joints[:, JOINT["ElbowLeft"]], joints[:, JOINT["WristLeft"]]
    arm = wrist - elbow
    length = np.linalg.norm(arm, axis=1, keepdims=True)
    beside = np.array([-1.0, 0, 0])
    swung = elbow + length * (np.cos(0.8) * arm / length + np.sin(0.8) * beside)
    swung = elbow + (swung - elbow) / np.linalg.norm(swung - elbow, axis=1, keepdims=True) * length
    changed = joints.copy()
    chosen = [JOINT[f"{part}Left"] for part in HAND]
    changed[np.ix_(np.arange(ROWS)[AWAY], chosen)] += (swung - wrist)[AWAY, None]
    found = judged(changed)
    assert found["hand_bend"][AWAY, KEYPOINT["l_wrist"]].mean() > 0.8
    assert names(found["hand_bend"]) == {"l_wrist"}
    assert not judged(changed, hand_bend_deg=90)["hand_bend"].any()


def turned(joints: np.ndarray, angles: np.ndarray, parts: tuple[str, ...] = ()) -> np.ndarray:
    """Turn joints about the upright axis through the spine; all of them, or only some parts."""
    base = joints[:, :1]
    x, y, z = np.moveaxis(joints - base, -1, 0)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    whole = base + np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1)
    if not parts:
        return whole
    chosen = [joint for name, joint in JOINT.items() if name.startswith(parts)]
    mixed = joints.copy()
    mixed[:, chosen] = whole[:, chosen]
    return mixed


def turn(last: int = 90, back: bool = True) -> np.ndarray:
    """(T,) radians: 30 degrees within six rows, held, and back."""
    rows = np.arange(ROWS)
    share = np.clip((rows - 60) / 6, 0, 1)
    return np.deg2rad(30) * (np.minimum(share, np.clip((last - rows) / 6, 0, 1)) if back else share)


def test_a_body_that_turns_stiffly_and_back_is_named_in_between(joints) -> None:
    named = judged(turned(joints, turn()))["stiff_turn"]
    assert named[62:88].all()
    assert not named[:56].any()
    assert not named[94:].any()
    assert not judged(turned(joints, turn()), turn_deg=60)["stiff_turn"].any()


def test_people_who_turn_are_not_named(joints) -> None:
    """They stay turned, turn back much later, or turn over planted feet."""
    upper = ("Shoulder", "Elbow", "Wrist", "Hip", "Head")
    for changed in (
        turned(joints, turn(back=False)),
        turned(joints, turn(145)),
        turned(joints, turn(), upper),
    ):
        assert not judged(changed)["stiff_turn"].any()
