"""Masks and depth images of the simulator: that they agree with the joints' truth."""

import numpy as np
import pytest

from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, PlaneFrame
from kincap.core.skeleton import JOINT
from kincap.sessions.device import Device
from kincap.sessions.schema import Stream

ALL = ("color", "bodies", "mask", "depth")
THICKNESS_M = 0.22
"""Largest distance of a joint under the skin that faces the sensor (the trunk's, the head's)."""
INNER = [JOINT[n] for n in ("SpineMid", "SpineBase", "Head", "KneeLeft", "KneeRight", "Neck")]


def take(streams=ALL, **options):
    """Return the items of each stream of a take, and the sensor."""
    texts = {"pace": "fast", **{key: str(value) for key, value in options.items()}}
    sensor = open_simulator(texts, streams)
    items = {stream: [] for stream in Stream}
    for item in sensor.items():
        if isinstance(item, BodyFrame):
            items[Stream.bodies].append(item)
        elif isinstance(item, PlaneFrame):
            items[item.stream].append(item)
        elif isinstance(item, ColorFrame):
            items[Stream.color].append(item)
            item.release()
    return items, sensor


def mapping_of(sensor):
    info = sensor.info
    return Device(
        depth_projection=info.depth_projection, projection=info.projection
    ).depth_mapping()


@pytest.fixture(scope="module", params=[0, 3])
def two(request):
    return take(frames=12, fps=3, persons=2, noise=0, device=request.param, seed=4)


def test_masks_and_depth_come_with_the_body_row_and_its_time(two):
    items, sensor = two
    assert sensor.info.streams == ALL
    times = [[int(f.row["time_device"][0]) for f in items[Stream.bodies]]]
    times += [[f.time_device for f in items[s]] for s in (Stream.mask, Stream.depth)]
    assert times[0] == times[1] == times[2]
    assert len(times[0]) == 12
    for stream, kind in ((Stream.mask, np.uint8), (Stream.depth, np.uint16)):
        found = {(frame.image.dtype, frame.image.shape) for frame in items[stream]}
        assert found == {(np.dtype(kind), (424, 512))}


def test_a_joint_that_is_seen_is_on_its_own_body_at_its_own_depth(two):
    items, sensor = two
    camera, seen = mapping_of(sensor).camera, 0
    planes = zip(items[Stream.bodies], items[Stream.mask], items[Stream.depth], strict=True)
    for bodies, mask, depth in planes:
        row = bodies.row[0]
        slots = np.flatnonzero(row["tracked"])
        assert len(slots) == 2
        assert set(np.unique(mask.image)) - {255} <= set(slots)
        for slot in slots:
            is_seen = row["joint_state"][slot][INNER] == 2
            xyz = row["joint_xyz_m"][slot][INNER][is_seen].astype(float)
            for (u, v), z in zip(np.round(camera.pixels(xyz)).astype(int), xyz[:, 2], strict=True):
                at = np.s_[v - 1 : v + 2, u - 1 : u + 2]
                known = depth.image[at] > 0
                assert (mask.image[at][known] == slot).mean() > 0.5
                surface = np.median(depth.image[at][known]) / 1000
                assert -0.03 < z - surface < THICKNESS_M
                seen += 1
    assert seen > 80


def test_the_depth_maps_people_onto_the_people_of_the_colour_image(two):
    items, sensor = two
    # the tick's colour frame is a few ms earlier: joints of the two hardly differ
    mapping = mapping_of(sensor)
    for bodies, depth, mask in zip(
        items[Stream.bodies], items[Stream.depth], items[Stream.mask], strict=True
    ):
        row = bodies.row[0]
        color = mapping.depth_frame_to_color(depth.image)
        for slot in np.flatnonzero(row["tracked"]):
            own = color[(mask.image == slot)]
            own = own[np.isfinite(own).all(axis=1)]
            px = row["joint_color_px"][slot]
            # the body reaches a little beyond its joints on every side
            assert np.all(own.min(axis=0) < px[INNER].min(axis=0))
            assert np.all(own.max(axis=0) > px[INNER].max(axis=0))
            assert np.all(own.min(axis=0) > px.min(axis=0) - 120)
            assert np.all(own.max(axis=0) < px.max(axis=0) + 120)


def test_the_room_is_measured_too_and_the_same_options_give_the_same_images():
    items, _ = take(frames=1)
    again, _ = take(frames=1)
    depth = items[Stream.depth][0].image
    assert np.array_equal(depth, again[Stream.depth][0].image)
    wall = depth[(items[Stream.mask][0].image == 255) & (depth > 0)] / 1000
    assert 3.5 < wall.max() < 5.2
    floor = depth[400, 20:60]
    assert floor.min() > 1000
    assert floor.max() < 3500
    assert (depth == 0).mean() < 0.05


def test_a_lost_body_is_nobodys_and_gaps_take_planes_away_with_the_bodies():
    items, _ = take(ALL[1:], frames=12, fps=10, faults="body_lost@0.5-1")
    for bodies, mask in zip(items[Stream.bodies], items[Stream.mask], strict=True):
        tracked = np.flatnonzero(bodies.row["tracked"][0])
        assert set(np.unique(mask.image)) - {255} == set(tracked)
    assert {int(f.row["tracked"].sum()) for f in items[Stream.bodies]} == {0, 1}
    items, _ = take(ALL[1:], frames=60, faults="gaps@0-2")
    times = [int(f.row["time_device"][0]) for f in items[Stream.bodies]]
    assert 50 < len(times) < 60
    for stream in (Stream.mask, Stream.depth):
        assert [frame.time_device for frame in items[stream]] == times
