"""Turns what the body tracker hands out into one row of ``bodies``."""

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import JOINTS
from ...sessions.schema import BODIES, empty_body_row
from .driver import Driver

# as the SDK lays them out: _Joint {JointType, Position, TrackingState}, _JointOrientation
_JOINT: Final = np.dtype([("joint", "<i4"), ("xyz_m", "<f4", (3,)), ("state", "<i4")])
_ORIENTATION: Final = np.dtype([("joint", "<i4"), ("xyzw", "<f4", (4,))])

ToColor = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""Maps (N, 3) camera space, metres, to (N, 2) colour pixels; unmappable ones not finite."""


def take_bodies(driver: Driver, frame: Any) -> list[Any]:
    """Read the bodies of a frame; all COM objects of it are released on return.

    Args:
        driver: The driver packages.
        frame: An acquired IBodyFrame.

    Returns:
        One ``KinectBody`` per slot, slots as in the body index image.

    Raises:
        COMError: A call failed.
    """
    pointer = ctypes.POINTER(driver.v2.IBody)
    slots = (pointer * BODIES)()
    frame.GetAndRefreshBodyData(BODIES, ctypes.cast(slots, ctypes.POINTER(pointer)))
    # an element taken out of the array owns the reference that the array holds: each is taken
    # exactly once, all of them before anything can fail
    owned = [slots[k] for k in range(BODIES)]
    return [driver.runtime.KinectBody(body) for body in owned]


def body_row(
    bodies: Sequence[Any], floor: Any, time_device: int, time_host: int, to_color: ToColor
) -> npt.NDArray[Any]:
    """Return a row with everything that the tracker said.

    Args:
        bodies: From ``take_bodies``.
        floor: The floor plane, a Vector4 (x, y, z, w).
        time_device: RelativeTime, 100 ns.
        time_host: ``time.perf_counter_ns()`` at arrival.
        to_color: The SDK's mapper.

    Returns:
        (1,) BODIES_DTYPE; whatever is not finite is NaN.
    """
    row = empty_body_row()
    row["time_device"], row["time_host"] = time_device, time_host
    row["floor"][0] = _finite(np.array([floor.x, floor.y, floor.z, floor.w], np.float32))
    for slot, body in enumerate(bodies):
        if body.is_tracked:
            _store(row[0], slot, body)
    tracked = row["tracked"][0] == 1
    if tracked.any():
        points = np.ascontiguousarray(row["joint_xyz_m"][0, tracked].reshape(-1, 3))
        row["joint_color_px"][0, tracked] = _finite(to_color(points)).reshape(-1, JOINTS, 2)
    return row


def _store(row: np.void, slot: int, body: Any) -> None:
    """Write one tracked body into its slot."""
    row["tracked"][slot] = 1
    row["tracking_id"][slot] = body.tracking_id
    row["clipped_edges"][slot] = body.clipped_edges
    row["hand_left_state"][slot] = body.hand_left_state
    row["hand_left_confidence"][slot] = body.hand_left_confidence
    row["hand_right_state"][slot] = body.hand_right_state
    row["hand_right_confidence"][slot] = body.hand_right_confidence
    row["lean_xy"][slot] = _finite(np.array([body.lean.x, body.lean.y], np.float32))
    row["lean_state"][slot] = body.lean_tracking_state
    joints = _structs(body.joints, _JOINT)
    at = joints["joint"]
    row["joint_xyz_m"][slot, at] = _finite(joints["xyz_m"])
    row["joint_state"][slot, at] = joints["state"]
    orientations = _structs(body.joint_orientations, _ORIENTATION)
    row["joint_orientation"][slot, orientations["joint"]] = _finite(orientations["xyzw"])


def _structs(pointer: Any, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Return a copy of the 25 structures that a pointer points at, (25,) of ``dtype``."""
    return np.frombuffer(ctypes.string_at(pointer, JOINTS * dtype.itemsize), dtype)


def _finite(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return a copy with everything that is not finite as NaN."""
    return np.where(np.isfinite(values), values, np.float32(np.nan))
