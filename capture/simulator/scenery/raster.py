"""Drawing a mesh into an image: depth, texture, light."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from .camera import HEIGHT, USUAL, WIDTH, Camera
from .figure import Figure, Mesh

Floats = NDArray[np.float32]
Rect = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the image; right and bottom are just outside."""

_NEAR_M: Final = 0.3
FAR_M: Final = 12.0
_FULL_SHADE: Final = 1.7
_TILE_ROWS: Final = 64
_IDENTITY: Final = np.eye(4, dtype=np.float32)[:3]
_WEIGHT: Final = np.asarray(np.maximum(np.arange(256) - 127, 0) / 128, np.float32)
_REST: Final = 1 - _WEIGHT
"""(256,) shares of the person and of what is behind, by the softened outline."""


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a scene.

    Attributes:
        toward: (3,) unit vector to the key light, camera space.
        key: Strength of the key light.
        sky: Strength of the light from above.
        fill: Strength of the light from everywhere.
        bounce: Strength of the light from the floor.
    """

    toward: tuple[float, float, float] = (-0.46, 0.66, -0.6)
    key: float = 0.72
    sky: float = 0.2
    fill: float = 0.34
    bounce: float = 0.18


@dataclass(frozen=True, slots=True)
class Layer:
    """A person, drawn but not yet painted: a window of the image.

    Attributes:
        left: Column of the image at which it begins.
        top: Row of the image at which it begins.
        attributes: (h, w, 3) float32: place in the atlas (x, y), brightness.
        depth: (h, w) float32, metres; ``FAR_M`` outside the person.
        inside: (h, w) uint8, 255 on the person, 0 beside it.
        atlas: (H, W, 4) uint8, the person's textures.
    """

    left: int
    top: int
    attributes: Floats
    depth: Floats
    inside: NDArray[np.uint8]
    atlas: NDArray[np.uint8]

    def tiles(self) -> list[Rect]:
        """Return rectangles of the image that together hold the person, with little beside it."""
        height, width = self.depth.shape
        rects = []
        for top in range(0, height, _TILE_ROWS):
            band = self.inside[top : top + _TILE_ROWS]
            x, y, w, h = cv2.boundingRect(band)
            if w and h:
                left, right = max(x - 2, 0), min(x + w + 2, width)
                bottom = min(top + _TILE_ROWS, height)
                rects.append(
                    (self.left + left, self.top + top, self.left + right, self.top + bottom)
                )
        return rects

    def tile(self, rect: Rect) -> "Tile":
        """Colour the part of the person inside a rectangle of the image.

        Args:
            rect: Left, top, right, bottom, inside the layer's window.
        """
        left, top, right, bottom = rect
        part = np.s_[top - self.top : bottom - self.top, left - self.left : right - self.left]
        u, v, glow = cv2.split(self.attributes[part])
        albedo = cv2.remap(self.atlas, u, v, cv2.INTER_LINEAR)
        tone = cv2.convertScaleAbs(glow, alpha=255 / _FULL_SHADE)
        color = cv2.multiply(albedo, cv2.merge([tone] * 4), scale=_FULL_SHADE / 255)
        # Only pixels of the person have a colour: the soft edge fades inward, also in a notch of
        # the outline, where most of a pixel's neighbours are inside and it is not.
        inside = self.inside[part]
        soft = cv2.bitwise_and(cv2.blur(inside, (3, 3)), inside)
        return Tile(rect, np.asarray(color, np.uint8), np.asarray(soft, np.uint8))


@dataclass(frozen=True, slots=True)
class Tile:
    """A coloured piece of a person, ready to be laid into the image.

    Attributes:
        rect: Where it belongs.
        color: (h, w, 4) uint8.
        soft: (h, w) uint8, how much of each pixel's neighbourhood is the person.
    """

    rect: Rect
    color: NDArray[np.uint8]
    soft: NDArray[np.uint8]

    def lay(self, target: NDArray[np.uint8]) -> None:
        """Lay it into an image, (1080, 1920, 4) uint8."""
        left, top, right, bottom = self.rect
        place = target[top:bottom, left:right]
        weight, rest = cv2.LUT(self.soft, _WEIGHT), cv2.LUT(self.soft, _REST)
        place[:] = cv2.blendLinear(self.color, place, weight, rest)


def _settings() -> "cv2.TriangleRasterizeSettings":
    """Return smooth shading with the faces turned away left out."""
    settings = cv2.TriangleRasterizeSettings()
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_CW)
    return settings


def shade(mesh: Mesh, openness: Floats, light: Light, key_share: Floats | float = 1.0) -> Floats:
    """Return (V,) brightness of a mesh's vertices; 1 shows the texture as painted.

    Args:
        mesh: Its normals count.
        openness: (V,) how much light from around reaches a vertex.
        light: What light there is.
        key_share: (V,) share of the key light that nothing blocks.
    """
    normals = mesh.normals
    key = normals @ np.array(light.toward, np.float32)
    lit = light.key * key_share * np.maximum(0.88 * key + 0.12, 0)
    up = 0.5 + 0.5 * normals[:, 1]
    around = light.fill + light.sky * up + light.bounce * (1 - up)
    return np.asarray((lit + around) * openness, np.float32)


def merged(rects: list[Rect]) -> list[Rect]:
    """Return rectangles that cover the same pixels, and few of them twice; empty ones are left out.

    They are cut into bands of rows; what overlaps in a band becomes one.
    """
    bands: dict[int, list[Rect]] = {}
    for left, top, right, bottom in rects:
        if right > left and bottom > top:
            for band in range(top // _TILE_ROWS, -(-bottom // _TILE_ROWS)):
                low, high = band * _TILE_ROWS, (band + 1) * _TILE_ROWS
                bands.setdefault(band, []).append((left, max(top, low), right, min(bottom, high)))
    found: list[Rect] = []
    for pieces in bands.values():
        pieces.sort()
        whole = [pieces[0]]
        for piece in pieces[1:]:
            last = whole[-1]
            if piece[0] > last[2]:
                whole.append(piece)
            else:
                whole[-1] = (
                    last[0],
                    min(last[1], piece[1]),
                    max(last[2], piece[2]),
                    max(last[3], piece[3]),
                )
        found += whole
    return found


class Scratch:
    """Memory for one layer, used again for every frame: new pages would cost more than drawing."""

    def __init__(self) -> None:
        self._attributes = np.zeros(HEIGHT * WIDTH * 3, np.float32)
        self._depth = np.zeros(HEIGHT * WIDTH, np.float32)

    def window(self, height: int, width: int) -> tuple[Floats, Floats]:
        """Return (h, w, 3) attributes, holding anything, and (h, w) depth, ``FAR_M`` everywhere."""
        count = height * width
        depth = self._depth[:count].reshape(height, width)
        depth[:] = FAR_M
        return self._attributes[: 3 * count].reshape(height, width, 3), depth


def draw(
    figure: Figure,
    mesh: Mesh,
    brightness: Floats,
    scratch: Scratch | None = None,
    camera: Camera = USUAL,
) -> Layer | None:
    """Draw a person.

    Args:
        figure: Who; gives faces and texture.
        mesh: Its surface at this moment.
        brightness: (V,) of each vertex.
        scratch: Memory to draw in; the layer is good until it is used again. None: fresh memory.
        camera: Who looks at it.

    Returns:
        The person's part of the image, or None where nothing of them is in it.
    """
    left, top, right, bottom = _bounds(camera, mesh.points, (WIDTH, HEIGHT))
    width, height = right - left, bottom - top
    if width < 2 or height < 2:
        return None
    attributes = np.empty((len(mesh.points), 3), np.float32)
    attributes[:, :2] = figure.uv
    attributes[:, 2] = np.minimum(brightness, _FULL_SHADE)
    buffer, depth = (scratch or Scratch()).window(height, width)
    cv2.triangleRasterize(
        _window(camera, mesh.points, left, top, width, height),
        figure.faces,
        attributes,
        buffer,
        depth,
        _IDENTITY,
        2 * np.arctan(height / 2 / camera.fy_px),
        _NEAR_M,
        FAR_M,
        _settings(),
    )
    inside = np.multiply(depth < FAR_M - 1, 255, dtype=np.uint8)
    return Layer(left, top, buffer, depth, inside, figure.atlas)


def depth_of(
    camera: Camera, points: Floats, faces: NDArray[np.int32], shape: tuple[int, ...]
) -> tuple[int, int, Floats] | None:
    """Draw how far away a surface is.

    Args:
        camera: Who looks at it.
        points: (V, 3) metres, camera space.
        faces: (F, 3) vertex indices.
        shape: (height, width) of the image.

    Returns:
        Left and top of the surface's part of the image and its (h, w) depth, metres, about
        ``FAR_M`` beside the surface; None where nothing of it is in the image.
    """
    left, top, right, bottom = _bounds(camera, points, (shape[1], shape[0]))
    width, height = right - left, bottom - top
    if width < 2 or height < 2:
        return None
    depth = np.full((height, width), FAR_M, np.float32)
    cv2.triangleRasterizeDepth(
        _window(camera, points, left, top, width, height),
        faces,
        depth,
        _IDENTITY,
        2 * np.arctan(height / 2 / camera.fy_px),
        _NEAR_M,
        FAR_M,
        _settings(),
    )
    return left, top, depth


def _bounds(camera: Camera, points: Floats, size_px: tuple[int, int]) -> Rect:
    """Return the part of the image that points fall into, with a little room around."""
    near = camera.local(points)
    x, y = near[:, 0] / near[:, 2], near[:, 1] / near[:, 2]
    across = camera.cx_px + camera.fx_px * np.array([x.min(), x.max()], np.float64)
    down = camera.cy_px - camera.fy_px * np.array([y.max(), y.min()], np.float64)
    return (
        max(int(np.floor(across[0])) - 3, 0),
        max(int(np.floor(down[0])) - 3, 0),
        min(int(np.ceil(across[1])) + 4, size_px[0]),
        min(int(np.ceil(down[1])) + 4, size_px[1]),
    )


def _window(camera: Camera, points: Floats, left: int, top: int, width: int, height: int) -> Floats:
    """Move points so that a camera looking at a window's middle sees what the image shows there.

    The rasteriser's camera has its centre in the middle of its image, square pixels, and looks
    along -z.
    """
    aside = (camera.cx_px + 0.5 - left - width / 2) / camera.fy_px
    above = (camera.cy_px + 0.5 - top - height / 2) / camera.fy_px
    near = camera.local(points)
    moved = np.empty_like(points)
    z = near[:, 2]
    moved[:, 0] = np.float32(camera.fx_px / camera.fy_px) * near[:, 0] + np.float32(aside) * z
    moved[:, 1] = near[:, 1] - np.float32(above) * z
    moved[:, 2] = -z
    return moved
