"""From a scene and its people's poses to a colour frame, with sensor noise and soft edges."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT, JOINTS
from ..performer.rig import Pose
from ..scene import Actor, Scene
from .camera import HEIGHT, USUAL, WIDTH, Camera
from .figure import Figure
from .outfits import outfit
from .raster import FAR_M, Layer, Light, Rect, Scratch, Tile, draw, merged, shade
from .room import room
from .shadows import cast, key_light_share

Image = NDArray[np.uint8]
_Drawn = TypeVar("_Drawn")

_NOISE_SIGMA: Final = 3.2
_NOISE_OFFSET: Final = 24
_NOISE_LIFT: Final = np.array([_NOISE_OFFSET, _NOISE_OFFSET, _NOISE_OFFSET, 0], np.float64)
_NOISE_TILE: Final = (1300, 2100)
_ROOM_VARIANTS: Final = 4
_THREADS: Final = 2
"""People are drawn side by side: OpenCV lets other threads run meanwhile."""
_OUTSIDE_PX: Final = 300.0

_DEPTH_OF_JOINT_M: Final = np.full(JOINTS, 0.09)
"""(25,) largest depth of a joint under the skin, metres; more in front of it hides it."""
for _name in ("SpineBase", "SpineMid", "SpineShoulder", "Neck", "Head", "HipLeft", "HipRight",
              "KneeLeft", "KneeRight"):  # fmt: skip
    _DEPTH_OF_JOINT_M[JOINT[_name]] = 0.19
for _name in ("ShoulderLeft", "ShoulderRight", "ElbowLeft", "ElbowRight", "AnkleLeft", "AnkleRight",
              "FootLeft", "FootRight"):  # fmt: skip
    _DEPTH_OF_JOINT_M[JOINT[_name]] = 0.13


@dataclass(frozen=True, slots=True)
class _Cast:
    """A person ready to be drawn."""

    actor: Actor
    figure: Figure
    scratch: Scratch


@dataclass(frozen=True, slots=True)
class Surface:
    """The surface of one person at one moment.

    Attributes:
        points: (V, 3) metres, camera space.
        faces: (F, 3) vertex indices.
    """

    points: NDArray[np.float32]
    faces: NDArray[np.int32]


class Renderer:
    """Draws the frames of a take.

    Args:
        seed: What the sensor noise comes from.
        camera: Who looks at it.
    """

    def __init__(self, seed: int, camera: Camera = USUAL) -> None:
        self._seed = seed
        self._camera = camera
        self._noise = _noise_tile(seed)
        self._threads: ThreadPoolExecutor | None = None
        self._scene: Scene | None = None
        self._cast: list[_Cast] = []
        self._scratch: list[Scratch] = []
        self._clean: Image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        self._work: Image = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        self._noisy: list[Image] = []
        self._light = Light()
        self._wall_m = 4.5

    def prepare(self, scene: Scene) -> None:
        """Draw the room and dress the people of a scene; nothing happens if it is up already."""
        if scene is self._scene:
            return
        self._scene = scene
        self._scratch += [Scratch() for _ in scene.actors[len(self._scratch) :]]
        self._cast = [
            _Cast(actor, Figure(actor.subject, outfit(actor.outfit), actor.seed), scratch)
            for actor, scratch in zip(scene.actors, self._scratch, strict=False)
        ]
        built = room(scene.room, self._camera)
        self._light = _gained(built.light, scene.gain)
        self._wall_m = built.depth_m
        image = np.clip(built.image * np.array(scene.gain, np.float32), 0, 255).astype(np.uint8)
        self._clean = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2BGRA), np.uint8)
        self._work = self._clean.copy()
        if not self._noisy:
            self._noisy = [np.empty_like(self._clean) for _ in range(_ROOM_VARIANTS)]
        for variant, noisy in enumerate(self._noisy):
            self._grain(self._clean, noisy, 31 * variant, 47 * variant)

    def render(self, poses: list[Pose], index: int, out: Image) -> NDArray[np.bool_]:
        """Draw one frame.

        Args:
            poses: One pose of one time for each person of the scene.
            index: Number of the frame; the noise depends on it.
            out: (1080, 1920, 4) uint8, filled with the frame, BGRA, mirrored.

        Returns:
            (P, 25) whether each joint is hidden, by the body itself or by another one.
        """
        np.copyto(out, self._noisy[index % _ROOM_VARIANTS])
        drawn = self._each(self._colored, poses)
        self._compose([tiles for _, tiles in drawn], poses, index, out)
        layers = [layer for layer, _ in drawn]
        return np.stack([_hidden(pose.joints[0], layers, self._camera) for pose in poses])

    def hidden(self, poses: list[Pose]) -> NDArray[np.bool_]:
        """Return (P, 25) whether each joint is hidden, without drawing the frame."""
        layers = self._each(self._layer, poses)
        return np.stack([_hidden(pose.joints[0], layers, self._camera) for pose in poses])

    @property
    def room_surfaces(self) -> tuple[NDArray[np.float64], ...]:
        """Surfaces in the room of the scene that was prepared; see ``Room.surfaces``."""
        return () if self._scene is None else room(self._scene.room, self._camera).surfaces

    def surfaces(self, poses: list[Pose]) -> list[Surface]:
        """Return the surface of each person of the scene that was prepared."""
        found = []
        for member, pose in zip(self._cast, poses, strict=True):
            mesh = member.figure.posed(pose.frames[0], pose.origins[0], pose.hands[0])
            found.append(Surface(mesh.points, member.figure.faces))
        return found

    def _each(self, draw_one: Callable[[_Cast, Pose], _Drawn], poses: list[Pose]) -> list[_Drawn]:
        """Draw each person for themselves."""
        if len(self._cast) == 1:
            return [draw_one(self._cast[0], poses[0])]
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, "kincap-simulator")
        return list(self._threads.map(draw_one, self._cast, poses))

    def _colored(self, member: _Cast, pose: Pose) -> tuple[Layer | None, list[Tile]]:
        """Draw and colour one person."""
        layer = self._layer(member, pose)
        return layer, [] if layer is None else [layer.tile(rect) for rect in layer.tiles()]

    def _layer(self, member: _Cast, pose: Pose) -> Layer | None:
        """Draw one person; nothing is done for a person who is far outside the image."""
        joints = pose.joints[0]
        x = self._camera.project(joints)[:, 0]
        if x.min() > WIDTH + _OUTSIDE_PX or x.max() < -_OUTSIDE_PX:
            return None
        mesh = member.figure.posed(pose.frames[0], pose.origins[0], pose.hands[0])
        figure, light = member.figure, self._light
        lit = key_light_share(mesh.points, joints, light.toward, figure.shadow_shares)
        return draw(
            figure, mesh, shade(mesh, figure.open, light, lit), member.scratch, self._camera
        )

    def _compose(self, people: list[list[Tile]], poses: list[Pose], index: int, out: Image) -> None:
        """Put the people into the room, the farthest first, and the result into ``out``."""
        order = np.argsort([-pose.joints[0, JOINT["SpineBase"], 2] for pose in poses])
        touched: list[Rect] = []
        for pose in poses:
            touched += cast(
                self._work, pose.joints[0], self._light.toward, self._wall_m, self._camera
            )
        for person in order:
            for tile in people[person]:
                tile.lay(self._work)
                touched.append(tile.rect)
        for left, top, right, bottom in merged(touched):
            region = self._work[top:bottom, left:right]
            soft = cv2.GaussianBlur(region, (3, 3), 0.6)
            self._grain(
                np.asarray(soft, np.uint8),
                out[top:bottom, left:right],
                37 * index + left,
                53 * index + top,
            )
            # the work image is the empty room again
            np.copyto(region, self._clean[top:bottom, left:right])

    def _grain(self, clean: Image, out: Image, x: int, y: int) -> None:
        """Write an image with sensor noise to ``out``."""
        height, width = clean.shape[:2]
        x %= _NOISE_TILE[1] - width + 1
        y %= _NOISE_TILE[0] - height + 1
        tile = self._noise[y : y + height, x : x + width]
        lifted = cv2.add(clean, tile)
        cv2.subtract(lifted, _NOISE_LIFT, dst=out)


def _noise_tile(seed: int) -> Image:
    """Return a tile of sensor noise, lifted by an offset so that it fits unsigned bytes."""
    rng = np.random.default_rng([seed, 301])
    noise = rng.standard_normal((*_NOISE_TILE, 3), dtype=np.float32) * (1.7 * _NOISE_SIGMA)
    soft = cv2.GaussianBlur(noise, (3, 3), 0.6)
    tile = np.zeros((*_NOISE_TILE, 4), np.uint8)
    tile[..., :3] = np.clip(soft + _NOISE_OFFSET, 0, 2 * _NOISE_OFFSET)
    return tile


def _gained(light: Light, gain: tuple[float, float, float]) -> Light:
    """Return a room's light, brighter or darker."""
    factor = sum(gain) / 3
    return replace(
        light,
        key=light.key * factor,
        sky=light.sky * factor,
        fill=light.fill * factor,
        bounce=light.bounce * factor,
    )


def _hidden(
    joints: NDArray[np.float64], layers: list[Layer | None], camera: Camera
) -> NDArray[np.bool_]:
    """Return (25,) bool: something is well in front of the joint.

    The sensor's tracker infers such joints; where exactly it starts to is a guess.
    """
    pixels = np.round(camera.project(joints)).astype(int)
    hidden = np.zeros(JOINTS, bool)
    for layer in layers:
        if layer is None:
            continue
        height, width = layer.depth.shape
        x, y = pixels[:, 0] - layer.left, pixels[:, 1] - layer.top
        inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        surface = np.full(JOINTS, FAR_M)
        surface[inside] = layer.depth[y[inside], x[inside]]
        hidden |= surface < camera.local(joints)[:, 2] - _DEPTH_OF_JOINT_M
    return hidden
