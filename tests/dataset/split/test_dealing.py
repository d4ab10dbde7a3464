"""No frame of one side is a neighbour in real time, or a twin, of a frame of another side."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kincap.core.errors import DatasetError
from kincap.dataset.split.copies import refuse_copies
from kincap.dataset.split.dealing import GUARD, Dealt, deal_frames
from kincap.dataset.split.flags import SplitSession
from kincap.dataset.split.flags import parse_split as parse_sessions

from .layouts import LaidSession, LaidTake, leaks

GUARD_S = 2.0


def parse_split(val: str, test: str | None, names: list[str], guard_s: float = 2.0):
    """Read the flags for sessions without subject and outfit."""
    return parse_sessions(val, test, [SplitSession(name) for name in names], guard_s)


def deal(*sessions: LaidSession, val: str = "0.2", test: str | None = None, guard_s: float = 2.0):
    """Deal some sessions and check that nothing leaks."""
    names = [one.name for one in sessions]
    times = [one.times(guard_s) for one in sessions]
    refuse_copies(times)
    dealt = deal_frames(times, parse_split(val, test, names, guard_s))
    assert leaks(list(sessions), dealt.labels, guard_s) == 0
    twins_apart(times, dealt)
    return dealt


def twins_apart(times, dealt: Dealt) -> None:
    """Check that no picture is on two sides."""
    pictures = np.concatenate([one.pictures for one in times])
    side = np.concatenate(dealt.labels)
    train, val, test = (set(pictures[side == name]) for name in ("train", "val", "test"))
    assert not (train & val) | (train & test) | (val & test)


def count(labels: np.ndarray) -> dict[str, int]:
    """Count the frames of each side."""
    return {str(side): int((labels == side).sum()) for side in np.unique(labels)}


def test_the_last_share_of_a_long_take_is_validation_after_a_guard() -> None:
    dealt = deal(LaidSession("a", [LaidTake(0, 30)]))
    labels = dealt.labels[0]
    assert (labels[240:] == "val").all()
    assert (labels[219:240] == GUARD).sum() == 20
    assert (labels[:219] == "train").all()
    assert dealt.warnings == ()


def test_the_end_of_a_take_is_test_and_what_is_before_it_validation() -> None:
    dealt = deal(LaidSession("a", [LaidTake(0, 100)]), val="0.2", test="0.1")
    assert count(dealt.labels[0]) == {"train": 680, GUARD: 40, "val": 180, "test": 100}
    assert (dealt.labels[0][-100:] == "test").all()


def test_short_takes_fill_both_sides() -> None:
    clips = [LaidSession(f"clip{k}", [LaidTake(100 * k, 4)]) for k in range(10)]
    sides = [set(labels) for labels in deal(*clips, val="0.2", test="0.2").labels]
    assert [sum(side == {name} for side in sides) for name in ("train", "val", "test")] == [6, 2, 2]
    three = [LaidSession(f"clip{k}", [LaidTake(100 * k, 4 + k)]) for k in range(3)]
    sides = [set(labels) for labels in deal(*three, val="0.01", test="0.01").labels]
    assert sides == [{"val"}, {"test"}, {"train"}]


def test_a_clock_jump_in_a_recording_is_no_border() -> None:
    # the sensor's clock jumps an hour ahead, a new take begins 100 ms later
    a = LaidSession("a", [LaidTake(0, 20), LaidTake(20.1, 20, device_s=3600)])
    dealt = deal(a)
    assert count(dealt.labels[0][:200]) == {"train": 200}
    assert set(np.unique(dealt.labels[0][200:])) == {"train", GUARD, "val"}


@pytest.mark.parametrize("clock", ["host and wall", "host", "wall", "none but arrival"])
def test_sessions_recorded_back_to_back_are_neighbours(clock: str) -> None:
    a = LaidSession("a", [LaidTake(0, 60, anchored=clock != "host")])
    later = LaidTake(60.3, 60, boot=int(clock == "wall"), anchored=clock != "host")
    if clock == "none but arrival":
        # read from two files: no one knows when they were taken, and nothing is left out
        a.takes[0].arrives_s = later.arrives_s = 1.0
        dealt = deal_frames(
            [a.times(), LaidSession("b", [later]).times()], parse_split("a", None, ["a", "b"])
        )
        assert set(dealt.labels[1]) == {"train"}
        return
    b = LaidSession("b", [later])
    dealt = deal(a, b, val="a")
    assert 15 <= count(dealt.labels[1])[GUARD] <= 20
    assert set(dealt.labels[0]) == {"val"}
    assert set(deal(a, b, val="a", guard_s=0.1).labels[1]) == {"train"}


def test_a_simulation_drawn_without_pacing_has_no_neighbours() -> None:
    # on a busy machine it arrives as slowly as a sensor's frames: the times mean nothing
    takes = [LaidTake(begin, 60, source="simulator:pace=fast,seed=1") for begin in (0, 60.3)]
    a, b = LaidSession("a", takes[:1]), LaidSession("b", takes[1:])
    assert not a.times().live.any()
    dealt = deal_frames([a.times(), b.times()], parse_split("a", None, ["a", "b"]))
    assert set(dealt.labels[1]) == {"train"}
    takes[1].source = takes[0].source = "simulator:seed=1"
    assert a.times().live.all()
    assert GUARD in deal(a, b, val="a").labels[1]


def test_host_times_of_two_days_are_not_compared() -> None:
    a = LaidSession("a", [LaidTake(0, 60)])
    b = LaidSession("b", [LaidTake(86_400, 60, boot=0)])
    b.takes[0].boot = 8.64  # the machine was started anew: the same host times as in a
    assert GUARD not in deal(a, b, val="a").labels[1]


def test_short_takes_go_whole_to_one_side() -> None:
    # the figures of eight clips of four seconds: nothing is lost to the guard
    clips = [LaidSession(f"clip{k}", [LaidTake(100 * k, 4)]) for k in range(8)]
    dealt = deal(*clips)
    sides = [set(labels) for labels in dealt.labels]
    assert sum(side == {"val"} for side in sides) == 2
    assert sum(side == {"train"} for side in sides) == 6


def test_two_short_takes_are_one_on_each_side_and_one_alone_is_cut() -> None:
    two = deal(LaidSession("a", [LaidTake(0, 4), LaidTake(50, 3)]))
    assert count(two.labels[0]) == {"train": 40, "val": 30}
    one = deal(LaidSession("a", [LaidTake(0, 4)]))
    assert count(one.labels[0]) == {"train": 12, GUARD: 20, "val": 8}


def test_a_take_that_the_guard_takes_whole_is_named_with_the_remedy() -> None:
    dealt = deal(LaidSession("a", [LaidTake(0, 1.5)]))
    assert "train" not in dealt.labels[0]
    (warning,) = dealt.warnings
    assert "a: the guard of 2 s takes all" in warning
    assert "of take 0" in warning
    assert "--guard" in warning
    assert "train" in deal(LaidSession("a", [LaidTake(0, 1.5)]), guard_s=0.5).labels[0]


def test_a_session_that_is_a_copy_of_another_is_refused() -> None:
    a = LaidSession("a", [LaidTake(0, 30, scene=1)])
    for other in (
        LaidSession("b", [LaidTake(900, 30, scene=1)]),
        LaidSession("b", [LaidTake(900, 10, scene=1, anchored=False)]),
        LaidSession("b", [LaidTake(900, 30, scene=1), LaidTake(1000, 10)]),
    ):
        with pytest.raises(DatasetError, match="session b: .* session a, a copy or a replay"):
            deal(a, other)


def test_one_clip_recorded_twice_into_a_session_stays_on_one_side() -> None:
    a = LaidSession("a", [LaidTake(0, 30, scene=1), LaidTake(900, 30, scene=1), LaidTake(2000, 60)])
    dealt = deal(a)
    assert len(set(dealt.labels[0][:600])) == 1


def test_a_session_that_repeats_a_part_of_another_side_is_left_out_there() -> None:
    takes = [LaidTake(500, 30, scene=1), LaidTake(600, 300)]
    dealt = deal(LaidSession("a", [LaidTake(0, 100), LaidTake(200, 30, scene=1)]),
                 LaidSession("b", takes), val="b")  # fmt: skip
    assert count(dealt.labels[0]) == {"train": 1000, GUARD: 300}
    assert "a: take 1 shows the same pictures" in dealt.warnings[0]


def test_a_picture_that_is_everywhere_links_nothing() -> None:
    a, b = (LaidSession(name, [LaidTake(900 * k, 60)]) for k, name in enumerate("ab"))
    times = [a.times(), b.times()]
    for one in times:
        one.pictures[:30] = 7  # a covered lens
    refuse_copies(times)
    dealt = deal_frames(times, parse_split("0.2", None, ["a", "b"]))
    assert all({"train", "val"} <= set(labels) for labels in dealt.labels)
    twins_apart(times, dealt)


def test_a_picture_that_froze_over_the_border_is_on_one_side() -> None:
    one = LaidSession("a", [LaidTake(0, 60)]).times()
    one.pictures[400:500] = 7
    twins_apart([one], deal_frames([one], parse_split("0.2", None, ["a"])))


def test_a_take_read_from_a_file_has_its_guard_by_the_device_clock() -> None:
    dealt = deal(LaidSession("a", [LaidTake(0, 60, arrives_s=1.0, anchored=False)]))
    assert count(dealt.labels[0])[GUARD] == 20


def test_the_same_bodies_with_pictures_encoded_anew_are_a_copy() -> None:
    a, b = LaidSession("a", [LaidTake(0)]).times(), LaidSession("b", [LaidTake(900)]).times()
    poses = np.arange(300, dtype=np.uint64)
    for one in (a, b):
        one.poses[0] = poses
    with pytest.raises(DatasetError, match="joint positions"):
        refuse_copies([a, b])


TAKES = st.lists(
    st.tuples(
        st.sampled_from([0.05, 0.5, 1.9, 2.5, 30.0]),  # pause before it, seconds
        st.sampled_from([0.1, 1.0, 4.0, 25.0, 60.0]),  # length, seconds
        st.sampled_from([5.0, 4000.0]),  # device clock
        st.sampled_from([0.0, 0.0, -3600.0, 7.0]),  # wall clock off
        st.sampled_from([None, None, None, 1, 2]),  # scene
        st.booleans(),  # anchored
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(TAKES, min_size=1, max_size=4),
    st.sampled_from(["0.2", "0.5", "s0", "*1"]),
    st.sampled_from([None, "s2", "*3", "0.2"]),
    st.sampled_from([0.0, 0.5, 2.0, 5.0]),
)
def test_no_layout_leaks(layout, val: str, test: str | None, guard_s: float) -> None:
    now, sessions = 0.0, []
    for number, takes in enumerate(layout):
        laid = []
        for pause, length, device_s, off, scene, anchored in takes:
            now += pause
            laid.append(
                LaidTake(now, length, device_s=device_s, wall_off_s=off, scene=scene,
                         anchored=anchored)
            )  # fmt: skip
            now += length
        sessions.append(LaidSession(f"s{number}", laid))
    try:
        deal(*sessions, val=val, test=test, guard_s=guard_s)
    except DatasetError:
        # a copy, or a glob that matches nothing: nothing is built
        return
