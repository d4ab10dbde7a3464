"""The shape of a sensor: everything about its size that other parts need, as one value.

A recording says in session.json which shape its sensor had; one without it is a Kinect v2. A new
sensor is one new value here and its source in ``capture/sources``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .skeleton import KINECT_V2_SKELETON, Skeleton
from .units import TICK_100NS

MOST_BODIES: Final = 64
MOST_JOINTS: Final = 256
_MOST_PX: Final = 2**14
_MOST_NAME: Final = 64


@dataclass(frozen=True)
class SensorShape:
    """Numbers of a sensor: bodies, joints, sizes of images, period.

    Attributes:
        skeleton: Its joints and bones.
        bodies: Bodies that it follows at once: slots in a body row.
        color_size_px: (width, height) of its usual colour images.
        plane_size_px: (width, height) of its masks and depth images.
        tick_100ns: Its usual period, in 100 ns.
    """

    skeleton: Skeleton = KINECT_V2_SKELETON
    bodies: int = 6
    color_size_px: tuple[int, int] = (1920, 1080)
    plane_size_px: tuple[int, int] = (512, 424)
    tick_100ns: int = TICK_100NS

    @property
    def joints(self) -> int:
        """Joints of a body."""
        return len(self.skeleton)

    def to_json(self) -> dict[str, Any]:
        """Return the shape as session.json holds it; colour size is among the device's own."""
        return {
            "skeleton": self.skeleton.name,
            "joints": list(self.skeleton.points),
            "bones": [list(pair) for pair in self.skeleton.bones],
            "bodies": self.bodies,
            "plane_size_px": list(self.plane_size_px),
            "tick_100ns": self.tick_100ns,
        }


KINECT_V2: Final = SensorShape()
"""The Kinect v2."""


def shape_from_json(kept: Any, color_size_px: tuple[int, int] | None = None) -> SensorShape:
    """Return the shape that ``to_json`` gave.

    Args:
        kept: What session.json holds; None: a recording that does not say, from a Kinect v2.
        color_size_px: (width, height) of the device's colour images, where known.

    Raises:
        ValueError: It is not a shape; says what is wrong.
    """
    size = color_size_px or KINECT_V2.color_size_px
    if kept is None:
        return SensorShape(color_size_px=size)
    if not isinstance(kept, Mapping):
        raise ValueError(f"of type {type(kept).__name__}, expected an object")
    points = _names(kept.get("joints"))
    bones = tuple(_bone(pair, points) for pair in _list(kept, "bones"))
    bodies = _number(kept, "bodies", MOST_BODIES)
    plane = _list(kept, "plane_size_px")
    if len(plane) != 2 or not all(type(side) is int and 0 < side <= _MOST_PX for side in plane):
        raise ValueError(f"plane_size_px is {plane!r:.40}, expected [width, height]")
    skeleton = Skeleton(str(kept.get("skeleton"))[:_MOST_NAME], points, bones)
    try:
        # a name whose other side is missing would end the first reader that mirrors
        _ = skeleton.flip
    except KeyError as error:
        raise ValueError(f"joints: no joint {error}, the other side of one that is there") from None
    return SensorShape(
        skeleton, bodies, size, (plane[0], plane[1]), _number(kept, "tick_100ns", 10**9)
    )


def _list(kept: Mapping[str, Any], key: str) -> list[Any]:
    value = kept.get(key)
    if not isinstance(value, list) or len(value) > 4 * MOST_JOINTS:
        raise ValueError(f"{key} is of type {type(value).__name__}, expected a list")
    return value


def _number(kept: Mapping[str, Any], key: str, most: int) -> int:
    value = kept.get(key)
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"{key} is {value!r:.40}, expected 1 to {most}")
    return value


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_JOINTS:
        raise ValueError(f"joints: expected a list of 1 to {MOST_JOINTS} names")
    if not all(isinstance(name, str) and 0 < len(name) <= _MOST_NAME for name in value):
        raise ValueError("joints: expected names")
    if len(set(value)) < len(value):
        raise ValueError("joints: a name appears twice")
    return tuple(value)


def _bone(pair: Any, points: tuple[str, ...]) -> tuple[str, str]:
    if not isinstance(pair, list) or len(pair) != 2 or not all(end in points for end in pair):
        raise ValueError(f"bones: {pair!r:.40} is not a pair of joints")
    return pair[0], pair[1]
