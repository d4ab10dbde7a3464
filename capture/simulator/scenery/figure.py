"""A dressed person as one mesh with one texture, carried by the bones (linear blend skinning)."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..performer.gestures import HandState
from ..performer.rig import Bone
from ..performer.subject import Subject
from . import flesh, garments, textures
from .flesh import Build
from .outfits import Outfit
from .shadows import caster_shares
from .surface import Patch

Floats = NDArray[np.float32]

_ATLAS_WIDTH: Final = 1024
_MARGIN_PX: Final = 2
_CHUNK: Final = 1024
_HAND_SHAPES: Final = (HandState.OPEN, HandState.CLOSED, HandState.LASSO)


@dataclass(frozen=True, slots=True)
class Mesh:
    """The surface of one person at one moment.

    Attributes:
        points: (V, 3) metres, camera space.
        normals: (V, 3) outward, of length about 1.
    """

    points: Floats
    normals: Floats


class Atlas:
    """Several images side by side in one.

    Args:
        images: (H, W, 3) uint8 each, by name; at most 1020 wide.
    """

    def __init__(self, images: dict[str, NDArray[np.uint8]]) -> None:
        self._places: dict[str, tuple[int, int, int, int]] = {}
        x = y = shelf = 0
        for name, image in sorted(images.items(), key=lambda item: -item[1].shape[0]):
            height, width = image.shape[:2]
            if x + width + 2 * _MARGIN_PX > _ATLAS_WIDTH:
                x, y, shelf = 0, y + shelf, 0
            self._places[name] = (x + _MARGIN_PX, y + _MARGIN_PX, width, height)
            x += width + 2 * _MARGIN_PX
            shelf = max(shelf, height + 2 * _MARGIN_PX)
        self.image = np.full((y + shelf, _ATLAS_WIDTH, 4), 255, np.uint8)
        for name, image in images.items():
            left, top, width, height = self._places[name]
            padded = np.pad(image, ((_MARGIN_PX,) * 2, (_MARGIN_PX,) * 2, (0, 0)), "edge")
            self.image[
                top - _MARGIN_PX : top + height + _MARGIN_PX,
                left - _MARGIN_PX : left + width + _MARGIN_PX,
                :3,
            ] = padded

    def place(self, name: str, uv: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map (..., 2) places in an image, 0 to 1, to pixels of the atlas."""
        left, top, width, height = self._places[name]
        return np.asarray(uv * [width - 1, height - 1] + [left, top])


class Figure:
    """One person in one outfit, ready to be posed.

    Args:
        subject: Who.
        outfit: In what.
        seed: What folds and weave come from.

    Attributes:
        atlas: (H, W, 4) uint8, all textures.
        uv: (V, 2) float32, each vertex' pixel in the atlas.
        open: (V,) float32, how much light reaches it, 0 to 1.
        shadow_shares: (N, V) float32, for ``shadows.key_light_share``.
        faces: (F, 3) int32 vertex indices, all turned the same way outward.
    """

    def __init__(self, subject: Subject, outfit: Outfit, seed: tuple[int, ...]) -> None:
        rng = np.random.default_rng([*seed, 31])
        build = Build.of(subject)
        patches = _body(build, subject, outfit, rng)
        shapes = [
            {state: flesh.hand(build, side, state) for state in _HAND_SHAPES} for side in (1, -1)
        ]
        hands_at = sum(patch.points[..., 0].size for patch in patches)
        patches += shapes[0][HandState.OPEN] + shapes[1][HandState.OPEN]
        atlas = Atlas(_images(subject, outfit, rng))

        self.atlas = atlas.image
        self.uv = _stack([atlas.place(p.swatch, p.uv) for p in patches])
        self.open = _stack(
            [np.broadcast_to(p.open, p.points.shape[:2])[..., None] for p in patches]
        )
        self.open = self.open[:, 0]
        self.faces = _faces(patches)
        self.shadow_shares = caster_shares(_stack([p.weights for p in patches]))
        self._weights = _chunked(_stack([p.weights for p in patches]))
        self._rest = _stack([p.points for p in patches])
        self._normals = _stack([p.normals() for p in patches])
        self._rest_origins = build.origins
        self._hands: list[tuple[slice, dict[HandState, tuple[Floats, Floats]]]] = []
        for side in shapes:
            variants = {
                state: (_stack([p.points for p in made]), _stack([p.normals() for p in made]))
                for state, made in side.items()
            }
            count = len(variants[HandState.OPEN][0])
            self._hands.append((slice(hands_at, hands_at + count), variants))
            hands_at += count

    def posed(
        self, frames: NDArray[np.float64], origins: NDArray[np.float64], hands: NDArray[np.uint8]
    ) -> Mesh:
        """Move the surface with the bones.

        Args:
            frames: (15, 3, 3) rotations of the bones.
            origins: (15, 3) metres, camera space.
            hands: (2,) hand states, right and left.
        """
        for (where, variants), state in zip(self._hands, hands, strict=True):
            shape = variants.get(HandState(int(state)), variants[HandState.OPEN])
            self._rest[where], self._normals[where] = shape
        moved = origins - np.einsum("bij,bj->bi", frames, self._rest_origins)
        bones = np.concatenate([frames, moved[:, :, None]], axis=2).astype(np.float32)
        blended = (self._weights @ bones.reshape(len(Bone), 12)).reshape(-1, 3, 4)
        blended = blended[: len(self._rest)]
        points = np.einsum("vij,vj->vi", blended[:, :, :3], self._rest) + blended[:, :, 3]
        normals = np.einsum("vij,vj->vi", blended[:, :, :3], self._normals)
        return Mesh(points, normals)


