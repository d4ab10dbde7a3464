"""The simulated sensor: hands over colour, bodies, masks and depth as a Kinect v2 would."""

import contextlib
import json
import time
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from threading import Event
from typing import Final, TextIO

import cv2

from ...core.errors import MissingPartError, SensorError
from ...core.units import HOUR_100NS, SECOND_NS
from ...sessions.schema import EventKind, Stream
from ..sources.sensor import (
    BodyFrame,
    ColorFrame,
    Item,
    Notice,
    PlaneFrame,
    Sensor,
    SensorInfo,
    TakeStart,
)
from .clock import SimulatedClock
from .faults import image_faults
from .faults.stream_faults import Cue, CueSheet, MissingItem, Over, Word
from .options import SimulatorOptions, parse_options
from .pool import FramePool
from .scenery.camera import HEIGHT, WIDTH
from .scenery.outfits import outfit
from .truth_log import TruthLog
from .world import Truth, World

_POOL_FRAMES: Final = 16
_LEAD_S: Final = 0.05
_MAY_BE_LATE_S: Final = 0.1
USUAL_STREAMS: Final = ("color", "bodies")
_WITH_TRUTH: Final = (Stream.color, Stream.bodies)


def open_simulator(options: Mapping[str, str], streams: tuple[str, ...] = USUAL_STREAMS) -> Sensor:
    """Open a simulated sensor.

    Args:
        options: Keys and values of ``simulator:key=value,...``; see ``SimulatorOptions``.
        streams: Of "color", "bodies", "mask", "depth".

    Raises:
        SensorError: An unknown key or a bad value.
        MissingPartError: OpenCV is too old to draw meshes.
    """
    if not hasattr(cv2, "triangleRasterize"):
        raise MissingPartError(
            f"simulator: OpenCV {cv2.__version__} can't draw meshes, 5.0 or later is needed; "
            "pip install 'opencv-python>=5'"
        )
    return SimulatedSensor(parse_options(options), streams)


