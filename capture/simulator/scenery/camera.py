"""The simulated colour camera: a pinhole near the origin of camera space.

Camera space: metres, x to the sensor's left, y up, z away from the sensor, origin in the depth
camera. Pixel x grows with x, so the image is mirrored, as the Kinect SDK delivers it. Pixel centres
are at integers.

The usual camera, device 0, sits in the origin itself. Every other device has cameras of its own:
how much intrinsics scatter from one Kinect v2 to the next, and on which side of the depth camera
the colour camera sits, are guesses, and so is that neither camera is turned against the other. The
colour camera does not distort; the depth camera does (core/cameras/depth_mapping.py).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....core.cameras.depth_mapping import DepthCamera
from ....core.sensor_shape import KINECT_V2

WIDTH: Final = KINECT_V2.color_size_px[0]
HEIGHT: Final = KINECT_V2.color_size_px[1]
SENSOR_HEIGHT_M: Final = 0.95


@dataclass(frozen=True, slots=True)
class Camera:
    """The properties that differ from one sensor to the next.

    Attributes:
        fx_px: Focal length of the colour camera across.
        fy_px: Focal length of the colour camera down.
        cx_px: Column of its principal point.
        cy_px: Row of its principal point.
        offset_m: (3,) where it sits, camera space.
        depth: Focal lengths, principal point and radial distortion of the depth camera, in the
            order of ``DEPTH_KEYS``.
    """

    fx_px: float = 1060.0
    fy_px: float = 1060.0
    cx_px: float = 959.5
    cy_px: float = 539.5
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    depth: tuple[float, ...] = (365.5, 365.5, 256.0, 207.0, 0.09, -0.27, 0.095)

    @classmethod
    def numbered(cls, device: int) -> "Camera":
        """Return the camera of a device: always the same one; 0 is the usual one."""
        if device == 0:
            return cls()
        rng = np.random.default_rng([2713, device])
        focal = 1062.0 + 7.0 * rng.standard_normal()
        stretch = 1 + 0.0008 * rng.standard_normal()
        center = np.array([959.5, 539.5]) + [9.0, 7.0] * rng.standard_normal(2)
        offset = np.array([-0.052, 0.0, 0.0]) + 0.0008 * rng.standard_normal(3)
        usual = np.array(cls().depth)
        spread = np.array([1.5, 0.2, 3.5, 3.5, 0.006, 0.012, 0.008])
        depth = usual + spread * rng.standard_normal(len(usual))
        depth[1] += depth[0] - usual[0]  # the pixels are square: both focal lengths go together
        return cls(
            fx_px=float(focal),
            fy_px=float(focal * stretch),
            cx_px=float(center[0]),
            cy_px=float(center[1]),
            offset_m=(float(offset[0]), float(offset[1]), float(offset[2])),
            depth=tuple(depth.tolist()),
        )

    def local(self, xyz: NDArray[np.floating]) -> NDArray[np.floating]:
        """Return (..., 3) points as seen from the colour camera: camera space about its place."""
        return np.asarray(xyz - np.array(self.offset_m, xyz.dtype))

    def project(self, xyz: NDArray[np.floating]) -> NDArray[np.float64]:
        """Map camera space to colour pixels.

        Args:
            xyz: (..., 3) points, metres, camera space, in front of the camera.

        Returns:
            (..., 2) pixels in the stored (mirrored) image.
        """
        near = self.local(xyz)
        return np.stack(
            [
                self.cx_px + self.fx_px / near[..., 2] * near[..., 0],
                self.cy_px - self.fy_px / near[..., 2] * near[..., 1],
            ],
            axis=-1,
        ).astype(np.float64)

    def projection(self) -> dict[str, object]:
        """Return the way from camera space to colour pixels, as session.json keeps it.

        ``matrix`` is 3x4, as the Kinect source fits it: (u w, v w, w) = matrix (x, y, z, 1).
        """
        x, y, z = self.offset_m
        return {
            "model": "pinhole",
            "fx_px": self.fx_px,
            "fy_px": self.fy_px,
            "cx_px": self.cx_px,
            "cy_px": self.cy_px,
            "offset_m": [x, y, z],
            "matrix": [
                [self.fx_px, 0.0, self.cx_px, -self.fx_px * x - self.cx_px * z],
                [0.0, -self.fy_px, self.cy_px, self.fy_px * y - self.cy_px * z],
                [0.0, 0.0, 1.0, -z],
            ],
        }

    def depth_camera(self) -> DepthCamera:
        """Return the depth camera; it sits in the origin of camera space."""
        return DepthCamera(*self.depth)

    def depth_intrinsics(self) -> dict[str, float]:
        """Return the depth camera's intrinsics by the SDK's names, as session.json keeps them."""
        return dict(zip(DEPTH_KEYS, self.depth, strict=True))


DEPTH_KEYS: Final = (
    "FocalLengthX", "FocalLengthY", "PrincipalPointX", "PrincipalPointY",
    "RadialDistortionSecondOrder", "RadialDistortionFourthOrder", "RadialDistortionSixthOrder",
)  # fmt: skip

USUAL: Final = Camera()
"""Device 0."""
