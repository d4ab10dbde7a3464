"""The world of the simulated sensor at each tick: people, image, body row, ground truth."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import JOINT
from ...sessions.schema import Stream
from .bodies import body_row
from .clock import SimulatedClock
from .faults.body_faults import LAG_S, BodyFaults
from .faults.image_faults import Darkness
from .faults.schedule import FaultPlan
from .faults.stream_faults import Cue
from .options import SimulatorOptions
from .performer.acts import parse_acts
from .performer.gestures import GESTURES
from .performer.rig import Pose
from .planes.plane_renderer import PlaneRenderer, Planes
from .pool import Image
from .roster import Roster
from .scene import Actor, Scene, Script
from .scenery.camera import WIDTH, Camera
from .scenery.render import Renderer
from .truth_log import Seen

_POSE_BLOCK: Final = 64
_POSE_BLOCKS: Final = 8
_SEEN_FROM_PX: Final = 60.0
"""Distance of a trunk from the image's edge at which the tracker finds a person (a guess)."""


@dataclass(frozen=True, slots=True)
class Truth:
    """The ground truth in front of the sensor, without noise.

    Attributes:
        joint_xyz_m: (P, 25, 3) joints, metres, camera space.
        joint_color_px: (P, 25, 2) their pixels in the stored (mirrored) image.
        slots: (P,) body slot of each person.
        gestures: What each person's hands are doing, by name.
    """

    joint_xyz_m: NDArray[np.float64]
    joint_color_px: NDArray[np.float64]
    slots: tuple[int, ...]
    gestures: tuple[str, ...]


