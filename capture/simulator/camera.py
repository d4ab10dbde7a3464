"""The simulated colour camera: a pinhole at the origin of camera space.

Camera space: metres, x to the sensor's left, y up, z away from the sensor. Pixel x grows with x, so
the image is mirrored, as the Kinect SDK delivers it. Pixel centres lie at integers.

Guesses: a real sensor's colour camera sits 52 mm beside the depth camera and has lens distortion;
neither is simulated.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 1920
HEIGHT: Final = 1080
FOCAL_PX: Final = 1060.0
CENTER_X_PX: Final = 959.5
CENTER_Y_PX: Final = 539.5
SENSOR_HEIGHT_M: Final = 0.95

PROJECTION: Final[dict[str, object]] = {
    "model": "pinhole",
    "fx_px": FOCAL_PX,
    "fy_px": FOCAL_PX,
    "cx_px": CENTER_X_PX,
    "cy_px": CENTER_Y_PX,
}
"""Camera space to colour pixels: (cx + fx x / z, cy - fy y / z)."""


def project(xyz: NDArray[np.floating]) -> NDArray[np.float64]:
    """Map camera space to colour pixels.

    Args:
        xyz: (..., 3) points, metres, camera space, z > 0.

    Returns:
        (..., 2) pixels in the stored (mirrored) image.
    """
    scale = FOCAL_PX / xyz[..., 2]
    return np.stack(
        [CENTER_X_PX + scale * xyz[..., 0], CENTER_Y_PX - scale * xyz[..., 1]], axis=-1
    ).astype(np.float64)
