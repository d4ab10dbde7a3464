"""Coverage: places of wrists and elbows, the cells in reach, and what is missing."""

import json

import numpy as np
import pytest

from kincap.checks.coverage.grid import CoverageGrid
from kincap.checks.coverage.places import CELL, CELLS, LIMBS, NOWHERE, cells_of, limb_places
from kincap.checks.coverage.reach import reachable
from kincap.core.skeleton import JOINT, KEYPOINT, KEYPOINTS, TrackingState
from kincap.sessions.schema import BODIES_DTYPE, Rows

TRUNK_M = 0.5
UPPER_M, FORE_M = 0.28, 0.25


def body_rows(
    places: np.ndarray, *, distance_m: float = 2.5, yaw_deg: float = 0.0, limb: str = "l"
) -> Rows:
    """Return a row for each place (across to the own side, up; metres) of a wrist.

    The body faces the sensor; camera space has the person's right at positive x.
    """
    rows = np.zeros(len(places), BODIES_DTYPE)
    rows["tracked"][:, 2] = 1
    joints = np.zeros((len(places), 25, 3), np.float32)
    joints[..., 2] = distance_m
    own, other = ("Left", "Right") if limb == "l" else ("Right", "Left")
    side = -1.0 if limb == "l" else 1.0
    yaw = np.radians(yaw_deg)
    for name, sign in ((own, side), (other, -side)):
        # a turn to the person's left brings the right shoulder nearer
        wide = 0.2 * (1 if name == "Right" else -1)
        turned = [np.cos(yaw) * wide, -np.sin(yaw) * wide]
        joints[:, JOINT[f"Shoulder{name}"]] += [turned[0], 0.25, turned[1]]
        joints[:, JOINT[f"Hip{name}"], :2] = [0.5 * turned[0], -0.25]
        joints[:, JOINT[f"Elbow{name}"], :2] = [sign * 0.2, 0.25 - UPPER_M]
        joints[:, JOINT[f"Wrist{name}"], :2] = [sign * 0.2, 0.25 - UPPER_M - FORE_M]
    shoulder = joints[:, JOINT[f"Shoulder{own}"], :2]
    joints[:, JOINT[f"Wrist{own}"], :2] = shoulder + places * [side, 1]
    rows["joint_xyz_m"][:, 2] = joints
    rows["joint_state"][:, 2] = TrackingState.tracked
    return rows


def steady(across: float, up: float, frames: int = 300, **more: float) -> Rows:
    """Return rows in which the left wrist stays at one place."""
    return body_rows(np.tile([[across, up]], (frames, 1)), **more)


