"""Splits by block of time and by session; no row of one is a neighbour of another's."""

import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.split import GUARD, assign_frames, parse_split

NAMES = ["clothing1", "clothing1b", "clothing2"]


def test_the_last_share_of_each_take_is_validation_behind_a_guard() -> None:
    take = np.repeat([0, 1], 300)
    time = np.tile(np.arange(300) * 333_333, 2) + 10**9
    splits = assign_frames("a", take, time, parse_split("0.2", None, ["a"]))
    for one in (0, 1):
        here = splits[take == one]
        assert (here[240:] == "val").all()
        assert (here[180:240] == GUARD).all()
        assert (here[:180] == "train").all()


@pytest.mark.parametrize("seed", range(8))
def test_no_training_frame_is_within_the_guard_of_a_validation_frame(seed: int) -> None:
    rng = np.random.default_rng(seed)
    take = np.sort(rng.integers(0, 4, 900))
    time = rng.integers(0, 60 * 10**7, 900)
    share = str(round(float(rng.uniform(0.05, 0.9)), 3))
    splits = assign_frames("a", take, time, parse_split(share, None, ["a"]))
    assert {"train", "val", GUARD} == set(splits)
    for one in np.unique(take):
        train = time[(take == one) & (splits == "train")]
        val = time[(take == one) & (splits == "val")]
        assert len(val) == 0 or len(train) == 0 or val.min() - train.max() > 2 * 10**7


def test_sessions_by_glob_need_no_guard() -> None:
    settings = parse_split("clothing2", "*b", NAMES)
    take, time = np.zeros(50, np.uint16), np.arange(50) * 333_333
    found = {name: set(assign_frames(name, take, time, settings).tolist()) for name in NAMES}
    assert found == {"clothing1": {"train"}, "clothing1b": {"test"}, "clothing2": {"val"}}


def test_test_sessions_give_no_validation_frames() -> None:
    settings = parse_split("0.5", "clothing1b", NAMES)
    take, time = np.zeros(50, np.uint16), np.arange(50) * 333_333
    assert set(assign_frames("clothing1b", take, time, settings)) == {"test"}
    assert "val" in assign_frames("clothing1", take, time, settings)


@pytest.mark.parametrize(
    ("val", "test", "named"),
    [
        ("nobody*", None, "--val nobody*"),
        ("0.2", "nobody", "--test nobody"),
        ("0", None, "--val 0"),
        ("1.0", None, "--val 1.0"),
        ("-0.1", None, "--val -0.1"),
        ("nan", None, "--val nan"),
        ("clothing*", "*b", "clothing1b"),
    ],
)
def test_a_split_that_cannot_be_is_refused(val: str, test: str | None, named: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_split(val, test, NAMES)
    assert caught.value.exit_code == 2
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_session_may_be_named_like_a_number() -> None:
    assert parse_split("3", None, ["3", "4"]).val == {"3"}
