"""What a device time says about its frame."""

import pytest

from kincap.capture.kinect.device_times import RESTART_100NS, DeviceTimes, Verdict
from kincap.sessions.schema import Stream

S = 10_000_000


@pytest.mark.parametrize(
    ("times", "verdicts"),
    [
        ([5, 6, 7], "new new new"),
        ([5, 5, 6], "new stale new"),
        ([5 * S, 5 * S - 1, 4 * S, 6 * S], "new stale stale new"),
        ([5 * S, 4 * S - 1, 4 * S], "new restart new"),
        ([5 * S, 3, 5 * S], "new restart new"),
    ],
)
def test_times_of_one_stream(times: list[int], verdicts: str) -> None:
    clock = DeviceTimes()
    assert [clock.judge(Stream.color, t).name for t in times] == verdicts.split()


def test_streams_are_judged_apart_and_restart_together() -> None:
    clock = DeviceTimes()
    assert RESTART_100NS == S
    steps = [
        (Stream.color, 9 * S, Verdict.new),
        (Stream.bodies, 8 * S, Verdict.new),
        (Stream.color, 9 * S, Verdict.stale),
        (Stream.color, 10, Verdict.restart),
        (Stream.bodies, 11, Verdict.new),
        (Stream.bodies, 11, Verdict.stale),
    ]
    for stream, time, verdict in steps:
        assert clock.judge(stream, time) is verdict


@pytest.mark.parametrize(("time", "verdict"), [(9 * S, "restart"), (9 * S + 1, "new")])
def test_after_a_reconnection_any_step_back_is_another_clock(time: int, verdict: str) -> None:
    clock = DeviceTimes()
    clock.judge(Stream.color, 9 * S)
    clock.judge(Stream.bodies, 8 * S)
    clock.reconnected()
    assert clock.judge(Stream.bodies, time).name == verdict
    assert clock.judge(Stream.color, time + 1).name == "new"


def test_a_reconnection_before_the_first_frame_is_no_restart() -> None:
    clock = DeviceTimes()
    clock.reconnected()
    assert clock.judge(Stream.color, 0) is Verdict.new
    assert clock.last(Stream.color) == 0
    assert clock.last(Stream.bodies) is None