def _body(build: Build, subject: Subject, outfit: Outfit, rng: np.random.Generator) -> list[Patch]:
    """Make everything but the hands."""
    patches = [flesh.neck(build), flesh.head(build), *flesh.ears(build)]
    patches += flesh.hair(build, subject.hair_style, rng, cap=outfit.headwear)
    patches.append(garments.trunk(build, outfit, rng))
    patches += garments.collar(build, outfit)
    for side in (1, -1):
        bare = 0.275 * min(outfit.sleeve, 1) + 0.25 * max(outfit.sleeve - 1, 0)
        if outfit.sleeve < 1.97:
            top = 0.1 if outfit.sleeve == 0 else -(bare - 0.05) * build.unit
            patches.append(flesh.arm(build, side, top))
        if outfit.sleeve > 0:
            patches.append(garments.sleeve(build, outfit, side, rng))
        patches += garments.shoe(build, side)
        patches += _leg(build, outfit, side, rng)
    if outfit.bottom in ("trousers", "shorts"):
        patches.append(garments.hips(build, outfit, rng))
    else:
        patches.append(garments.skirt(build, outfit, rng))
    return patches


def _leg(build: Build, outfit: Outfit, side: int, rng: np.random.Generator) -> list[Patch]:
    """Make a leg with what is worn on it."""
    patches = []
    covered = outfit.length * 0.42 * build.unit if outfit.bottom in ("trousers", "shorts") else 0.1
    if outfit.length < 1.95 or outfit.bottom not in ("trousers", "shorts"):
        patches.append(flesh.leg(build, side, -(covered - 0.06)))
    if outfit.sock is not None:
        patches.append(flesh.leg(build, side, -0.68 * build.unit, "sock").pushed([[0.004]]))
    if outfit.bottom in ("trousers", "shorts"):
        patches.append(garments.trouser_leg(build, outfit, side, rng))
    return patches


def _images(
    subject: Subject, outfit: Outfit, rng: np.random.Generator
) -> dict[str, NDArray[np.uint8]]:
    """Paint all textures of a person."""
    top = textures.bolt(rng, outfit.top)
    low = top if outfit.bottom == "dress" else textures.bolt(rng, outfit.low)
    sock = outfit.sock or subject.skin
    return {
        "trunk": textures.trunk(top, outfit),
        "sleeve": textures.seamed(top, (200, 300), outfit.top.color),
        "rib": top[100:160, :420],
        "waist": textures.waist(low, (560, 140), outfit.low.color),
        "leg": textures.seamed(low, (300, 470), outfit.low.color),
        "skirt": textures.seamed(low, (600, 340), outfit.low.color),
        "skin": textures.skin(rng, subject.skin, (128, 256)),
        "face": textures.face(rng, subject, (384, 288)),
        "hair": textures.hair(rng, subject.hair, (256, 192)),
        "headwear": textures.knitted(rng, outfit.head_color, (256, 128)),
        "shoe": textures.shoe(rng, outfit.shoe, outfit.sole, (128, 160)),
        "sock": textures.knitted(rng, sock, (128, 96)),
    }


def _stack(grids: list[NDArray[np.float64]]) -> Floats:
    """Flatten (R, C, N) grids into one (V, N) float32 array."""
    return np.concatenate([g.reshape(-1, g.shape[-1]) for g in grids]).astype(np.float32)


def _chunked(weights: Floats) -> Floats:
    """Pad (V, 15) weights and cut them into (N, 1024, 15).

    One large product would wake the threads of numpy's BLAS, which then fight with the encoders'
    for the cores: ten times slower on a busy machine.
    """
    rows = -(-len(weights) // _CHUNK) * _CHUNK
    padded = np.zeros((rows, weights.shape[1]), np.float32)
    padded[: len(weights)] = weights
    return padded.reshape(-1, _CHUNK, weights.shape[1])


def _faces(patches: list[Patch]) -> NDArray[np.int32]:
    """Return (F, 3) triangles of all patches over the stacked vertices."""
    parts, first = [], 0
    for patch in patches:
        parts.append(patch.faces() + np.int32(first))
        first += patch.points[..., 0].size
    return np.concatenate(parts)
