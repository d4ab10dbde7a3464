"""Whose labels, repaired sides, unknown states, the sensor's bias: settings of ``kincap build``."""

import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError, KincapError
from kincap.core.skeleton import GROUPS, KEYPOINT, KEYPOINT_JOINT
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.dataset.filters import KEYPOINT_BITS, ROW_BITS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.labels.fit_bias import fit_bias
from kincap.dataset.labels.joint_bias import GroupBias, correct_joints, load_bias

from .conftest import Body, Frame, Sessions, crop_to_image


def made(sessions: Sessions, **more: object) -> BuildResult:
    given = {"size": 16, "workers": 1, "val": "val1", **more}
    out = sessions.recordings.parent / "set.h5"
    return build(BuildSettings(out=out, recordings=sessions.recordings, **given))


def places(result: BuildResult, keypoint: str) -> np.ndarray:
    """(N,) where a keypoint is across the image, in the rows of train."""
    with open_kinect13(result.out) as dataset:
        rows = dataset.split("train")
        back = crop_to_image(rows.keypoints_px, rows.bbox_xyxy_px, dataset.size)
    return back[:, KEYPOINT[keypoint], 0]


@pytest.fixture
def two(sessions: Sessions, walk) -> Sessions:
    """A person in the middle whose id changes, and a smaller one at the side."""
    side = Body(x=270, y=120, height=100, slot=5)
    frames = [
        Frame((Body(x=150 + k / 4, slot=2 if k < 20 else 3), side) if k != 20 else (side,))
        for k in range(40)
    ]
    sessions("train1", frames)
    sessions("val1", walk(4))
    return sessions


def test_the_largest_person_is_followed_over_a_change_of_id(two: Sessions) -> None:
    result = made(two)
    assert result.rejected["other_body"] == 40
    assert result.splits["train"] == 39
    with open_kinect13(result.out) as dataset:
        rows = dataset.split("train")
        assert set(rows.tracking_id.tolist()) == {7002, 7003}
        assert not (rows.quality >> ROW_BITS["person_in_crop"] & 1).all()


def test_all_people_or_those_of_an_id_can_be_asked_for(two: Sessions) -> None:
    assert made(two, bodies="all", dry_run=True).splits["train"] == 79
    chosen = made(two, bodies="7003,7002", dry_run=True)
    assert (chosen.splits["train"], chosen.rejected["other_body"]) == (39, 40)
    val_too = "7005,7002"
    assert made(two, bodies=val_too, dry_run=True).splits["train"] == 79


def test_someone_else_in_the_crop_has_a_bit(sessions: Sessions, walk) -> None:
    near = Body(x=215, y=120, height=150, slot=5)
    sessions("train1", [Frame((Body(x=150 + k / 4), near)) for k in range(8)])
    sessions("val1", walk(4))
    result = made(sessions, bodies="all")
    with open_kinect13(result.out) as dataset:
        quality = dataset.split("train").quality
    assert (quality >> ROW_BITS["person_in_crop"] & 1).all()


@pytest.mark.parametrize("swap_back", [True, False])
def test_a_short_exchange_of_sides_is_put_back_and_counted(sessions, walk, swap_back) -> None:
    frames = [Frame((Body(x=150 + k / 4, swapped=20 <= k < 26),)) for k in range(40)]
    sessions("train1", frames)
    sessions("val1", walk(4))
    result = made(sessions, swap_back=swap_back)
    assert result.repaired["swapped_back"] == (6 if swap_back else 0)
    assert result.rejected["side_swap"] == (0 if swap_back else 6)
    across = places(result, "l_shoulder") - places(result, "r_shoulder")
    assert (across > 10).all()
    with open_kinect13(result.out) as dataset:
        rows = dataset.split("train")
        bits = rows.keypoint_quality >> KEYPOINT_BITS["swapped_back"] & 1
        assert bits[:, KEYPOINT["head"]].sum() == 0
        assert bits[:, KEYPOINT["l_wrist"]].sum() == result.repaired["swapped_back"]
        assert (rows.weight == 1).all()


def test_a_long_exchange_of_sides_is_left_out(sessions, walk) -> None:
    frames = [Frame((Body(x=150 + k / 4, swapped=10 <= k < 30),)) for k in range(40)]
    sessions("train1", frames)
    sessions("val1", walk(4))
    result = made(sessions, dry_run=True)
    assert (result.rejected["side_swap"], result.splits["train"]) == (20, 20)


