"""A camera matrix that stands for the SDK's mapper, fitted once per session.

The mapper lives in Kinect20.dll; after recording it can't be asked again. Its lens model is close
to a pinhole camera, so twelve numbers carry it to within the residual that is stored beside them.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_TAN_HALF_X: Final = 0.70
_TAN_HALF_Y: Final = 0.57
"""Half the depth camera's field of view (70.6 x 60 degrees)."""
_DEPTHS_M: Final = (0.6, 0.9, 1.3, 1.8, 2.5, 3.3, 4.2)
_STEPS: Final = 9
_MARGIN_PX: Final = 100.0
_FEWEST_POINTS: Final = 30
_ROUNDS: Final = 20


@dataclass(frozen=True)
class Projection:
    """Camera space, metres, to pixels of the stored colour image.

    Attributes:
        matrix: 3x4, row by row: (u w, v w, w) = matrix (x, y, z, 1).
        rms_px: Root mean square of the distance to the mapper's pixels.
        max_px: The largest of these distances.
        points: How many points were fitted.
    """

    matrix: list[list[float]]
    rms_px: float
    max_px: float
    points: int

    def to_json(self) -> dict[str, Any]:
        """Return it as session.json keeps it."""
        return {"model": "pinhole", **asdict(self)}


def sample_points() -> npt.NDArray[np.float32]:
    """Return points that fill what the depth camera sees, (N, 3), camera space, metres."""
    x, y, z = np.meshgrid(
        np.linspace(-_TAN_HALF_X, _TAN_HALF_X, _STEPS),
        np.linspace(-_TAN_HALF_Y, _TAN_HALF_Y, _STEPS),
        _DEPTHS_M,
    )
    return np.stack([x * z, y * z, z], axis=-1).reshape(-1, 3).astype(np.float32)


def project(
    matrix: npt.NDArray[np.float64], points_m: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.float64]:
    """Project points.

    Args:
        matrix: (3, 4).
        points_m: (N, 3), camera space, metres.

    Returns:
        (N, 2), colour pixels.
    """
    mapped = np.column_stack([points_m, np.ones(len(points_m))]) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:])


def fit_projection(
    points_m: npt.NDArray[np.floating[Any]],
    pixels: npt.NDArray[np.floating[Any]],
    size_px: tuple[int, int],
) -> Projection | None:
    """Fit a camera matrix by least squares of the distance in pixels.

    Args:
        points_m: (N, 3), camera space, metres.
        pixels: (N, 2), where the mapper puts them; not finite where it can't.
        size_px: (width, height) of the colour image; points far outside don't count.

    Returns:
        The fit; None where the mapper put too few points into the image (no calibration yet).
    """
    size = np.asarray(size_px, np.float64)
    inside = np.isfinite(pixels).all(axis=1) & np.isfinite(points_m).all(axis=1)
    inside[inside] &= ((pixels[inside] > -_MARGIN_PX) & (pixels[inside] < size + _MARGIN_PX)).all(
        axis=1
    )
    if inside.sum() < _FEWEST_POINTS:
        return None
    points, wanted = points_m[inside].astype(np.float64), pixels[inside].astype(np.float64)
    if np.ptp(wanted, axis=0).min() < 1:
        return None
    matrix = _refine(_linear(points, wanted, size), points, wanted)
    off = np.linalg.norm(project(matrix, points) - wanted, axis=1)
    return Projection(
        matrix.tolist(), float(np.sqrt(np.mean(off**2))), float(off.max()), int(inside.sum())
    )


def _linear(
    points: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64], size: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the matrix that the direct linear transform gives; a start for the real fit."""
    scaled = wanted / size
    homogeneous = np.column_stack([points, np.ones(len(points))])
    zeros = np.zeros_like(homogeneous)
    rows = np.concatenate(
        [
            np.hstack([homogeneous, zeros, -scaled[:, :1] * homogeneous]),
            np.hstack([zeros, homogeneous, -scaled[:, 1:] * homogeneous]),
        ]
    )
    matrix = np.linalg.svd(rows, full_matrices=False)[2][-1].reshape(3, 4)
    matrix = np.diag([*size, 1.0]) @ matrix
    # the third row's direction has length 1: the projection's w is then the depth in metres
    return np.asarray(matrix / np.copysign(np.linalg.norm(matrix[2, :3]), matrix[2, 2]))


def _refine(
    matrix: npt.NDArray[np.float64],
    points: npt.NDArray[np.float64],
    wanted: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the matrix with the least sum of squared distances, by Gauss-Newton steps."""
    homogeneous = np.column_stack([points, np.ones(len(points))])
    zeros = np.zeros_like(homogeneous)
    for _ in range(_ROUNDS):
        found = project(matrix, points)
        over_w = homogeneous / (homogeneous @ matrix[2])[:, None]
        slopes = np.concatenate(
            [
                np.hstack([over_w, zeros, -found[:, :1] * over_w]),
                np.hstack([zeros, over_w, -found[:, 1:] * over_w]),
            ]
        )
        # the matrix' scale is free: lstsq takes the shortest step, which leaves it alone
        step = np.linalg.lstsq(slopes, (wanted - found).T.reshape(-1), rcond=1e-12)[0]
        matrix = matrix + step.reshape(3, 4)
        matrix = matrix / np.linalg.norm(matrix[2, :3])
        if np.abs(step).max() < 1e-9:
            break
    return matrix