class World:
    """Draws images and fills rows for cues.

    Args:
        options: What is simulated.
        plan: The faults.
        clock: The device's clock.

    Attributes:
        camera: Who looks at it.
    """

    def __init__(self, options: SimulatorOptions, plan: FaultPlan, clock: SimulatedClock) -> None:
        self._options, self._plan, self._clock = options, plan, clock
        self._script = Script(options, plan)
        self._roster = Roster(plan, parse_acts(options.acts)["away"])
        self._body_faults = BodyFaults(plan, options.seed)
        self.camera = Camera.numbered(options.device)
        self._renderer = Renderer(options.seed, self.camera)
        self._darkness = Darkness(options.seed) if plan.named("low_light") else None
        self._poses: dict[tuple[int, Stream, bool], list[Pose]] = {}
        self._hidden: dict[int, NDArray[np.bool_]] = {}
        self._planes: PlaneRenderer | None = None
        self._last_planes: tuple[int, Planes] | None = None
        self._renderer.prepare(self._script.scene(0))

    @property
    def persons(self) -> int:
        """Return the number of people, in the image or not."""
        return len(self._script.scene(0).actors)

    def has_outliers(self, tick: int) -> bool:
        """Return True if the body row of a tick has a joint that is far off while outliers last."""
        return self._body_faults.has_outliers(tick)

    def paint(self, cue: Cue, out: Image) -> None:
        """Draw what a cue shows.

        Args:
            cue: Of the colour stream.
            out: (1080, 1920, 4) uint8, filled.
        """
        index = cue.shown
        self._renderer.prepare(self._script.scene(index))
        self._keep_hidden(index, self._renderer.render(self._pose(index), index, out))
        if self._darkness is not None and cue.has("low_light"):
            self._darkness.fall(out, index)

    def prepare_planes(self) -> None:
        """Get ready to draw masks and depth images."""
        if self._planes is None:
            self._planes = PlaneRenderer(self._options.seed, self.camera)
            self._planes.prepare(self._renderer.room_surfaces)

    def plane(self, cue: Cue) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """Draw what a cue of the mask or the depth stream shows.

        Returns:
            (424, 512) uint8 mask, or uint16 depth in mm; the two of a moment belong together.
        """
        if self._last_planes is None or self._last_planes[0] != cue.shown:
            self._last_planes = (cue.shown, self._drawn_planes(cue.shown))
        planes = self._last_planes[1]
        return planes.mask if cue.stream is Stream.mask else planes.depth

    def _drawn_planes(self, index: int) -> Planes:
        """Draw mask and depth of a tick, at the time of its body row."""
        self._renderer.prepare(self._script.scene(index))
        self.prepare_planes()
        assert self._planes is not None
        self._planes.prepare(self._renderer.room_surfaces)
        poses = self._pose(index, Stream.bodies)
        slots = [-1 if a is None else a.slot for a in self._tracked(index, poses)]
        return self._planes.draw(self._renderer.surfaces(poses), slots, index)

    def row(self, cue: Cue) -> NDArray[Any]:
        """Return the body row of a cue, host time 0."""
        index, seed = cue.shown, self._options.seed
        poses = self._row_poses(cue)
        tracked = self._tracked(index, poses)
        there = [number for number, actor in enumerate(tracked) if actor is not None]
        actors = tuple(actor for actor in tracked if actor is not None)
        row = body_row(
            actors,
            [poses[number] for number in there],
            self._hidden_at(index)[there],
            cue.time_device,
            np.random.default_rng([seed, 401, index]),
            self._options.noise,
            self.camera,
        )
        moment = self._seconds(index, Stream.bodies)
        if not self._plan.faults:
            return row
        for actor, number in zip(actors, there, strict=True):
            self._body_faults.change(row[0], actor.slot, poses[number], index, moment)
            joints = row[0]["joint_xyz_m"][actor.slot].astype(np.float64)
            row[0]["joint_color_px"][actor.slot] = self.camera.project(joints)
        return row

    def seen(self, cue: Cue) -> Seen:
        """Return what a cue shows, without noise."""
        index = cue.shown
        poses = self._pose(index) if cue.stream is Stream.color else self._row_poses(cue)
        joints = np.stack([pose.joints[0] for pose in poses])
        tracked = self._tracked(index, poses)
        late = LAG_S if cue.stream is Stream.bodies and cue.has("lag") else 0.0
        return Seen(
            slots=np.array([-1 if a is None else a.slot for a in tracked], np.int8),
            tracking_ids=np.array([0 if a is None else a.tracking_id for a in tracked], np.uint64),
            joints=joints,
            pixels=self.camera.project(joints),
            hidden=self._hidden_at(index),
            shown_s=self._seconds(index, cue.stream) - late,
            moment_s=self._seconds(cue.tick, cue.stream),
        )

    def truth(self, index: int, stream: Stream) -> Truth:
        """Return what was before the sensor at a tick's time."""
        scene = self._script.scene(index)
        poses = self._pose(index, stream)
        joints = np.stack([pose.joints[0] for pose in poses])
        return Truth(
            joint_xyz_m=joints,
            joint_color_px=self.camera.project(joints),
            slots=tuple(actor.slot for actor in scene.actors),
            gestures=tuple(GESTURES[int(pose.gestures[0])] for pose in poses),
        )

    def _row_poses(self, cue: Cue) -> list[Pose]:
        """Return the poses that a body cue shows: at its time, or late."""
        return self._pose(cue.shown, Stream.bodies, late=cue.has("lag"))

    def _tracked(self, index: int, poses: list[Pose]) -> list[Actor | None]:
        """Return each person with their slot and id; None where the tracker does not have them."""
        scene = self._script.scene(index)
        tracked = self._roster.tracked(scene.actors, self._seconds(index, Stream.bodies))
        return [
            None
            if actor is not None and self._may_leave(actor) and not self._in_view(pose)
            else actor
            for actor, pose in zip(tracked, poses, strict=True)
        ]

    def _may_leave(self, actor: Actor) -> bool:
        """Return True if a person walks in or out, and is tracked only while in view."""
        return actor.guest or bool(self._options.acts)

    def _hidden_at(self, index: int) -> NDArray[np.bool_]:
        """Return (P, 25) the hidden joints of a tick, also where no image of it was drawn."""
        if index not in self._hidden:
            self._renderer.prepare(self._script.scene(index))
            self._keep_hidden(index, self._renderer.hidden(self._pose(index)))
        return self._hidden[index]

    def _keep_hidden(self, index: int, hidden: NDArray[np.bool_]) -> None:
        self._hidden.pop(index, None)
        self._hidden[index] = hidden
        if len(self._hidden) > _POSE_BLOCKS:
            self._hidden.pop(next(iter(self._hidden)))

    def _seconds(self, index: int, stream: Stream) -> float:
        """Return the moment of a tick of a stream, seconds of the take."""
        clock = self._clock
        return clock.seconds(clock.color(index) if stream is Stream.color else clock.body(index))

    def _pose(self, index: int, stream: Stream = Stream.color, *, late: bool = False) -> list[Pose]:
        """Return each person's pose at an item's time, as batches of one."""
        scene = self._script.scene(index)
        place = (index - scene.first) % _POSE_BLOCK
        block = self._pose_block(scene, index - place, stream, late)
        return [pose[place : place + 1] for pose in block]

    def _pose_block(self, scene: Scene, first: int, stream: Stream, late: bool) -> list[Pose]:
        """Return each person's poses at the times of a block of items."""
        key = (first, stream, late)
        if key not in self._poses:
            began = self._seconds(scene.first, Stream.color)
            times = [self._seconds(k, stream) - began for k in range(first, first + _POSE_BLOCK)]
            moments = np.maximum(np.array(times) - LAG_S * late, 0)
            if len(self._poses) >= _POSE_BLOCKS:
                self._poses.pop(next(iter(self._poses)))
            self._poses[key] = [actor.motion.at(moments) for actor in scene.actors]
        return self._poses[key]

    def _in_view(self, pose: Pose) -> bool:
        """Return True if a person's trunk is well inside the image."""
        x = float(self.camera.project(pose.joints[0, JOINT["SpineMid"]])[0])
        return _SEEN_FROM_PX < x < WIDTH - _SEEN_FROM_PX
