"""Every simulated device has cameras of its own, and pictures, pixels and session.json agree."""

import json
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.simulator.options import SimulatorOptions
from kincap.capture.simulator.scene import Script
from kincap.capture.simulator.scenery.camera import USUAL, Camera
from kincap.capture.simulator.scenery.figure import Figure
from kincap.capture.simulator.scenery.outfits import outfit
from kincap.capture.simulator.scenery.raster import Layer, Light, draw, shade
from kincap.capture.simulator.scenery.room import room
from kincap.capture.simulator.sensor import SimulatedSensor, open_simulator
from kincap.capture.sources.sensor import ColorFrame
from kincap.core.skeleton import JOINT
from kincap.sessions.session_file import load_session
from kincap.sessions.truth import load_truth

DEVICES = (0, 1, 17)


def drawn(camera: Camera, moment_s: float) -> tuple[np.ndarray, np.ndarray, Layer]:
    """The surface (V, 3), the joints (25, 3) and the picture of someone at a moment."""
    actor = Script(SimulatorOptions()).scene(0).actors[0]
    pose = actor.motion.at(np.array([moment_s]))
    figure = Figure(actor.subject, outfit(actor.outfit), actor.seed)
    mesh = figure.posed(pose.frames[0], pose.origins[0], pose.hands[0])
    layer = draw(figure, mesh, shade(mesh, figure.open, Light()), camera=camera)
    assert layer is not None
    return mesh.points, pose.joints[0], layer


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("moment_s", [2.0, 11.0])
def test_what_is_drawn_lies_where_the_projection_puts_it(device: int, moment_s: float) -> None:
    camera = Camera.numbered(device)
    points, joints, layer = drawn(camera, moment_s)
    pixels = camera.project(points)
    rows, columns = np.nonzero(layer.inside)
    edges = [columns.min(), columns.max(), rows.min(), rows.max()]
    shown = np.array(edges) + [layer.left, layer.left, layer.top, layer.top]
    meant = np.concatenate([[p.min(), p.max()] for p in pixels.T])
    assert np.abs(shown - meant).max() < 1.2
    # the surface before a joint in the middle of the body is nearer than the joint, by little
    for name in ("SpineMid", "SpineShoulder", "Head", "KneeLeft", "KneeRight"):
        x, y = np.round(camera.project(joints[JOINT[name]])).astype(int)
        depth = layer.depth[y - layer.top, x - layer.left]
        assert joints[JOINT[name], 2] - 0.6 < depth < joints[JOINT[name], 2] + 0.05


def test_the_usual_device_is_the_one_of_always_and_others_are_near_it() -> None:
    assert Camera.numbered(0) == USUAL
    assert (USUAL.fx_px, USUAL.fy_px, USUAL.cx_px, USUAL.cy_px) == (1060, 1060, 959.5, 539.5)
    cameras = [Camera.numbered(k) for k in range(1, 60)]
    assert Camera.numbered(7) == cameras[6]
    assert len(set(cameras)) == 59
    for camera in cameras:
        assert abs(camera.fx_px - 1060) < 40
        assert camera.fx_px == pytest.approx(camera.fy_px, rel=0.005)
        assert abs(camera.cx_px - 959.5) < 40
        assert camera.offset_m == pytest.approx((-0.052, 0, 0), abs=0.005)
        assert camera.depth[0] == pytest.approx(365.5, abs=8)
        assert camera.depth[0] == pytest.approx(camera.depth[1], abs=1)


@pytest.mark.parametrize("device", DEVICES)
def test_session_json_holds_the_projection_of_the_pixels(tmp_path: Path, device: int) -> None:
    source = f"simulator:pace=fast,frames=2,device={device}"
    record(RecordSettings("s1", tmp_path, source, shard_mib=16))
    info = load_session(tmp_path / "s1")
    told = info.device.projection
    truth = load_truth(tmp_path / "s1").color
    joints = truth["joint_xyz_m"].reshape(-1, 3).astype(float)
    mapped = np.column_stack([joints, np.ones(len(joints))]) @ np.array(told["matrix"]).T
    pixels = truth["joint_color_px"].reshape(-1, 2)
    assert np.abs(mapped[:, :2] / mapped[:, 2:] - pixels).max() < 0.01
    x, y, z = (joints - told["offset_m"]).T
    by_focal = [told["cx_px"] + told["fx_px"] * x / z, told["cy_px"] - told["fy_px"] * y / z]
    assert np.abs(np.stack(by_focal, axis=1) - pixels).max() < 0.01
    intrinsics = info.device.depth_intrinsics
    assert set(intrinsics) == {
        "FocalLengthX", "FocalLengthY", "PrincipalPointX", "PrincipalPointY",
        "RadialDistortionSecondOrder", "RadialDistortionFourthOrder", "RadialDistortionSixthOrder",
    }  # fmt: skip
    assert (intrinsics["FocalLengthX"] == 365.5) == (device == 0)
    assert json.loads(json.dumps(told)) == told
    assert info.device.id == ("simulator-0" if device == 0 else f"simulator-device-{device}")


def test_room_and_people_are_seen_by_the_same_camera() -> None:
    images = []
    for device in (0, 3):
        sensor = open_simulator({"pace": "fast", "frames": "1", "device": str(device)})
        assert isinstance(sensor, SimulatedSensor)
        frame = next(iter(sensor.items()))
        assert isinstance(frame, ColorFrame)
        assert frame.image is not None
        images.append(frame.image[..., :3].astype(int))
    camera = Camera.numbered(3)
    empty = room(0, camera).image.astype(int)
    # a corner of the room, where nobody stands, is that camera's room, not the usual one's
    corner = np.s_[40:400, 100:600]
    own, other = (np.abs(image[corner] - empty[corner]) for image in images[::-1])
    assert own.max() < 40  # grain alone; where an edge lies elsewhere, it is more
    assert other.max() > 80
