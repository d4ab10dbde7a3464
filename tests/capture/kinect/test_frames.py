"""What arrives comes out whole: pictures, bodies, times, and an account of what did not."""

import itertools
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from kinect_fakes.com import E_FAIL, LIVE
from kinect_fakes.dll import FLOOR, INTRINSICS, Settings, map_to_color
from kinect_fakes.world import T0, TICK, World, person, picture

from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Lost, PlaneFrame, TakeStart
from kincap.sessions.schema import ColorFlag, EventKind, Stream

pytestmark = pytest.mark.over_fakes


def test_bodies_come_with_everything_that_the_tracker_says(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    someone = person(7)
    kinect.sensor.bodies.push(T0 + 5_000, [None, None, someone])
    row = next(items).row[0]
    assert row["time_device"] == T0 + 5_000
    assert row["time_host"] > 0
    assert row["tracked"].tolist() == [0, 0, 1, 0, 0, 0]
    assert row["tracking_id"][2] == 72057594037930001
    assert row["clipped_edges"][2] == 0
    assert row["lean_state"][2] == 2
    np.testing.assert_array_equal(row["floor"], np.float32(FLOOR))
    np.testing.assert_array_equal(row["joint_xyz_m"][2], someone.joints_m.astype(np.float32))
    np.testing.assert_array_equal(row["joint_state"][2], someone.states)
    np.testing.assert_array_equal(
        row["joint_orientation"][2], someone.orientations.astype(np.float32)
    )
    np.testing.assert_array_equal(row["joint_color_px"][2], map_to_color(someone.joints_m))
    assert row["lean_xy"][2].tolist() == [0.25, -0.5]
    hands = ("left_state", "left_confidence", "right_state", "right_confidence")
    assert [row[f"hand_{name}"][2] for name in hands] == [2, 1, 3, 0]
    for name in ("joint_xyz_m", "joint_color_px", "joint_orientation", "lean_xy"):
        assert np.isnan(row[name][0]).all()


def test_a_picture_is_converted_once_into_memory_that_is_used_again(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    places = set()
    for k in range(25):
        shown = picture(k)
        kinect.sensor.color.push(T0 + k * TICK, (shown, Settings()))
        frame = next(items)
        assert frame.time_device == T0 + k * TICK
        assert np.array_equal(frame.image, shown)
        places.add(frame.image.ctypes.data)
        frame.release()
    assert len(places) <= 20
    assert kinect.sensor.color.acquired == 25


def test_exposure_interval_and_gain_are_kept_and_low_light_is_marked(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    for k, settings in enumerate((Settings(), Settings(666_000, 666_666, 4.0))):
        kinect.sensor.color.push(T0 + k, (picture(k), settings))
        frame = next(items)
        assert (frame.exposure, frame.frame_interval, frame.gain) == (
            settings.exposure,
            settings.interval,
            settings.gain,
        )
        assert frame.flags == (ColorFlag.low_light if k else 0)
        frame.release()
    kinect.sensor.color.failures["_get_ColorCameraSettings"].append(E_FAIL)
    kinect.sensor.color.push(T0 + 2, (picture(2), Settings()))
    frame = next(items)
    assert (frame.exposure, frame.frame_interval, np.isnan(frame.gain)) == (-1, -1, True)
    np.testing.assert_array_equal(frame.image, picture(2))


def test_what_the_sensor_is_stands_in_info(kinect: World) -> None:
    kinect.plug_in()
    info = kinect.open().info
    assert (info.kind, info.device_id, info.color_size_px) == (
        "kinect",
        "012345678901",
        (1920, 1080),
    )
    assert (info.mirrored, info.live, info.times) == (True, True, "device")
    assert info.depth_intrinsics is not None
    assert tuple(info.depth_intrinsics.values()) == tuple(map(float, np.float32(INTRINSICS)))
    assert info.projection is not None
    assert info.projection["rms_px"] < 0.01
    assert info.depth_projection is not None
    assert info.depth_projection["max_px"] < 0.01
    fx, _, cx, *_, k3 = INTRINSICS
    assert info.depth_projection["fx_px"] == pytest.approx(fx, rel=1e-4)
    assert info.depth_projection["cx_px"] == pytest.approx(cx, rel=1e-4)
    assert info.depth_projection["k3"] == pytest.approx(k3, abs=1e-3)
    assert info.warnings == ()


def test_a_calibration_that_arrives_late_is_waited_for(kinect: World) -> None:
    kinect.plug_in()
    mapper = kinect.sensor.mapper
    mapper.intrinsics = (0.0,) * 7
    mapper.subscribed = lambda: mapper.calibrate(INTRINSICS)
    info = kinect.open().info
    assert info.depth_intrinsics is not None
    assert info.projection is not None


def test_a_calibration_that_never_comes_is_said_and_nothing_is_made_up(kinect: World) -> None:
    kinect.plug_in()
    kinect.sensor.mapper.intrinsics = (0.0,) * 7
    info = kinect.open().info
    assert (info.depth_intrinsics, info.projection) == (None, None)
    assert info.depth_projection is None
    assert len(info.warnings) == 2


def test_nothing_comes_before_the_first_frame_has_arrived(kinect: World) -> None:
    """Stock hands out its empty buffer then, a black picture."""
    kinect.plug_in()
    source = kinect.open()
    items = source.items()
    kinect.sensor.color.push(T0, (picture(5), Settings()))
    first = next(items)
    np.testing.assert_array_equal(first.image, picture(5))
    assert source.counts[Stream.color].arrived == 1


def test_stale_and_repeated_frames_are_left_out_and_counted(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open()
    items = kinect.started(source)
    color = kinect.sensor.color
    color.push(T0 + TICK, (picture(1), Settings()))
    assert isinstance(next(items), ColorFrame)
    color.announce()  # the same frame a second time
    again = next(items)
    color.push(T0, (picture(0), Settings()))  # and an older one
    older = next(items)
    for item, time in ((again, T0 + TICK), (older, T0)):
        assert item == Lost(Stream.color, time, item.time_host, EventKind.drop_stale)
    assert color.acquired == 1
    color.push(T0 + 2 * TICK, (picture(2), Settings()))
    np.testing.assert_array_equal(next(items).image, picture(2))
    counts = source.counts[Stream.color]
    assert (counts.arrived, counts.given, counts.stale) == (4, 2, 2)


@pytest.mark.parametrize("stream", ["color", "bodies"])
@pytest.mark.parametrize("call", [0, 1, 2])
def test_one_failed_call_costs_one_frame(kinect: World, stream: str, call: int) -> None:
    calls = {
        "color": ["GetFrameArrivedEventData", "AcquireFrame", "CopyConvertedFrameDataToArray"],
        "bodies": ["GetFrameArrivedEventData", "AcquireFrame", "GetJoints"],
    }
    kinect.plug_in()
    source = kinect.open()
    items = kinect.started(source)
    reader = getattr(kinect.sensor, stream)
    for k in range(4):
        data = (picture(k), Settings()) if stream == "color" else [person(k), person(k, 8)]
        if k == 2:
            reader.failures[calls[stream][call]].append(E_FAIL)
        reader.push(T0 + k * TICK, data)
        item = next(items)
        assert isinstance(item, Lost) == (k == 2)
        if k == 2:
            assert (item.stream.name, item.kind) == (stream, EventKind.drop_source)
        elif stream == "color":
            np.testing.assert_array_equal(item.image, picture(k))
            item.release()
        else:
            assert item.row["tracked"][0].tolist() == [1, 1, 0, 0, 0, 0]
    counts = source.counts[Stream[stream]]
    assert (counts.failed, counts.pending) == (1, 0)


def test_a_frame_that_is_gone_already_is_counted_apart(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open()
    items = kinect.started(source)
    color = kinect.sensor.color

    def newer() -> None:
        color.before_acquiring = None
        color.push(T0 + TICK, (picture(1), Settings()))

    color.before_acquiring = newer
    color.push(T0, (picture(0), Settings()))
    gone, there = next(items), next(items)
    assert gone == Lost(Stream.color, T0, gone.time_host, EventKind.drop_source)
    np.testing.assert_array_equal(there.image, picture(1))
    counts = source.counts[Stream.color]
    assert (counts.failed, counts.pending, counts.given) == (0, 1, 1)


def test_points_that_the_mapper_cannot_map_become_nan(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    someone = person(0)
    someone.joints_m[4] = (0.0, 0.0, 0.0)
    someone.joints_m[9] = (0.1, 0.2, -1.0)
    someone.joints_m[11] = (np.inf, -np.inf, np.nan)
    assert np.isneginf(map_to_color(someone.joints_m)[[4, 9]]).all()
    kinect.sensor.bodies.push(T0, [someone])
    row = next(items).row[0]
    bad = np.isnan(row["joint_color_px"][0]).all(axis=1)
    assert np.flatnonzero(bad).tolist() == [4, 9, 11]
    assert np.isfinite(row["joint_color_px"][0][~bad]).all()
    assert np.isnan(row["joint_xyz_m"][0, 11]).all()


def test_masks_and_depth_come_on_request(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open(("color", "bodies", "mask", "depth")))
    rng = np.random.default_rng(0)
    mask = rng.choice(np.array([0, 3, 255], np.uint8), (424, 512))
    depth = rng.integers(0, 8000, (424, 512)).astype(np.uint16)
    for k, (reader, stream, image) in enumerate(
        ((kinect.sensor.mask, Stream.mask, mask), (kinect.sensor.depth, Stream.depth, depth))
    ):
        reader.push(T0 + k, image)
        item = next(items)
        assert isinstance(item, PlaneFrame)
        assert (item.stream, item.time_device) == (stream, T0 + k)
        np.testing.assert_array_equal(item.image, image)
        item.release()


def test_only_the_streams_asked_for_are_opened(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open(("bodies",)))
    assert [len(getattr(kinect.sensor, name).handles) for name in ("color", "depth", "mask")] == [
        0
    ] * 3
    kinect.sensor.bodies.push(T0, [person(0)])
    assert isinstance(next(items), BodyFrame)


def test_a_reader_that_never_frees_its_pictures_loses_pictures_and_nothing_else(
    kinect: World,
) -> None:
    kinect.plug_in()
    source = kinect.open()
    items = kinect.started(source)
    kinds: Counter[str] = Counter()
    kept = []
    for k in range(25):
        kinect.sensor.color.push(T0 + k * TICK, (picture(k), Settings()))
        kept.append(next(items))
        kinect.sensor.bodies.push(T0 + k * TICK, [person(k)])
        kinds[type(next(items)).__name__] += 1
    kinds.update(type(item).__name__ for item in kept)
    assert kinds == {"ColorFrame": 20, "Lost": 5, "BodyFrame": 25}
    assert source.counts[Stream.color].no_room == 5
    for k, frame in enumerate(kept[:20]):
        np.testing.assert_array_equal(frame.image, picture(k))


def test_a_clock_that_goes_back_begins_a_take(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    color = kinect.sensor.color
    color.push(T0 + 100 * TICK, (picture(0), Settings()))
    next(items).release()
    color.push(40, (picture(1), Settings()))
    assert isinstance(next(items), TakeStart)
    assert next(items).time_device == 40
    kinect.sensor.bodies.push(45, [person(0)])
    assert next(items).row["time_device"] == 45


def test_pictures_that_could_not_be_converted_give_their_memory_back(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    color = kinect.sensor.color
    for k in range(25):
        color.failures["CopyConvertedFrameDataToArray"].append(E_FAIL)
        color.push(T0 + k * TICK, (picture(0), Settings()))
        assert next(items).kind is EventKind.drop_source
    color.push(T0 + 25 * TICK, (picture(1), Settings()))
    assert isinstance(next(items), ColorFrame)


def _burst(world: World, count: int, *, slow: str = "color") -> None:
    """While a frame of one stream is fetched the next of both arrive, ``count`` times."""
    sensor, left = world.sensor, iter(range(1, count + 1))

    def next_pair() -> None:
        k = next(left, None)
        if k is not None:
            sensor.color.push(T0 + k * TICK, (picture(0), Settings()))
            sensor.bodies.push(T0 + k * TICK, [person(k)])

    if slow == "color":
        sensor.color.while_converting = next_pair
    else:
        sensor.bodies.before_acquiring = next_pair
    sensor.color.push(T0, (picture(0), Settings()))
    sensor.bodies.push(T0, [person(0)])


def test_the_stock_loop_starves_bodies_behind_slow_colour(kinect: World) -> None:
    driver = kinect.plug_in()
    stock = kinect.stock_runtime(driver, "Color", "Body")
    _burst(kinect, 50)
    kinect.sensor.color.wait_until(lambda: kinect.sensor.color.releases == 51)
    kinect.sensor.bodies.wait_until(lambda: kinect.sensor.bodies.releases >= 1)
    assert kinect.sensor.bodies.acquired == 1
    stock.close()


def test_bodies_are_served_beside_slow_colour(kinect: World) -> None:
    kinect.plug_in()
    source = kinect.open()
    items = kinect.started(source)
    before = kinect.sensor.bodies.acquired
    _burst(kinect, 50)
    kinds: Counter[str] = Counter()
    for item in _until_pictures(items, 51):
        kinds[type(item).__name__] += 1
    assert kinds["ColorFrame"] == 51
    assert kinds["Lost"] == 0
    assert kinect.sensor.bodies.acquired - before >= 45


def test_colour_is_served_beside_slow_bodies(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open())
    _burst(kinect, 50, slow="bodies")
    found: Counter[str] = Counter()
    # a body that is gone because the next has come counts as served: its turn was used
    while found["bodies"] < 51:
        item = next(items)
        if isinstance(item, ColorFrame):
            item.release()
        found["color" if isinstance(item, ColorFrame) else "bodies"] += 1
    assert found["color"] >= 45


def _until_pictures(items: Iterator[Any], count: int) -> Iterator[Any]:
    """Yield items up to the ``count``-th picture, freeing each picture."""
    pictures = itertools.count(1)
    for item in items:
        yield item
        if isinstance(item, ColorFrame):
            item.release()
            if next(pictures) == count:
                return


def test_no_skeleton_is_lost_on_todays_numpy(kinect: World) -> None:
    """Stock's own way to bodies needs ``numpy.object``, and swallows that it is gone."""
    assert tuple(map(int, np.__version__.split(".")[:2])) >= (1, 24)
    driver = kinect.plug_in()
    stock = kinect.stock_runtime(driver, "Body")
    kinect.sensor.bodies.push(T0, [person(0)])
    kinect.sensor.bodies.wait_until(lambda: kinect.sensor.bodies.releases == 1)
    assert [body.is_tracked for body in stock.get_last_body_frame().bodies] == [True] + [False] * 5
    stock.close()
    items = kinect.started(kinect.open())
    for k in range(30):
        kinect.sensor.bodies.push(T0 + (k + 1) * TICK, [person(k)])
        assert next(items).row["tracked"][0, 0] == 1


def test_com_objects_do_not_pile_up(kinect: World) -> None:
    kinect.plug_in()
    items = kinect.started(kinect.open(("color", "bodies", "mask", "depth")))
    before = len(LIVE)
    blank = np.zeros((424, 512), np.uint8)
    for k in range(1, 40):
        kinect.sensor.color.push(T0 + k * TICK, (picture(0), Settings()))
        next(items).release()
        for reader, data in (
            (kinect.sensor.bodies, [person(0)] * 6),
            (kinect.sensor.mask, blank),
            (kinect.sensor.depth, blank.astype(np.uint16)),
        ):
            reader.push(T0 + k * TICK, data)
            next(items)
        # the last frame's own objects may still be on their way out
        assert len(LIVE) <= before + 10
