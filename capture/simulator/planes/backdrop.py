"""The depth of an empty room, from the surfaces that its picture was drawn of."""

from collections.abc import Iterable
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ....core.cameras.depth_mapping import DepthCamera, frame_directions
from ..scenery.camera import SENSOR_HEIGHT_M

_MARGIN_PX: Final = 96
"""The lens bends the view inward: straight lines are drawn on a larger image first."""
_NEAR_M: Final = 0.05
_SUBPIXEL_BITS: Final = 4
_FLAT: Final = 1e-9


def backdrop(
    surfaces: Iterable[NDArray[np.float64]], camera: DepthCamera, size_px: tuple[int, int]
) -> NDArray[np.float32]:
    """Return the depth of an empty room.

    Args:
        surfaces: (N, 3) corners of flat surfaces, metres, as ``Room.surfaces`` has them.
        camera: The depth camera.
        size_px: (width, height) of its images.

    Returns:
        (H, W) z, metres; infinite where nothing is.
    """
    width, height = size_px
    straight = _Straight(camera, width, height)
    for corners in surfaces:
        straight.add(_to_camera_space(corners))
    place = straight.pixels(frame_directions(camera, height, width)).astype(np.float32)
    return np.asarray(
        cv2.remap(straight.depth, place[..., 0], place[..., 1], cv2.INTER_NEAREST,
                  borderMode=cv2.BORDER_REPLICATE), np.float32
    )  # fmt: skip


def _to_camera_space(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map (N, 3) places of the room, as a visitor sees it, to camera space."""
    return np.stack([-places[:, 0], places[:, 1] - SENSOR_HEIGHT_M, places[:, 2]], axis=-1)


class _Straight:
    """A depth image without distortion, and with a margin.

    Attributes:
        depth: (h, w) float32, metres.
    """

    def __init__(self, camera: DepthCamera, width: int, height: int) -> None:
        self._focal = np.array([camera.fx_px, -camera.fy_px])
        self._center = np.array([camera.cx_px, camera.cy_px]) + _MARGIN_PX
        shape = (height + 2 * _MARGIN_PX, width + 2 * _MARGIN_PX)
        self.depth = np.full(shape, np.inf, np.float32)

    def pixels(self, directions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (..., 2) x/z and y/z to pixels."""
        return self._center + self._focal * directions

    def add(self, corners: NDArray[np.float64]) -> None:
        """Put one flat surface, (N, 3) camera space, where nothing nearer is."""
        normal = _normal(corners)
        if normal is None or corners[:, 2].min() < _NEAR_M:
            return
        outline = self.pixels(corners[:, :2] / corners[:, 2:])
        low = np.floor(outline.min(axis=0)).astype(int)
        high = np.ceil(outline.max(axis=0)).astype(int) + 1
        limits = np.array(self.depth.shape[::-1])
        low, high = low.clip(0, limits), high.clip(0, limits)
        if (high <= low).any():
            return
        shape = (int(high[1] - low[1]), int(high[0] - low[0]))
        inside = np.zeros(shape, np.uint8)
        shifted = np.round((outline - low) * 2**_SUBPIXEL_BITS).astype(np.int32)
        cv2.fillPoly(inside, [shifted], 1, cv2.LINE_8, _SUBPIXEL_BITS)
        row, column = np.nonzero(inside)
        px = np.stack([column + low[0], row + low[1]], axis=-1)
        rays = np.column_stack([(px - self._center) / self._focal, np.ones(len(px))])
        with np.errstate(divide="ignore"):
            depth = (normal @ corners[0]) / (rays @ normal)
        part = self.depth[low[1] : high[1], low[0] : high[0]]
        near = (depth > 0) & (depth < part[row, column])
        part[row[near], column[near]] = depth[near]


def _normal(corners: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the normal of a flat surface; None where it has no area."""
    following = np.roll(corners, -1, axis=0)
    normal = np.cross(corners - corners[0], following - corners[0]).sum(axis=0)
    length = float(np.linalg.norm(normal))
    return normal / length if length > _FLAT else None
