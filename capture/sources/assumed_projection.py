"""Colour pixels for recordings that have none: a projection that is given or assumed.

A skeleton log holds joints in camera space alone. Where they would appear in the colour image
depends on the sensor; what is written here is close to any Kinect v2 and is marked as estimated.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import SensorError
from ...core.sensor_shape import KINECT_V2
from ..kinect.projection import project
from .text_lines import check_regular

COLOR_SIZE_PX: Final = KINECT_V2.color_size_px
_FOCAL_PX: Final = 1060.0
_CENTER_PX: Final = (960.0, 567.0)
_BASELINE_M: Final = 0.052
"""Distance from the depth camera to the colour camera."""
_NAMED: Final = ("fx_px", "fy_px", "cx_px", "cy_px")
_MAX_BYTES: Final = 64 << 20
_MOST_UNEVEN: Final = 0.01
_LARGEST: Final = 1e9
"""The largest number that makes sense in a projection, which also keeps products finite."""

_DEFAULT_MATRIX: Final = (
    (_FOCAL_PX, 0.0, _CENTER_PX[0], _FOCAL_PX * _BASELINE_M),
    (0.0, -_FOCAL_PX, _CENTER_PX[1], 0.0),
    (0.0, 0.0, 1.0, 0.0),
)


@dataclass(frozen=True)
class AssumedProjection:
    """Camera space to pixels of a colour image that was not recorded.

    Attributes:
        matrix: (3, 4): (u w, v w, w) = matrix (x, y, z, 1), metres to pixels.
        origin: Where it comes from, for session.json.
        size_px: Width and height of the image.
    """

    matrix: NDArray[np.float64]
    origin: str
    size_px: tuple[int, int] = COLOR_SIZE_PX

    def pixels(self, joints_m: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project joints.

        Args:
            joints_m: (J, 3) camera space, metres; NaN where there is none.

        Returns:
            (J, 2) pixels of the image; NaN where there is no joint, or one that is not in front of
            the camera.
        """
        before = joints_m[:, 2] > 0
        found = np.full((len(joints_m), 2), np.nan, np.float32)
        found[before] = project(self.matrix, joints_m[before])
        return found

    def scaled(self, size_px: tuple[int, int]) -> "AssumedProjection":
        """Return it for the image in another size; pixel centres are at whole numbers.

        Raises:
            SensorError: The size has other proportions.
        """
        (from_x, from_y), (to_x, to_y) = self.size_px, size_px
        if abs(from_x * to_y - from_y * to_x) > _MOST_UNEVEN * from_x * to_y:
            raise SensorError(
                f"the video has frames of {to_x}x{to_y}, and the place of joints in them is known "
                f"only for the proportions of {from_x}x{from_y}; columns u and v in a map give it"
            )
        x, y = to_x / from_x, to_y / from_y
        change = np.array([[x, 0, (x - 1) / 2], [0, y, (y - 1) / 2], [0, 0, 1.0]])
        return AssumedProjection(change @ self.matrix, self.origin, size_px)

    def unmirrored(self) -> "AssumedProjection":
        """Return it for the image as a person who stands at the camera sees it."""
        change = np.array([[-1.0, 0, self.size_px[0] - 1], [0, 1, 0], [0, 0, 1]])
        return AssumedProjection(change @ self.matrix, self.origin, self.size_px)

    def to_json(self) -> dict[str, Any]:
        """Return it as session.json keeps it."""
        return {
            "model": "pinhole",
            "matrix": self.matrix.tolist(),
            "estimated": True,
            "origin": self.origin,
        }


def default_projection() -> AssumedProjection:
    """Return what is close to any Kinect v2: rounded from what the SDK's mapper gives."""
    return AssumedProjection(np.array(_DEFAULT_MATRIX), "a usual Kinect v2")


def chosen_projection(
    given: str | None, size_px: tuple[int, int], *, is_mirrored: bool
) -> AssumedProjection:
    """Return the projection to pixels of a colour image.

    Args:
        given: A file for ``load_projection``; None: the default one.
        size_px: Width and height of the image.
        is_mirrored: Whether the image is as a mirror shows it.

    Raises:
        SensorError: The file holds none, or the image has other proportions than the sensor's.
    """
    found = default_projection() if given is None else load_projection(given)
    found = found.scaled(size_px)
    return found if is_mirrored else found.unmirrored()


def load_projection(name: str) -> AssumedProjection:
    """Read a projection from a file.

    Args:
        name: Path of a JSON file: a session.json whose device has a projection, or an object with
            ``matrix`` (3 x 4) or with ``fx_px``, ``fy_px``, ``cx_px`` and ``cy_px``.

    Raises:
        SensorError: It is missing or holds no projection (exit 2).
    """
    path = Path(name)
    check_regular(path, "a JSON file after projection=")
    try:
        with open(path, "rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        if len(raw) > _MAX_BYTES:
            raise ValueError("too large")
        content = json.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        raise SensorError(f"{path}: can't be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise SensorError(f"{path}: not valid JSON; projection= needs a JSON file") from error
    matrix = _matrix(content)
    if matrix is None:
        raise SensorError(
            f"{path}: holds no projection; expected a session.json with one, or an object with "
            f"matrix (3 x 4) or with {', '.join(_NAMED)}"
        )
    return AssumedProjection(matrix, path.name)


def _matrix(content: Any) -> NDArray[np.float64] | None:
    """Return the matrix that an object holds in one of the forms, None where it holds none."""
    if isinstance(content, dict) and isinstance(content.get("device"), dict):
        content = content["device"].get("projection")
    if not isinstance(content, dict):
        return None
    try:
        if content.get("matrix") is None:
            fx, fy, cx, cy = (_finite(content[name]) for name in _NAMED)
            rows = [[fx, 0.0, cx, 0.0], [0.0, -fy, cy, 0.0], [0.0, 0.0, 1.0, 0.0]]
        else:
            rows = [[_finite(value) for value in row] for row in content["matrix"]]
        matrix = np.array(rows, np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    usable = matrix.shape == (3, 4)
    return matrix if usable and np.linalg.matrix_rank(matrix[:, :3]) == 3 else None


def _finite(value: Any) -> float:
    """Return a number of a JSON file.

    Raises:
        ValueError: It is not a number, or float64 can't hold it.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _LARGEST:
        raise ValueError("not a number")
    if value != value:
        raise ValueError("not a number")
    return float(value)
