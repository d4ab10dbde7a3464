"""Acts of the simulated person: hands raised and closed, out of view and back."""

import numpy as np
import pytest

from kincap.capture.operator.triggers import hands_raised, in_zone, no_one
from kincap.capture.simulator.options import parse_options
from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import BodyFrame
from kincap.core.errors import SensorError


def rows_of(acts: str, seconds: float, **more: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the time of each body row in seconds, and the rows, at 10 Hz."""
    frames = str(round(10 * seconds))
    options = {"acts": acts, "fps": "10", "pace": "fast", "frames": frames, **more}
    sensor = open_simulator(options, ("bodies",))
    rows = np.concatenate([item.row for item in sensor.items() if isinstance(item, BodyFrame)])
    sensor.close()
    times = rows["time_device"].astype(float)
    return (times - times[0]) / 1e7, rows


def test_raised_hands_are_above_the_head_and_closed() -> None:
    time, rows = rows_of("raised_hands@2-5", 7)
    up = hands_raised(rows)
    assert not up[time < 2].any()
    assert up[(time > 2.7) & (time < 4.3)].all()
    assert not up[time > 5].any()


def test_a_person_who_is_away_is_not_tracked_and_comes_back_under_another_id() -> None:
    time, rows = rows_of("away@0-3+away@6-11", 14)
    assert no_one(rows[time < 1.5]).all()
    assert in_zone(rows[(time > 3.2) & (time < 6)]).all()
    assert no_one(rows[(time > 8) & (time < 9)]).all()
    assert in_zone(rows[time > 11.2]).all()
    ids = [
        set(rows["tracking_id"][part].max(axis=1).tolist()) - {0} for part in (time < 8, time > 9)
    ]
    assert [len(each) for each in ids] == [1, 1]
    assert ids[0] != ids[1]


def test_the_second_person_walks_past_the_first_one_and_back() -> None:
    time, rows = rows_of("pass@1-4+pass@6-9", 10, persons="2")
    trunk = rows["joint_xyz_m"][:, :, 0, 0]
    there = rows["tracking_id"] != 0
    first, second = (trunk[:, slot] for slot in np.flatnonzero(there.all(axis=0))[:2])
    if abs(first[-1]) > abs(second[-1]):  # the one who roams about the middle is the first
        first, second = second, first
    side = np.sign(second - first)
    assert (side[time < 1] == -1).all()
    assert (side[(time > 4) & (time < 6)] == 1).all()
    assert (side[time > 9] == -1).all()
    with pytest.raises(SensorError, match="acts=pass needs persons=2 or more"):
        parse_options({"acts": "pass@1-2"})


def test_a_take_without_acts_is_as_before() -> None:
    _, plain = rows_of("", 2)
    _, later = rows_of("raised_hands@1.5-3", 2)
    assert np.array_equal(plain["joint_xyz_m"][:14], later["joint_xyz_m"][:14], equal_nan=True)


@pytest.mark.parametrize("acts", ["jump@1-2", "away", "away@3-2", "away@1-2,away", "away@x-2"])
def test_a_bad_act_is_refused_in_one_line(acts: str) -> None:
    with pytest.raises(SensorError, match=r"acts: found .*, expected NAME@START-END"):
        parse_options({"acts": acts})
    with pytest.raises(SensorError, match="acts= needs scene=room"):
        parse_options({"acts": "away@1-2", "scene": "wild", "hold": "20"})