def test_a_raised_hand_is_above_the_shoulder_of_its_own_side_in_the_image() -> None:
    grid = CoverageGrid()
    grid.add(steady(0.3, 0.2))
    assert grid.limb_frames == dict.fromkeys(LIMBS, 300)
    assert grid.zone_shares("l_wrist")["above the shoulder"] == 1
    assert grid.zone_shares("r_wrist")["above the shoulder"] == 0
    row, column = np.argwhere(grid.counts["l_wrist"])[0]
    # 0.3 m = 0.6 trunks out, which is right in the image; 0.4 trunks up
    assert (column - CELLS // 2) * CELL == 0.5
    assert (CELLS // 2 - row) * CELL == 0.5


def test_a_right_arm_is_the_mirror_image_of_a_left_one() -> None:
    places = np.random.default_rng(1).uniform(-0.4, 0.4, (500, 2))
    left, right = CoverageGrid(), CoverageGrid()
    left.add(body_rows(places))
    right.add(body_rows(places, limb="r"))
    # floors of cells and of their mirror images differ on no line that a random place is on
    assert (left.counts["l_wrist"] == right.counts["r_wrist"][:, ::-1]).all()
    assert left.zone_frames["l_wrist"] == right.zone_frames["r_wrist"]
    assert (left.reach("l_wrist") == left.reach("r_wrist")[:, ::-1]).all()


def test_distance_of_the_sensor_and_pixels_or_metres_change_no_place() -> None:
    places = np.random.default_rng(2).uniform(-0.4, 0.4, (400, 2))
    near, far, flat = CoverageGrid(), CoverageGrid(), CoverageGrid()
    near.add(body_rows(places, distance_m=1.3))
    far.add(body_rows(places, distance_m=3.9))
    points = np.zeros((1, KEYPOINTS, 2))
    points[0, KEYPOINT["l_shoulder"]] = [1000, 300]
    points[0, KEYPOINT["r_shoulder"]] = [900, 300]
    points[0, KEYPOINT["l_hip"]] = [975, 425]
    points[0, KEYPOINT["r_hip"]] = [925, 425]
    pixels = np.repeat(points, len(places), axis=0)
    pixels[:, KEYPOINT["l_wrist"]] = [1000, 300] + places * [1, -1] * 125 / TRUNK_M
    flat.add_points(pixels, np.ones((len(places), KEYPOINTS), bool))
    assert (near.counts["l_wrist"] == far.counts["l_wrist"]).all()
    assert (near.counts["l_wrist"] == flat.counts["l_wrist"]).all()


def test_the_reach_is_worked_out_from_the_arms_length() -> None:
    short = reachable("l_wrist", 0.45, 0.4)
    usual = reachable("l_wrist", 0.56, 0.5)
    assert short.sum() < usual.sum()
    assert (usual | short == usual).all()
    assert reachable("l_elbow", 0.56, 0.5).sum() < usual.sum() / 2
    grid = CoverageGrid()
    grid.add(steady(0.0, -UPPER_M - FORE_M))
    assert grid.arm == pytest.approx((UPPER_M / TRUNK_M, FORE_M / TRUNK_M), abs=0.01)
    # the middle of the cell below a hanging arm's hand is out of reach
    assert not grid.reach("l_wrist")[CELLS - 1].any()
    assert grid.visited("l_wrist").sum() == 1
    assert grid.visited("l_elbow").sum() == 1


def test_the_elbow_does_not_pass_through_the_chest() -> None:
    elbow = reachable("l_elbow", 0.56, 0.5)
    middle = CELLS // 2
    assert elbow[middle, middle + 1]
    assert not elbow[middle, middle - 2 - 1]
    assert elbow.sum(axis=0)[:middle].sum() < elbow.sum(axis=0)[middle:].sum()


def test_whole_reach_visited_is_a_share_of_one() -> None:
    step = np.arange(-0.75, 0.75, 0.02)
    places = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    grid = CoverageGrid()
    grid.add(body_rows(places))
    grid._arm_frames = 0  # those stretched arms measure nothing
    assert grid.visited_share("l_wrist") == 1.0


def test_row_by_row_and_all_at_once_are_the_same() -> None:
    rows = body_rows(np.random.default_rng(3).uniform(-0.4, 0.4, (60, 2)), yaw_deg=30)
    one, all_ = CoverageGrid(), CoverageGrid()
    all_.add(rows)
    for row in np.split(rows, len(rows)):
        one.add(row)
    assert one.to_json() == all_.to_json()


def test_guessed_and_lost_joints_count_nowhere() -> None:
    rows = steady(0.1, 0.1)
    rows["joint_state"][:100, 2, JOINT["WristLeft"]] = TrackingState.inferred
    rows["joint_xyz_m"][100:150, 2, JOINT["HipRight"]] = np.nan
    rows["joint_xyz_m"][150:200, 2, JOINT["ElbowLeft"]] = -np.inf
    grid = CoverageGrid()
    grid.add(rows)
    assert grid.frames == 300
    assert grid.limb_frames == {"l_wrist": 150, "r_wrist": 250, "l_elbow": 200, "r_elbow": 250}
    empty = np.zeros(5, BODIES_DTYPE)
    grid.add(empty)
    assert grid.frames == 300


def test_turns_and_distances_have_their_bins() -> None:
    grid = CoverageGrid()
    grid.add(steady(0.1, 0.1, 100, distance_m=1.7, yaw_deg=30))
    grid.add(steady(0.1, 0.1, 200, distance_m=2.2, yaw_deg=-30))
    assert grid.to_json()["distance_m"]["frames"] == [0, 0, 100, 200, 0, 0, 0, 0]
    assert grid.to_json()["yaw_deg"]["frames"] == [0, 0, 200, 0, 100, 0, 0]


def test_what_is_missing_is_said_in_words_and_the_largest_want_comes_first() -> None:
    grid = CoverageGrid()
    grid.add(steady(0.0, -0.4, 588))
    grid.add(steady(0.1, 0.1, 12))
    missing = grid.missing()
    assert "left hand above the shoulder: 2 % of frames" in missing
    assert "right hand above the head: 0 % of frames" in missing
    assert "distance 1.5 to 2.0 m: 0 % of frames" in missing
    assert "turned 15 to 45 degrees to the right: 0 % of frames" in missing
    assert any(line.startswith("left hand: ") for line in missing)
    shares = [line for line in missing if line.endswith("0 % of frames")]
    assert missing.index("left hand above the shoulder: 2 % of frames") >= len(shares) - 1
    assert grid.short() == "left/right hand 3/1 % of its reach; missing: " + missing[0]


def test_few_frames_say_nothing() -> None:
    grid = CoverageGrid()
    assert grid.short() == ""
    grid.add(steady(0.0, -0.4, 80))
    assert grid.missing() == []


def test_kept_and_merged_grids_are_as_if_counted_at_once() -> None:
    rows = body_rows(np.random.default_rng(4).uniform(-0.4, 0.4, (300, 2)))
    one, two, all_ = CoverageGrid(), CoverageGrid(), CoverageGrid()
    one.add(rows[:120])
    two.add(rows[120:])
    all_.add(rows)
    kept = json.loads(json.dumps(two.to_json()))
    one.merge(CoverageGrid.from_json(kept))
    merged, whole = one.to_json(), all_.to_json()
    assert merged.pop("arm") == pytest.approx(whole.pop("arm"), abs=1e-4)
    assert merged == whole


@pytest.mark.parametrize(
    "change",
    [
        {"frames": -1},
        {"frames": "many"},
        {"limbs": {}},
        {"limbs": None},
        {"distance_m": {"edges": [0, 1], "frames": [3]}},
        {"yaw_deg": 7},
        {"arm": {"upper": float("nan"), "forearm": 0.5, "frames": 3}},
    ],
)
def test_what_no_grid_wrote_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="coverage"):
        CoverageGrid.from_json({**CoverageGrid().to_json(), **change})


def test_a_place_outside_the_grid_has_no_cell() -> None:
    at = np.array([[0.0, 0.0], [1.6, 0.0], [0.0, -1.6], [np.nan, 0.0], [1.49, 1.49]])
    cells = cells_of(at)
    assert cells.tolist() == [78, NOWHERE, NOWHERE, NOWHERE, CELLS * CELLS - 1]
    nothing = limb_places(
        np.full((2, KEYPOINTS, 2), np.nan), np.ones((2, KEYPOINTS), bool), LIMBS[0]
    )
    assert not nothing.is_known.any()


def test_a_recording_too_short_to_judge_is_not_called_complete() -> None:
    grid = CoverageGrid()
    assert grid.why_nothing_is_missing() == "no bodies"
    grid.add(steady(0.3, 0.2, frames=89))
    assert grid.missing() == []
    assert grid.why_nothing_is_missing().startswith("too short to say")
    grid.add(steady(0.3, 0.2, frames=1))
    assert grid.missing() != []
