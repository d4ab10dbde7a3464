"""The depth camera: between camera space, pixels of masks and depth images, and colour pixels.

Camera space: metres, x to the sensor's left, y up, z forward, origin in the depth camera. Pixels of
masks and depth images are those of the stored, mirrored images: u grows with x, v downward, pixel
centres are at integers. docs/format.md 1.6 has the formulas.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MODEL: Final = "radial"
PARAMETERS: Final = ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "k3")
_SDK_NAMES: Final = (
    "FocalLengthX", "FocalLengthY", "PrincipalPointX", "PrincipalPointY",
    "RadialDistortionSecondOrder", "RadialDistortionFourthOrder", "RadialDistortionSixthOrder",
)  # fmt: skip
_FARTHEST_R2: Final = 1.0
"""Square of the distance from the axis, x/z and y/z, up to which a distortion is a lens's: the
corner of a Kinect v2's depth image has 0.9. Beyond, the factor stays as it is there."""
_MOST_IN_MATRIX: Final = 1e9
_ROUNDS: Final = 20
_MOST_FOCAL_PX: Final = 1e5
_MOST_DISTORTION: Final = 10.0
_REGISTER_ROUNDS: Final = 4
_SAME_M: Final = 0.1


@dataclass(frozen=True)
class DepthCamera:
    """A pinhole with radial distortion, from camera space to pixels of masks and depth images.

    Attributes:
        fx_px: Focal length across.
        fy_px: Focal length down.
        cx_px: Column of the principal point.
        cy_px: Row of the principal point.
        k1: Distortion of second order.
        k2: Of fourth order.
        k3: Of sixth order.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0

    def stretch(self, r2: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
        """Return the factor by which the lens moves a direction away from the axis.

        Args:
            r2: (...) (x/z)^2 + (y/z)^2.
        """
        near = np.minimum(r2, _FARTHEST_R2)
        return np.asarray(1 + near * (self.k1 + near * (self.k2 + near * self.k3)))

    def pixels(self, xyz_m: NDArray[np.floating[Any]]) -> Floats:
        """Map camera space to pixels.

        Args:
            xyz_m: (..., 3) points, metres.

        Returns:
            (..., 2) u, v; NaN where a point is not in front of the camera or has no position.
        """
        xyz = np.asarray(xyz_m, np.float64)
        z = np.where(xyz[..., 2] > 0, xyz[..., 2], np.nan)
        a, b = xyz[..., 0] / z, xyz[..., 1] / z
        factor = self.stretch(a * a + b * b)
        return np.stack(
            [self.cx_px + self.fx_px * a * factor, self.cy_px - self.fy_px * b * factor], axis=-1
        )

    def directions(self, px: NDArray[np.floating[Any]]) -> Floats:
        """Return where pixels look: the inverse of ``pixels`` without the distance.

        Args:
            px: (..., 2) u, v.

        Returns:
            (..., 2) x/z and y/z.
        """
        pixels = np.asarray(px, np.float64)
        bent = np.stack(
            [(pixels[..., 0] - self.cx_px) / self.fx_px,
             (self.cy_px - pixels[..., 1]) / self.fy_px], axis=-1
        )  # fmt: skip
        straight = bent.copy()
        for _ in range(_ROUNDS):
            factor = self.stretch(np.sum(straight * straight, axis=-1))
            straight = bent / factor[..., None]
        return straight

    def points(self, px: NDArray[np.floating[Any]], depth_m: NDArray[np.floating[Any]]) -> Floats:
        """Return the points that pixels show.

        Args:
            px: (..., 2) u, v.
            depth_m: (...) z, metres.

        Returns:
            (..., 3) metres, camera space; NaN where the depth is not above 0.
        """
        return _points(self.directions(px), depth_m)

    def to_json(self) -> dict[str, Any]:
        """Return it as session.json holds it."""
        return {"model": MODEL, **{name: getattr(self, name) for name in PARAMETERS}}


def depth_camera(
    projection: Mapping[str, Any] | None, intrinsics: Mapping[str, Any] | None
) -> DepthCamera | None:
    """Return the depth camera of a session.

    Args:
        projection: ``device.depth_projection`` of session.json.
        intrinsics: ``device.depth_intrinsics``, by the SDK's names; used where there is no other.

    Returns:
        None where neither says enough, or what they say can't be a camera.
    """
    if projection is not None and projection.get("model") == MODEL:
        values = [projection.get(name) for name in PARAMETERS]
    elif intrinsics is not None:
        values = [intrinsics.get(name) for name in _SDK_NAMES]
    else:
        return None
    try:
        numbers = [float(v) for v in values if v is not None]
    except (TypeError, ValueError, OverflowError):
        return None
    if len(numbers) < len(PARAMETERS):
        return None
    is_sane = all(1 <= v <= _MOST_FOCAL_PX for v in numbers[:2])
    is_sane &= all(abs(v) <= _MOST_FOCAL_PX for v in numbers[2:4])
    is_sane &= all(abs(v) <= _MOST_DISTORTION for v in numbers[4:])
    return DepthCamera(*numbers) if is_sane else None


@dataclass(frozen=True)
class DepthMapping:
    """Between pixels of masks and depth images and pixels of the stored colour image.

    Attributes:
        camera: The depth camera.
        matrix: (3, 4) nested tuples: (u w, v w, w) = matrix (x, y, z, 1), colour pixels.
    """

    camera: DepthCamera
    matrix: tuple[tuple[float, ...], ...]

    def color_pixels(
        self, px: NDArray[np.floating[Any]], depth_m: NDArray[np.floating[Any]]
    ) -> Floats:
        """Return where the colour image shows what pixels of a depth image show.

        Args:
            px: (..., 2) u, v of the depth image.
            depth_m: (...) z, metres.

        Returns:
            (..., 2) pixels of the stored colour image; NaN where the depth is unknown.
        """
        return self._colored(self.camera.points(px, depth_m))

    def depth_frame_to_color(self, depth_mm: NDArray[np.uint16]) -> Floats:
        """Return the colour pixel of every pixel of a depth image, as the SDK's mapper does.

        Args:
            depth_mm: (H, W) z, mm; 0 unknown.

        Returns:
            (H, W, 2); NaN where the depth is unknown.
        """
        return self._colored(
            _points(frame_directions(self.camera, *depth_mm.shape), depth_mm / 1e3)
        )

    def _colored(self, points_m: Floats) -> Floats:
        """Return (..., 2) colour pixels of (..., 3) points; NaN behind the colour camera."""
        matrix = np.array(self.matrix)
        mapped = points_m @ matrix[:, :3].T + matrix[:, 3]
        w = np.where(mapped[..., 2:] > 0, mapped[..., 2:], np.nan)
        return np.asarray(mapped[..., :2] / w)

    def depth_pixels(
        self, color_px: NDArray[np.floating[Any]], depth_m: NDArray[np.floating[Any]]
    ) -> Floats:
        """Return where the depth image shows what pixels of the colour image show.

        Args:
            color_px: (..., 2) pixels of the stored colour image.
            depth_m: (...) z of what they show, metres.

        Returns:
            (..., 2) u, v; NaN where there is no such point.
        """
        m = np.array(self.matrix)
        u, v = np.asarray(color_px[..., 0], np.float64), np.asarray(color_px[..., 1], np.float64)
        z = np.asarray(depth_m, np.float64)
        # two linear equations for x and y, the depth being known
        a11, a12 = m[0, 0] - u * m[2, 0], m[0, 1] - u * m[2, 1]
        a21, a22 = m[1, 0] - v * m[2, 0], m[1, 1] - v * m[2, 1]
        b1 = u * (m[2, 2] * z + m[2, 3]) - (m[0, 2] * z + m[0, 3])
        b2 = v * (m[2, 2] * z + m[2, 3]) - (m[1, 2] * z + m[1, 3])
        det = a11 * a22 - a12 * a21
        det = np.where(np.abs(det) > 0, det, np.nan)
        x, y = (b1 * a22 - b2 * a12) / det, (a11 * b2 - a21 * b1) / det
        return self.camera.pixels(np.stack([x, y, z + np.zeros_like(x)], axis=-1))

    def mask_in_color(
        self,
        color_px: NDArray[np.floating[Any]],
        mask: NDArray[np.uint8],
        depth_mm: NDArray[np.uint16] | None,
        start_m: float,
    ) -> NDArray[np.uint8]:
        """Return what a mask says at pixels of the colour image.

        Args:
            color_px: (..., 2) pixels of the stored colour image.
            mask: (H, W) body index, 255 no body.
            depth_mm: (H, W) of the same moment; None: everything is taken to be at ``start_m``.
            start_m: Distance of the person who is of interest, metres.

        Returns:
            (...) uint8; 255 outside the mask.
        """
        height, width = mask.shape
        assumed = np.full(color_px.shape[:-1], start_m, np.float64)
        for again in range(1 if depth_mm is None else _REGISTER_ROUNDS, 0, -1):
            u, v = np.moveaxis(self.depth_pixels(color_px, assumed), -1, 0)
            is_shown = (u > -0.5) & (u < width - 0.5) & (v > -0.5) & (v < height - 0.5)
            column = np.where(is_shown, np.round(u), 0).astype(np.intp)
            row = np.where(is_shown, np.round(v), 0).astype(np.intp)
            if depth_mm is None:
                break
            seen = depth_mm[row, column] / 1000
            is_same = np.abs(seen - assumed) < _SAME_M
            if again > 1:
                assumed = np.where(is_shown & (seen > 0), seen, assumed)
            else:
                # what only the colour camera sees agrees with no depth: it is behind the person
                is_shown &= is_same
        return np.where(is_shown, mask[row, column], 255).astype(np.uint8)


def depth_mapping(device: Mapping[str, Any]) -> DepthMapping | None:
    """Return the mapping of a session between its depth camera and its colour images.

    Args:
        device: ``device`` of session.json.

    Returns:
        None where session.json does not say enough.
    """
    camera = depth_camera(device.get("depth_projection"), device.get("depth_intrinsics"))
    matrix = projection_matrix(device.get("projection"))
    if camera is None or matrix is None:
        return None
    return DepthMapping(camera, tuple(tuple(row) for row in matrix.tolist()))


def projection_matrix(projection: Mapping[str, Any] | None) -> Floats | None:
    """Return the (3, 4) matrix of ``device.projection`` of session.json; None: it holds none."""
    if projection is None or projection.get("model") != "pinhole":
        return None
    try:
        if "matrix" in projection:
            matrix = np.array(projection["matrix"], np.float64)
        else:
            fx, fy, cx, cy = (float(projection[name]) for name in PARAMETERS[:4])
            matrix = np.array([[fx, 0, cx, 0], [0, -fy, cy, 0], [0, 0, 1, 0]])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    # the comparison is false for a NaN, too
    is_sane = matrix.shape == (3, 4) and bool((np.abs(matrix) < _MOST_IN_MATRIX).all())
    return matrix if is_sane else None


@lru_cache(maxsize=4)
def frame_directions(camera: DepthCamera, height: int, width: int) -> Floats:
    """Return where every pixel of a depth image looks.

    Returns:
        (H, W, 2) x/z and y/z; not to be changed.
    """
    u, v = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    found = camera.directions(np.stack([u, v], axis=-1))
    found.flags.writeable = False
    return found


def _points(directions: Floats, depth_m: NDArray[np.floating[Any]]) -> Floats:
    """Return (..., 3) points in directions (..., 2); NaN where the depth is not above 0."""
    z = np.asarray(depth_m, np.float64)
    z = np.where(z > 0, z, np.nan)
    return np.concatenate([directions * z[..., None], z[..., None]], axis=-1)
