"""A sensor that is not there, goes away, comes back, or is let go: nothing is lost or left over."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from kinect_fakes.com import E_FAIL
from kinect_fakes.dll import INTRINSICS, Settings
from kinect_fakes.world import T0, TICK, World, person, picture

from kincap.capture.kinect.sensor import Patience
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Lost, Notice, TakeStart
from kincap.core.errors import SensorError, SensorNotFoundError
from kincap.sessions.schema import EventKind, Stream

pytestmark = pytest.mark.over_fakes


def test_a_closed_source_leaves_nothing_behind(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open(("color", "bodies", "mask", "depth"))
    items = kinect.started(source)
    for k in range(5):
        kinect.sensor.color.push(T0 + k * TICK, (picture(0), Settings()))
        next(items).release()
        kinect.sensor.bodies.push(T0 + k * TICK, [person(k)] * 6)
        next(items)
    source.close()
    kinect.check_nothing_left()
    assert list(items) == []
    source.close()


def test_a_source_that_was_opened_and_not_used_leaves_nothing_behind(kinect: World) -> None:
    kinect.plug_in()
    kinect.open().close()
    kinect.check_nothing_left()


def test_close_from_another_thread_ends_the_waiting_items(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open()
    items = kinect.started(source)
    closer = threading.Thread(target=source.close)
    closer.start()
    assert [item for item in items if not isinstance(item, Notice)] == []
    closer.join()
    kinect.check_nothing_left()


def test_a_sensor_absent_at_the_start_is_one_line_and_leaves_nothing(kinect: World) -> None:
    kinect.plug_in()
    kinect.sensor.available = False
    with pytest.raises(SensorNotFoundError, match=r"no sensor has reported itself.*doctor") as seen:
        kinect.open()
    assert seen.value.exit_code == 3
    assert "\n" not in str(seen.value)
    kinect.check_nothing_left()


def test_a_sensor_that_takes_a_moment_to_report_itself_is_waited_for(kinect: World) -> None:
    kinect.plug_in()
    sensor = kinect.sensor
    sensor.available = False
    opened = sensor.SubscribeIsAvailableChanged

    def subscribed(out: Any) -> None:
        opened(out)
        threading.Timer(0.05, sensor.plug, (True,)).start()

    sensor.SubscribeIsAvailableChanged = subscribed
    assert kinect.open(patience=Patience(available_s=30)).info.kind == "kinect"


@pytest.mark.parametrize("call", ["Open", "_get_ColorFrameSource", "SubscribeIsAvailableChanged"])
def test_a_driver_that_refuses_to_open_is_one_line_and_leaves_nothing(
    kinect: World, call: str
) -> None:
    kinect.plug_in()
    kinect.sensor.failures[call].append(E_FAIL)
    with pytest.raises(SensorError, match="can't open the sensor") as seen:
        kinect.open()
    assert seen.value.exit_code == 3
    assert "\n" not in str(seen.value)
    del seen
    kinect.check_nothing_left()


@pytest.mark.parametrize(
    ("call", "streams"),
    [
        ("GetDepthCameraIntrinsics", ["color", "bodies"]),
        ("MapCameraPointsToColorSpace", ["color", "bodies"]),
        ("MapCameraPointsToDepthSpace", ["bodies", "mask"]),
    ],
)
def test_a_calibration_that_can_not_be_read_costs_the_calibration_alone(
    kinect: World, call: str, streams: list[str]
) -> None:
    kinect.plug_in()
    kinect.sensor.mapper.failures[call].append(E_FAIL)
    source = kinect.open(streams)
    assert len(source.info.warnings) == 1
    kinect.sensor.bodies.push(T0, [person(0)])
    assert np.isfinite(next(source.items()).row["joint_color_px"][0, 0]).all()


def test_a_sensor_that_can_not_say_whether_it_is_there_is_not_there(kinect: World) -> None:
    kinect.plug_in()
    kinect.sensor.failures["_get_IsAvailable"].append(E_FAIL)
    with pytest.raises(SensorNotFoundError):
        kinect.open()
    kinect.check_nothing_left()


class Waits:
    """Takes the place of waiting between attempts: returns at once, keeps what was asked for."""

    def __init__(self, *then: Any) -> None:
        self.asked: list[float] = []
        self._then = list(then)

    def __call__(self, seconds: float) -> bool:
        self.asked.append(seconds)
        if self._then:
            step = self._then.pop(0)
            if step is not None:
                step()
        return False


def _lose_and_find(kinect: World, waits: Waits) -> tuple[Any, Any]:
    """Return source and items after three seconds of frames and a pulled cable."""
    source = kinect.open(wait=waits)
    items = kinect.started(source)
    for k in range(3):
        kinect.sensor.color.push(T0 + k * TICK, (picture(k), Settings()))
        next(items).release()
    kinect.sensor.plug(False)
    lost = next(items)
    assert lost == Notice("kinect: the sensor was unplugged", EventKind.sensor_lost)
    return source, items


def test_an_unplugged_sensor_is_connected_again_with_backoff(kinect: World) -> None:
    kinect.plug_in()
    waits = Waits(*[None] * 6, lambda: kinect.sensor.plug(True))
    source, items = _lose_and_find(kinect, waits)
    back = next(items)
    assert (back.kind, back.text[:26]) == (EventKind.sensor_back, "kinect: the sensor is back")
    assert waits.asked == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert source.reconnections == 1


def _after(kinect: World, items: Any, time: int) -> list[Any]:
    """Return what comes out when frames arrive at ``time`` after a reconnection."""
    assert next(items).kind is EventKind.sensor_back
    kinect.sensor.color.push(time, (picture(9), Settings()))
    found = [next(items)]
    while not isinstance(found[-1], ColorFrame | BodyFrame):
        found.append(next(items))
    return found


def test_a_sensor_whose_time_goes_on_stays_in_its_take(kinect: World) -> None:
    kinect.plug_in()
    _, items = _lose_and_find(kinect, Waits(lambda: kinect.sensor.plug(True)))
    found = _after(kinect, items, T0 + 90 * TICK)
    assert [type(item) for item in found] == [ColorFrame]
    np.testing.assert_array_equal(found[0].image, picture(9))


def test_a_sensor_whose_time_went_back_begins_a_take(kinect: World) -> None:
    kinect.plug_in()
    _, items = _lose_and_find(kinect, Waits(lambda: kinect.sensor.plug(True)))
    found = _after(kinect, items, T0 + TICK)
    assert [type(item) for item in found] == [TakeStart, ColorFrame]


def test_nothing_is_left_of_a_source_that_was_closed_while_it_was_unplugged(kinect: World) -> None:
    kinect.plug_in()
    sources: list[Any] = []
    waits = Waits(None, lambda: sources[0].close())
    waits_closed = [False, True]
    source = kinect.open(wait=lambda seconds: (waits(seconds), waits_closed.pop(0))[1])
    sources.append(source)
    items = kinect.started(source)
    kinect.sensor.plug(False)
    assert [type(item) for item in items] == [Notice]
    kinect.check_nothing_left()


def test_a_silent_sensor_is_opened_again(kinect: World) -> None:
    kinect.plug_in()
    patience = Patience(available_s=0.05, calibration_s=0.05, silence_s=0.2)
    source = kinect.open(wait=Waits(), patience=patience)
    items = kinect.started(source)
    opened = kinect.sensor.opened
    lost, back = next(items), next(items)
    assert (lost.kind, back.kind) == (EventKind.sensor_lost, EventKind.sensor_back)
    assert "no frame for 0.2 s" in lost.text
    assert kinect.sensor.opened == opened + 1
    kinect.sensor.color.push(T0, (picture(1), Settings()))
    # it may be silent for long enough once more before the frame above is served
    found = next(item for item in items if isinstance(item, ColorFrame))
    np.testing.assert_array_equal(found.image, picture(1))


def test_the_recorder_alone_speaks_of_a_stream_that_is_silent_beside_another(
    kinect: World,
) -> None:
    kinect.plug_in()
    # longer than a busy machine holds one body up, shorter than all of them take
    patience = Patience(available_s=0.05, calibration_s=0.05, silence_s=1.5)
    items = kinect.started(kinect.open(patience=patience))
    found = []
    for k in range(8):
        kinect.sensor.bodies.push(T0 + k * TICK, [person(k)])
        found.append(next(items))
        time.sleep(0.25)
    assert [type(item) for item in found] == [BodyFrame] * 8


def test_a_driver_that_only_fails_is_opened_again(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open(wait=Waits())
    items = kinect.started(source)
    color = kinect.sensor.color
    color.push(T0, (picture(0), Settings()))
    next(items).release()
    found = []
    for _ in range(60):
        color.failures["GetFrameArrivedEventData"].append(E_FAIL)
        color.announce()
        found.append(next(items))
    assert [type(item) for item in found] == [Lost] * 59 + [Notice]
    assert "60 color frames in a row failed (0x80004005)" in found[-1].text
    assert next(items).kind is EventKind.sensor_back
    assert source.counts[Stream.color].failed == 60


def test_a_driver_that_hangs_ends_the_recording_instead_of_waiting_for_ever(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open(patience=Patience(call_s=0.2))
    items = kinect.started(source)
    hangs, go_on = threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        assert go_on.wait(30)

    kinect.sensor.color.while_converting = hang
    kinect.sensor.color.push(T0, (picture(0), Settings()))
    assert hangs.wait(30)
    with pytest.raises(SensorError, match="has not returned") as seen:
        source.close()
    assert seen.value.exit_code == 1
    go_on.set()
    next(items).release()
    source.close()


def test_intrinsics_come_from_the_driver_each_time(kinect: World) -> None:
    """The SDK answers zeros until a sensor was there: a second source must ask again."""
    kinect.plug_in()
    kinect.sensor.mapper.intrinsics = (0.0,) * 7
    first = kinect.open()
    assert first.info.depth_intrinsics is None
    first.close()
    kinect.sensor.mapper.intrinsics = INTRINSICS
    assert kinect.open().info.depth_intrinsics is not None