class SimulatedSensor:
    """A Kinect v2 that looks at simulated people.

    Args:
        options: What is simulated.
        streams: Of "color", "bodies", "mask", "depth".
    """

    def __init__(self, options: SimulatorOptions, streams: tuple[str, ...] = USUAL_STREAMS) -> None:
        self.options = options
        self._streams = tuple(Stream[name] for name in streams)
        # three numbers an item: an hour must not cost a hundred megabytes
        self._handed_over = array("q")
        self._plan = options.plan
        reserve = HOUR_100NS * len(self._plan.named("clock_jump_back"))
        self._clock = SimulatedClock(
            options.seed, options.fps, options.clock, options.skips, reserve
        )
        self._world = World(options, self._plan, self._clock)
        self._pool = FramePool(_POOL_FRAMES if options.live else 4)
        if {Stream.mask, Stream.depth} & set(self._streams):
            self._world.prepare_planes()
        self._counts = dict.fromkeys(self._streams, 0)
        self._stop = Event()
        self._truth_place: tuple[Path, dict[Stream, int], int] | None = None
        self._truth_log: TruthLog | None = None
        self._began_ns = self._last_ns = 0
        self._log: TextIO | None = None
        if options.log is not None:
            self._log = self._open_log()

    @property
    def info(self) -> SensorInfo:
        """Return its description."""
        options = self.options
        wild = options.scene == "wild"
        return SensorInfo(
            kind="simulator",
            uri="simulator:" + ",".join(f"{k}={v}" for k, v in _written(options)),
            device_id=(f"simulator-device-{options.device}" if options.device else "simulator-0"),
            color_size_px=(WIDTH, HEIGHT),
            mirrored=True,
            times="device",
            streams=tuple(stream.name for stream in self._streams),
            live=options.live,
            frames=options.frames,
            depth_intrinsics=dict(self._world.camera.depth_intrinsics()),
            depth_projection=self._world.camera.depth_camera().to_json(),
            projection=self._world.camera.projection(),
            subject="several" if wild else f"simulated-{options.subject}",
            outfit="several" if wild else outfit(options.outfit).name,
        )

    @property
    def handed_over(self) -> list[tuple[str, int, int]]:
        """(stream, index, device time) of every item, in the order of hand-over.

        The index counts what was handed over of the stream.
        """
        thirds = (self._handed_over[k::3] for k in range(3))
        return [(Stream(s).name, index, time) for s, index, time in zip(*thirds, strict=True)]

    def keep_truth(self, folder: Path, first_seq: Mapping[Stream, int], take: int) -> None:
        """Log the ground truth in front of the sensor, from the first item on.

        Args:
            folder: The session's folder.
            first_seq: Seq of the next item that is handed over, by stream.
            take: Number of the take that begins with it.
        """
        self._truth_place = (folder, dict(first_seq), take)

    def items(self) -> Iterator[Item]:
        """Hand the items over in order of arrival; a live sensor waits for each one's time.

        Faults that take items away leave fewer than ``frames``; silence costs time only at a live
        pace.
        """
        options = self.options
        sheet = CueSheet(
            self._plan,
            self._clock,
            options.frames,
            options.seed,
            self._world.has_outliers,
            self._streams,
        )
        self._began_ns = time.perf_counter_ns() + round(_LEAD_S * SECOND_NS * options.live)
        try:
            problem = self._open_truth()
            if problem is not None:
                yield problem
            yield from self._played(sheet)
        finally:
            self._close_files()

    def close(self) -> None:
        """Make ``items`` end soon."""
        self._stop.set()

    def truth(self, index: int, stream: str = "color") -> Truth:
        """Return what was before the sensor at an item's time.

        Args:
            index: The item's number in its stream, from 0, in a take without faults.
            stream: "color" or "bodies".
        """
        return self._world.truth(index, Stream[stream])

    def _played(self, sheet: CueSheet) -> Iterator[Item]:
        """Yield what a sheet of cues asks for, each item at its time."""
        for entry in sheet.entries():
            if isinstance(entry, MissingItem | Over):
                self._note_fault(entry)
                continue
            item = self._made(entry)
            if not self._wait(entry.due_s):
                return
            yield from self._handed(entry, item)

    def _made(self, entry: Cue | Word) -> Item:
        """Draw a frame or fill a row; its host time is still 0."""
        if isinstance(entry, Word):
            return Notice(entry.text, entry.kind)
        if entry.stream is Stream.bodies:
            return BodyFrame(self._world.row(entry))
        if entry.stream in (Stream.mask, Stream.depth):
            image = self._world.plane(entry)
            return PlaneFrame(entry.stream, image, entry.time_device, 0, release=_let_go)
        lent = self._pool.lend()
        self._world.paint(entry, lent.image)
        dark = entry.has("low_light")
        frame = ColorFrame(
            image=lent.image,
            time_device=entry.time_device,
            time_host=0,
            exposure=(
                image_faults.LOW_LIGHT_EXPOSURE_100NS if dark else image_faults.EXPOSURE_100NS
            ),
            frame_interval=(
                image_faults.LOW_LIGHT_INTERVAL_100NS if dark else self._clock.interval
            ),
            gain=image_faults.LOW_LIGHT_GAIN if dark else image_faults.GAIN,
            flags=image_faults.LOW_LIGHT_FLAGS if dark else 0,
            release=lent.release,
        )
        if entry.has("wrong_size"):
            frame.image = image_faults.wrong_size(lent.image)
            if lent.release is not None:
                lent.release()
            frame.release = None
        return frame

    def _handed(self, entry: Cue | Word, item: Item) -> Iterator[Item]:
        """Stamp an item, write it down, and yield it, with the take that begins after a word."""
        host_ns = self._host_ns(entry.due_s)
        if isinstance(entry, Word):
            yield item
            if entry.kind is EventKind.sensor_back:
                live = self.options.live
                yield TakeStart(host_ns=None if live else host_ns, device_100ns=entry.time_device)
            return
        if isinstance(item, BodyFrame):
            item.row["time_host"] = host_ns
        elif isinstance(item, ColorFrame | PlaneFrame):
            item.time_host = host_ns
        self._note(entry)
        yield item

    def _host_ns(self, due_s: float) -> int:
        """Return the host's time now; at a fast pace, as it would be at a live one."""
        if self.options.live:
            return time.perf_counter_ns()
        self._last_ns = max(self._last_ns, self._began_ns + round(due_s * SECOND_NS))
        return self._last_ns

    def _wait(self, due_s: float) -> bool:
        """Wait until an item would arrive; return False when the sensor was closed meanwhile."""
        if not self.options.live:
            return not self._stop.is_set()
        left_s = self._began_ns / SECOND_NS + due_s - time.perf_counter_ns() / SECOND_NS
        # on a machine that is too slow to draw, time is stretched: silence stays silence
        self._began_ns += round(SECOND_NS * max(-left_s - _MAY_BE_LATE_S, 0))
        return not self._stop.wait(max(left_s, 0))

    def _note(self, cue: Cue) -> None:
        """Write down that an item is handed over now."""
        stream, index = cue.stream.name, self._counts[cue.stream]
        self._counts[cue.stream] += 1
        self._handed_over.extend((cue.stream, index, cue.time_device))
        if self._log is not None:
            line = {"stream": stream, "index": index, "time_device": cue.time_device}
            self._log.write(json.dumps(line) + "\n")
        if self._truth_log is not None and cue.stream in _WITH_TRUTH:
            try:
                self._truth_log.item(cue, self._world.seen(cue))
            except OSError:
                self._end_truth()

    def _note_fault(self, entry: MissingItem | Over) -> None:
        """Write down that an item is missing, or that a fault is over."""
        if self._truth_log is None:
            return
        if isinstance(entry, MissingItem) and entry.stream not in _WITH_TRUTH:
            return
        try:
            if isinstance(entry, MissingItem):
                self._truth_log.hole(entry)
            else:
                self._truth_log.over(entry.fault)
        except OSError:
            self._end_truth()

    def _end_truth(self) -> None:
        """Write no more of the truth; that the disk is full is told by the recorder."""
        log, self._truth_log = self._truth_log, None
        if log is not None:
            with contextlib.suppress(OSError):
                log.close()

    def _open_truth(self) -> Notice | None:
        """Open the truth's files where a recorder wants them; say why that can't be."""
        if self._truth_place is None:
            return None
        folder, first_seq, take = self._truth_place
        about = {"source": self.info.uri, "fps": self.options.fps}
        try:
            self._truth_log = TruthLog(folder, first_seq, take, self._world.persons, about)
        except OSError as error:
            return Notice(f"simulator: no truth is kept ({error.strerror or error})")
        return None

    def _open_log(self) -> TextIO:
        """Open the log, one line at a time, so that it survives a kill."""
        path = self.options.log
        try:
            return open(str(path), "w", encoding="utf-8", buffering=1)
        except OSError as error:
            raise SensorError(f"simulator: log={path}: {error.strerror}") from error

    def _close_files(self) -> None:
        if self._log is not None:
            self._log.close()
        self._end_truth()


def _let_go() -> None:
    """Take the memory of a mask or depth image back: each one has its own."""


def _written(options: SimulatorOptions) -> list[tuple[str, object]]:
    """Return the options that differ from their defaults, as keys and values."""
    default = SimulatorOptions()
    names = [name for name in options.__slots__ if name != "log"]
    return [(n, getattr(options, n)) for n in names if getattr(options, n) != getattr(default, n)]
