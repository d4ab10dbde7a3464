"""A depth camera that stands for the SDK's mapper, fitted once per session.

The SDK names seven intrinsics, not the formula that its mapper applies: how well they fit is
measured against the mapper and stored beside them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.cameras.depth_mapping import PARAMETERS, DepthCamera

USUAL: Final = DepthCamera(365.5, 365.5, 256.0, 207.0, 0.09, -0.27, 0.095)
"""A start for the fit where the SDK gives no intrinsics."""
_MARGIN_PX: Final = 20.0
_FEWEST_POINTS: Final = 30
_ROUNDS: Final = 20
_STEP: Final = 1e-5
_UNUSABLE_PX: Final = 5.0


@dataclass(frozen=True)
class DepthFit:
    """A depth camera and its distance to the mapper.

    Attributes:
        camera: The camera.
        rms_px: Root mean square of the distance to the mapper's pixels.
        max_px: The largest of these distances.
    """

    camera: DepthCamera
    rms_px: float
    max_px: float

    def to_json(self) -> dict[str, Any]:
        """Return it as session.json keeps it."""
        return {**self.camera.to_json(), "rms_px": self.rms_px, "max_px": self.max_px}


def fit_depth_camera(
    points_m: npt.NDArray[np.floating[Any]],
    pixels: npt.NDArray[np.floating[Any]],
    size_px: tuple[int, int],
    start: DepthCamera | None,
) -> DepthFit | None:
    """Fit a depth camera by least squares of the distance in pixels.

    Args:
        points_m: (N, 3), camera space, metres.
        pixels: (N, 2), where the mapper puts them; not finite where it can't.
        size_px: (width, height) of masks and depth images; points far outside don't count.
        start: What the SDK's intrinsics say; None: they are not known.

    Returns:
        The fit; None where the mapper put too few points into the image (no calibration yet), or
        puts them where no such camera does.
    """
    inside = np.isfinite(pixels).all(axis=1)
    inside[inside] &= (
        (pixels[inside] > -_MARGIN_PX) & (pixels[inside] < np.array(size_px) + _MARGIN_PX)
    ).all(axis=1)
    points, wanted = points_m[inside].astype(np.float64), pixels[inside].astype(np.float64)
    if len(points) < _FEWEST_POINTS or np.ptp(wanted, axis=0).min() < 1:
        return None

    def off(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(DepthCamera(*values).pixels(points) - wanted).ravel()

    first = start or USUAL
    values = _refined(off, np.array([getattr(first, name) for name in PARAMETERS]))
    distance = np.linalg.norm(off(values).reshape(-1, 2), axis=1)
    rms = float(np.sqrt(np.mean(distance**2)))
    if not rms < _UNUSABLE_PX:
        return None
    return DepthFit(DepthCamera(*values.tolist()), rms, float(distance.max()))


def _refined(
    off: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    values: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the values with the least sum of squares, by Gauss-Newton steps."""
    sizes = np.array([1e3, 1e3, 1e3, 1e3, 1.0, 1.0, 1.0]) * _STEP
    best = off(values)
    for _ in range(_ROUNDS):
        slopes = np.stack(
            [(off(values + step) - best) / size
             for step, size in zip(np.diag(sizes), sizes, strict=True)],
            axis=1,
        )  # fmt: skip
        change = np.linalg.lstsq(slopes, -best, rcond=1e-12)[0]
        found = off(values + change)
        if not (found**2).sum() < (best**2).sum():
            break
        values, best = values + change, found
    return values
