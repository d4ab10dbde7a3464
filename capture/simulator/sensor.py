"""The simulated sensor: hands over colour and body frames as a Kinect v2 would."""

import json
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Final, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.errors import MissingPartError, SensorError
from ..sensor import BodyFrame, ColorFrame, Sensor, SensorInfo
from .bodies import body_row
from .camera import HEIGHT, PROJECTION, WIDTH, project
from .clock import DeviceClock
from .gestures import GESTURES
from .options import SimulatorOptions, parse_options
from .outfits import outfit
from .render import Renderer
from .rig import Pose
from .scene import Script

Picture = NDArray[np.uint8]

_POOL_FRAMES: Final = 16
_POSE_BLOCK: Final = 64
_LEAD_S: Final = 0.05
STREAMS: Final = ("color", "bodies")


@dataclass(frozen=True, slots=True)
class Truth:
    """What really was before the sensor, without noise.

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


def open_simulator(options: Mapping[str, str]) -> Sensor:
    """Open a simulated sensor.

    Args:
        options: Keys and values of ``simulator:key=value,...``; see ``SimulatorOptions``.

    Raises:
        SensorError: An unknown key or a bad value.
        MissingPartError: OpenCV is too old to draw meshes.
    """
    if not hasattr(cv2, "triangleRasterize"):
        raise MissingPartError(
            f"simulator: OpenCV {cv2.__version__} can't draw meshes, 5.0 or later is needed; "
            "pip install 'opencv-python>=5'"
        )
    return SimulatedSensor(parse_options(options))


class SimulatedSensor:
    """A Kinect v2 that looks at simulated people.

    Args:
        options: What is simulated.

    Attributes:
        handed_over: (stream, index, device time) of every item, in the order of hand-over.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        self.options = options
        self.handed_over: list[tuple[str, int, int]] = []
        self._clock = DeviceClock(options.seed, options.fps)
        self._script = Script(options)
        self._poses: dict[tuple[int, str], list[Pose]] = {}
        self._stop = Event()
        self._renderer = Renderer(options.seed)
        self._pool = FramePool(_POOL_FRAMES if options.live else 4)
        self._renderer.prepare(self._script.scene(0))  # before the clock starts
        self._log: TextIO | None = None
        if options.log is not None:
            self._log = self._open_log()

    @property
    def info(self) -> SensorInfo:
        """What it is and gives."""
        options = self.options
        wild = options.scene == "wild"
        return SensorInfo(
            kind="simulator",
            uri="simulator:" + ",".join(f"{k}={v}" for k, v in _written(options)),
            device_id=f"simulator-{options.seed}",
            color_size_px=(WIDTH, HEIGHT),
            mirrored=True,
            times="device",
            streams=STREAMS,
            live=options.live,
            frames=options.frames,
            projection=dict(PROJECTION),
            subject="several" if wild else f"simulated-{options.subject}",
            outfit="several" if wild else outfit(options.outfit).name,
        )

    def items(self) -> Iterator[ColorFrame | BodyFrame]:
        """Hand the items over in order of arrival; a live sensor waits for each one's time."""
        start = time.perf_counter() + _LEAD_S
        index = 0
        while not self._stop.is_set() and index != self.options.frames:
            frame, row = self._taken(index)
            if not self._wait(start, frame.time_device, index, 0):
                break
            frame.time_host = time.perf_counter_ns()
            self._note("color", index, frame.time_device)
            yield frame
            body_time = int(row["time_device"][0])
            if not self._wait(start, body_time, index, 1):
                break
            row["time_host"] = time.perf_counter_ns()
            self._note("bodies", index, body_time)
            yield BodyFrame(row)
            index += 1
        self._close_log()

    def close(self) -> None:
        """Make ``items`` end soon."""
        self._stop.set()

    def truth(self, index: int, stream: str = "color") -> Truth:
        """Return what was before the sensor at an item's time.

        Args:
            index: The item's number in its stream, from 0.
            stream: "color" or "bodies".
        """
        scene = self._script.scene(index)
        poses = self._pose_block(index, stream)
        place = (index - scene.first) % _POSE_BLOCK
        joints = np.stack([pose.joints[place] for pose in poses])
        return Truth(
            joint_xyz_m=joints,
            joint_color_px=project(joints),
            slots=tuple(actor.slot for actor in scene.actors),
            gestures=tuple(GESTURES[int(pose.gestures[place])] for pose in poses),
        )

    def _taken(self, index: int) -> tuple[ColorFrame, NDArray[np.void]]:
        """Draw a colour frame and fill its body row; their host times are still 0."""
        scene = self._script.scene(index)
        self._renderer.prepare(scene)
        lent = self._pool.lend()
        hidden = self._renderer.render(self._pose(index, "color"), index, lent.image)
        row = body_row(
            scene.actors,
            self._pose(index, "bodies"),
            hidden,
            self._clock.body(index),
            np.random.default_rng([self.options.seed, 401, index]),
            self.options.noise,
        )
        frame = ColorFrame(
            image=lent.image,
            time_device=self._clock.color(index),
            time_host=0,
            release=lent.release,
        )
        return frame, row

    def _pose(self, index: int, stream: str) -> list[Pose]:
        """Return each person's pose at an item's time, as batches of one."""
        place = (index - self._script.scene(index).first) % _POSE_BLOCK
        return [pose[place : place + 1] for pose in self._pose_block(index, stream)]

    def _pose_block(self, index: int, stream: str) -> list[Pose]:
        """Return each person's poses at the times of the block of items that holds one."""
        scene = self._script.scene(index)
        first = index - (index - scene.first) % _POSE_BLOCK
        key = (first, stream)
        if key not in self._poses:
            tick = self._clock.color if stream == "color" else self._clock.body
            began = self._clock.seconds(self._clock.color(scene.first))
            times = [
                self._clock.seconds(tick(k)) - began for k in range(first, first + _POSE_BLOCK)
            ]
            moments = np.array(times)
            if len(self._poses) > 5:
                self._poses.pop(next(iter(self._poses)))
            self._poses[key] = [actor.motion.at(moments) for actor in scene.actors]
        return self._poses[key]

    def _wait(self, start: float, time_device: int, index: int, stream: int) -> bool:
        """Wait until an item would arrive; return False when the sensor was closed meanwhile."""
        if not self.options.live:
            return not self._stop.is_set()
        due = start + self._clock.seconds(time_device)
        due += self._clock.arrival_delay_s(index, stream)
        return not self._stop.wait(max(due - time.perf_counter(), 0))

    def _note(self, stream: str, index: int, time_device: int) -> None:
        """Write down that an item is handed over now."""
        self.handed_over.append((stream, index, time_device))
        if self._log is not None:
            line = {"stream": stream, "index": index, "time_device": time_device}
            self._log.write(json.dumps(line) + "\n")

    def _open_log(self) -> TextIO:
        """Open the log, one line at a time, so that it survives a kill."""
        path = self.options.log
        try:
            return open(str(path), "w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise SensorError(f"simulator: log={path}: {error.strerror}") from error

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()


@dataclass(frozen=True, slots=True)
class Lent:
    """A frame buffer on loan; ``release`` is None where it is good only until the next one."""

    image: Picture
    release: "Release | None"


class FramePool:
    """Frame buffers that come back when the recorder is done with them.

    Args:
        count: How many there are; with all of them out, a scratch buffer is lent.
    """

    def __init__(self, count: int) -> None:
        # Filled, not just reserved: the first frames must not pay for new pages.
        self._free = deque(np.full((HEIGHT, WIDTH, 4), 255, np.uint8) for _ in range(count))
        self._scratch = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)

    def lend(self) -> Lent:
        """Lend a buffer; its content is anything."""
        try:
            image = self._free.popleft()
        except IndexError:
            return Lent(self._scratch, None)
        return Lent(image, Release(self._free, image))


class Release:
    """Gives one buffer back, once, from any thread."""

    def __init__(self, free: deque[Picture], image: Picture) -> None:
        self._free = free
        self._image: list[Picture] = [image]

    def __call__(self) -> None:
        """Give the buffer back; a second call does nothing."""
        if self._image:
            self._free.append(self._image.pop())


def _written(options: SimulatorOptions) -> list[tuple[str, object]]:
    """Return the options that differ from their defaults, as keys and values."""
    default = SimulatorOptions()
    names = [name for name in options.__slots__ if name != "log"]
    return [(n, getattr(options, n)) for n in names if getattr(options, n) != getattr(default, n)]