def test_joints_of_unknown_state_have_the_weight_that_was_asked_for(sessions, walk) -> None:
    sessions("train1", [Frame((Body(x=150 + k / 4, unknown=True),)) for k in range(8)])
    sessions("val1", walk(4))
    with pytest.raises(DatasetError, match=r"nothing is left for train .*tracking 8.*; pass "
                       r"--unknown-weight W \(0 to 1\)") as refused:  # fmt: skip
        made(sessions, dry_run=True)
    assert refused.value.exit_code == 2
    result = made(sessions, unknown_weight=0.5)
    (said,) = (line for line in result.warnings if "no tracking states" in line)
    assert said.endswith("guessed joints may have weight 0.5 (--unknown-weight) in 8 rows")
    with open_kinect13(result.out) as dataset:
        assert (dataset.split("train").weight == 0.5).all()
    with h5py.File(result.out) as file:
        stored = tomllib.loads(file["meta/settings"][()].tobytes().decode())
    assert stored["unknown_weight"] == 0.5


def test_the_bias_of_a_sensor_is_undone_by_its_fit_and_only_if_asked_for(sessions, walk) -> None:
    rng = np.random.default_rng(4)
    true = Body().joints_px()[None, :, :] + rng.normal(0, 1, (60, 25, 2))
    true = true[:, KEYPOINT_JOINT]
    hips = list(GROUPS["hip"])
    sensor = true.copy()
    middle = true[:, hips].mean(axis=1, keepdims=True)
    sensor[:, hips] = middle + 0.75 * (true[:, hips] - middle) - (0, 3)
    bias, spread = fit_bias(sensor, true)
    assert bias["hip"].wider == pytest.approx(1 / 0.75, abs=0.05)
    assert bias["hip"].lower > 0.03
    assert spread["hip"]["frames"] == 60
    corrected = correct_joints(sensor, {"hip": bias["hip"]})
    before, after = (np.abs(points - true)[:, hips].mean() for points in (sensor, corrected))
    assert after < before / 3
    assert correct_joints(sensor, {}) is not sensor
    assert np.array_equal(correct_joints(sensor, load_bias("none")), sensor)
    sessions("train1", walk(8))
    sessions("val1", walk(4))
    plain = places(made(sessions), "l_hip") - places(made(sessions), "r_hip")
    wide = made(sessions, joint_bias=load_bias("kinect2"))
    ratio = (places(wide, "l_hip") - places(wide, "r_hip")) / plain
    assert ratio == pytest.approx(1 / 0.75, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "message"),
    [("[hips]\nwider = 1", "unknown group 'hips'"), ("[hip]\nwide = 1", "expected the keys"),
     ("[hip]\nwider = 9", "expected a number from 0.5 to 2"),
     ("[hip]\nwider = 1" + 400 * "0", "expected a number from 0.5 to 2"),
     ("[hip", "not valid TOML"), ("hip = 3", "expected the keys")],
)  # fmt: skip
def test_a_bias_that_makes_no_sense_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bias.toml"
    path.write_text(text)
    with pytest.raises(DatasetError, match="--joint-bias") as caught:
        load_bias(str(path))
    assert message in str(caught.value)
    path.write_text("[hip]\nwider = 1.2\n")
    assert load_bias(str(path)) == {"hip": GroupBias(1.2, 0.0)}
    with pytest.raises(DatasetError, match="no such file"):
        load_bias("kinect3")


@pytest.mark.parametrize(
    ("given", "message"),
    [({"bodies": "biggest"}, "--bodies biggest: expected largest, all"),
     ({"bodies": "7002,"}, "--bodies 7002,:"), ({"bodies": "9" * 40}, "--bodies 999"),
     ({"unknown_weight": 1.5}, "--unknown-weight 1.5: expected a weight from 0 to 1"),
     ({"unknown_weight": float("nan")}, "--unknown-weight nan")],
)  # fmt: skip
def test_flags_that_make_no_sense_are_one_line(tmp_path: Path, given, message: str) -> None:
    with pytest.raises(KincapError) as caught:
        build(BuildSettings(out=tmp_path / "set.h5", recordings=tmp_path, **given))
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_command_reads_filters_and_refuses_unknown_keys(two, kincap) -> None:
    folder = two.recordings.parent
    (folder / "filters.toml").write_text('off = ["crossed_arms"]\nmax_untrusted = 3\n')
    flags = ("build", "--val", "val1", "--dry-run", "--json", "--filters", "filters.toml")
    done = kincap(*flags, cwd=folder)
    assert done.returncode == 0
    (folder / "filters.toml").write_text("max_untrust = 3\n")
    refused = kincap(*flags, cwd=folder)
    assert refused.returncode == 2
    assert "did you mean max_untrusted?" in refused.stderr
    assert refused.stderr.count("\n") == 1
