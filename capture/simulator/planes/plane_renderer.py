"""Draws what the depth camera sees: who is where, and how far away everything is.

Guesses: the noise of depth and its growth with distance, and the share of pixels at the edges of
things that get no depth.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ....core.cameras.depth_mapping import DepthCamera
from ....core.sensor_shape import KINECT_V2
from ..scenery.camera import Camera
from ..scenery.raster import FAR_M, depth_of
from ..scenery.render import Surface
from .backdrop import backdrop

NO_BODY: Final = 255
"""In a mask: the pixel shows no tracked person."""
RANGE_M: Final = (0.5, 8.0)
"""Depths that the sensor measures; nearer and farther is 0."""

_NOISE_M: Final = (0.0008, 0.00025)
"""Standard deviation of depth: at no distance, and what each square metre of distance adds."""
_EDGE_M: Final = 0.1
"""A step of depth from one pixel to the next that is the edge of something."""
_EDGE_HOLES: Final = 0.5
_SPARE: Final = 128


@dataclass(frozen=True, slots=True)
class Planes:
    """A mask and a depth image of one moment.

    Attributes:
        mask: (424, 512) uint8, the slot of a tracked person, else ``NO_BODY``; mirrored.
        depth: (424, 512) uint16, mm, 0 unknown; mirrored.
    """

    mask: NDArray[np.uint8]
    depth: NDArray[np.uint16]


class PlaneRenderer:
    """Draws the masks and depth images of a take.

    Args:
        seed: What the noise comes from.
        camera: The sensor's cameras.
    """

    def __init__(self, seed: int, camera: Camera) -> None:
        self._camera = camera.depth_camera()
        self._pinhole = Camera(
            self._camera.fx_px, self._camera.fy_px, self._camera.cx_px, self._camera.cy_px
        )
        width, height = KINECT_V2.plane_size_px
        rng = np.random.default_rng([seed, 302])
        tile = (height + _SPARE, width + _SPARE)
        self._noise = rng.standard_normal(tile, dtype=np.float32)
        self._is_hole = rng.random(tile) < _EDGE_HOLES
        self._room: NDArray[np.float32] | None = None
        self._surfaces: tuple[NDArray[np.float64], ...] = ()

    def prepare(self, surfaces: tuple[NDArray[np.float64], ...]) -> None:
        """Work out the depth of a room; nothing happens if it is the one before."""
        if self._room is None or surfaces is not self._surfaces:
            self._surfaces = surfaces
            self._room = backdrop(surfaces, self._camera, KINECT_V2.plane_size_px)

    def draw(self, people: list[Surface], slots: list[int], index: int) -> Planes:
        """Draw one moment.

        Args:
            people: The surface of each person.
            slots: Their slots; -1: the tracker does not have them.
            index: Number of the frame; the noise depends on it.
        """
        assert self._room is not None, "prepare comes first"
        depth, mask = self._room.copy(), np.full(self._room.shape, NO_BODY, np.uint8)
        for person, slot in zip(people, slots, strict=True):
            drawn = depth_of(
                self._pinhole, bent(self._camera, person.points), person.faces, self._room.shape
            )
            if drawn is None:
                continue
            left, top, own = drawn
            window = np.s_[top : top + own.shape[0], left : left + own.shape[1]]
            is_nearer = (own < FAR_M - 1) & (own < depth[window])
            depth[window][is_nearer] = own[is_nearer]
            mask[window][is_nearer] = NO_BODY if slot < 0 else slot
        return self._measured(depth, mask, index)

    def _measured(self, depth: NDArray[np.float32], mask: NDArray[np.uint8], index: int) -> Planes:
        """Return depth as the sensor measures it, and the mask of what it measured."""
        height, width = depth.shape
        x, y = 37 * index % _SPARE, 53 * index % _SPARE
        tile = np.s_[y : y + height, x : x + width]
        is_edge = np.zeros(depth.shape, bool)
        # a finite number beside nothing is a step, too
        seen = np.minimum(depth, 2 * RANGE_M[1])
        step = np.abs(np.diff(seen, axis=0)) > _EDGE_M
        is_edge[:-1] |= step
        is_edge[1:] |= step
        step = np.abs(np.diff(seen, axis=1)) > _EDGE_M
        is_edge[:, :-1] |= step
        is_edge[:, 1:] |= step
        noisy = seen + self._noise[tile] * (_NOISE_M[0] + _NOISE_M[1] * seen * seen)
        is_unknown = (seen < RANGE_M[0]) | (seen > RANGE_M[1]) | (is_edge & self._is_hole[tile])
        noisy[is_unknown] = 0
        mask[is_unknown] = NO_BODY
        return Planes(mask, np.round(noisy * 1000).astype(np.uint16))


def bent(camera: DepthCamera, points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Move points so that a pinhole shows them where the camera's lens does.

    Args:
        camera: The depth camera.
        points: (V, 3) metres, camera space.
    """
    z = np.maximum(points[:, 2], np.float32(1e-3))
    r2 = (points[:, 0] ** 2 + points[:, 1] ** 2) / (z * z)
    factor = camera.stretch(r2).astype(np.float32)
    return np.stack([points[:, 0] * factor, points[:, 1] * factor, points[:, 2]], axis=-1)
