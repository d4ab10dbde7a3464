"""Checks of session.json, of takes, device and names: whoever makes one can sign it too."""

from collections.abc import Mapping
from typing import Any, Final

from ..core.sensor_shape import shape_from_json

CLOCKS: Final = ("wall_utc_ns", "host_ns", "device_100ns")
_MOST_TAKES: Final = 2**16
_MOST_PX: Final = 2**16
_MOST_NUMBERS: Final = 2**16
_TYPES: Final = (
    ("id", str),
    ("mirrored", bool),
    ("times", str),
    ("depth_intrinsics", dict),
    ("depth_projection", dict),
    ("projection", dict),
)
_MAY_BE_NULL: Final = ("depth_intrinsics", "depth_projection", "projection")


def is_time(value: Any) -> bool:
    """Return True if a value is a time that a row could hold."""
    return type(value) is int and -(2**63) <= value < 2**63


def odd_take(take: Mapping[str, Any]) -> str | None:
    """Say what is odd about a take, or None; a clock that was not read may be null or missing."""
    number = take.get("take")
    if type(number) is not int or not 0 <= number < _MOST_TAKES:
        return f"takes: {number!r:.40} is not the number of a take"
    for name in CLOCKS:
        if take.get(name) is not None and not is_time(take[name]):
            return f"takes: {name} of take {number} is not a time"
    return None


def odd_device(device: Mapping[str, Any]) -> str | None:
    """Say what is odd about the device, or None; it may leave anything out."""
    size = device.get("color_size_px", [1, 1])
    is_pair = isinstance(size, list) and len(size) == 2
    if not is_pair or not all(type(side) is int and 0 < side < _MOST_PX for side in size):
        return f"device: color_size_px is {size!r:.40}, expected [width, height]"
    try:
        shape_from_json(device.get("shape"))
    except ValueError as error:
        return f"device: shape: {error}"
    for name, kind in _TYPES:
        found = type(device.get(name, kind()))
        if found is not kind and not (name in _MAY_BE_NULL and device[name] is None):
            return f"device: {name} is of type {found.__name__}, expected {kind.__name__}"
    return None


def odd_names(of: str, names: Mapping[str, Any]) -> str | None:
    """Say what is odd about the names of numbers or bits in rows, or None."""
    for name, number in names.items():
        if type(number) is not int or not 0 <= number < _MOST_NUMBERS:
            return f"{of}: {number!r:.40} is not a number of {name:.40}"
    return None
