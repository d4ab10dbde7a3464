"""The simulated body tracker: makes rows with noise, states, ids, hands, edges and lean of poses.

The noise is Gaussian, larger where a joint is inferred. Its sizes are guesses.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.kinematics import lean_angles
from ...core.skeleton import JOINT, JOINTS, TrackingState
from ...sessions.schema import empty_body_row
from .performer.gestures import HandState
from .performer.rig import ORIGIN_JOINT, Pose
from .scene import Actor
from .scenery.camera import HEIGHT, SENSOR_HEIGHT_M, WIDTH, Camera

_EDGE_RIGHT, _EDGE_LEFT, _EDGE_TOP, _EDGE_BOTTOM = 1, 2, 4, 8
_INFERRED_FACTOR: Final = 4.0

NOISE_M: Final = np.full(JOINTS, 0.006)
"""(25,) standard deviation of a tracked joint's noise along each axis, metres."""
for _name in JOINT:
    if _name.startswith(("Hand", "Thumb", "Foot", "Ankle")):
        NOISE_M[JOINT[_name]] = 0.009
    elif _name.startswith(("Spine", "Neck", "Head")):
        NOISE_M[JOINT[_name]] = 0.004


def body_row(
    actors: tuple[Actor, ...],
    poses: list[Pose],
    hidden: NDArray[np.bool_],
    time_device: int,
    rng: np.random.Generator,
    noise: float,
    camera: Camera,
) -> NDArray[Any]:
    """Fill one row of the bodies table.

    Args:
        actors: The people.
        poses: One pose of one time each, at the body frame's time.
        hidden: (P, 25) joints that something lies in front of.
        time_device: Of the body frame, 100 ns.
        rng: Source of the noise.
        noise: Factor on it.
        camera: What makes pixels of joints.

    Returns:
        (1,) ``BODIES_DTYPE``; seq, take, time_host and row_crc are left 0.
    """
    row = empty_body_row()
    row["time_device"] = time_device
    row["floor"] = (0.0, 1.0, 0.0, SENSOR_HEIGHT_M)
    for actor, pose, covered in zip(actors, poses, hidden, strict=True):
        truth = pose.joints[0]
        outside = _outside(camera.project(truth))
        inferred = covered | outside.any(axis=1)
        spread = NOISE_M * noise * np.where(inferred, _INFERRED_FACTOR, 1.0)
        joints = truth + spread[:, None] * rng.standard_normal((JOINTS, 3))
        _fill(row[0], actor, pose, joints, inferred)
        row[0]["joint_color_px"][actor.slot] = camera.project(joints)
        row[0]["clipped_edges"][actor.slot] = _clipped_edges(outside)
    return row


def _fill(
    row: Any, actor: Actor, pose: Pose, joints: NDArray[np.float64], inferred: NDArray[np.bool_]
) -> None:
    """Write one person into their slot of a row."""
    slot = actor.slot
    row["tracked"][slot] = 1
    row["tracking_id"][slot] = actor.tracking_id
    row["joint_xyz_m"][slot] = joints
    row["joint_state"][slot] = np.where(inferred, TrackingState.inferred, TrackingState.tracked)
    row["lean_xy"][slot] = np.clip(lean_angles(joints) / (np.pi / 4), -1, 1)
    row["lean_state"][slot] = TrackingState.tracked
    row["joint_orientation"][slot] = 0  # as the SDK does where a joint has none
    row["joint_orientation"][slot][ORIGIN_JOINT] = quaternions(pose.frames[0])
    for arm, side in ((0, "right"), (1, "left")):
        seen = not inferred[JOINT["Hand" + side.capitalize()]]
        state = int(pose.hands[0, arm]) if seen else int(HandState.UNKNOWN)
        row[f"hand_{side}_state"][slot] = state
        row[f"hand_{side}_confidence"][slot] = int(seen)


def quaternions(frames: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn (N, 3, 3) rotations into (N, 4) unit quaternions x, y, z, w with w >= 0."""
    # The largest column of the symmetric 4 x 4 form is the safe one to scale (Bar-Itzhack).
    m = frames
    x, y, z = m[:, 0, 0], m[:, 1, 1], m[:, 2, 2]
    xy, xz, yz = m[:, 0, 1] + m[:, 1, 0], m[:, 0, 2] + m[:, 2, 0], m[:, 1, 2] + m[:, 2, 1]
    wx, wy, wz = m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]
    form = np.stack(
        [
            np.stack([1 + x - y - z, xy, xz, wx], axis=1),
            np.stack([xy, 1 - x + y - z, yz, wy], axis=1),
            np.stack([xz, yz, 1 - x - y + z, wz], axis=1),
            np.stack([wx, wy, wz, 1 + x + y + z], axis=1),
        ],
        axis=1,
    )
    largest = np.argmax(np.einsum("nii->ni", form), axis=1)
    chosen = form[np.arange(len(m)), largest]
    chosen = chosen / np.linalg.norm(chosen, axis=1, keepdims=True)
    return np.asarray(np.where(chosen[:, 3:] < 0, -chosen, chosen))


def _outside(pixels: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return (25, 4) whether each joint lies beyond the right, left, top and bottom edge."""
    x, y = pixels[:, 0], pixels[:, 1]
    return np.stack([x > WIDTH - 0.5, x < -0.5, y < -0.5, y > HEIGHT - 0.5], axis=1)


def _clipped_edges(outside: NDArray[np.bool_]) -> int:
    """Return the SDK's bits of the edges that cut a person."""
    bits = np.array([_EDGE_RIGHT, _EDGE_LEFT, _EDGE_TOP, _EDGE_BOTTOM])
    return int(bits[outside.any(axis=0)].sum())
