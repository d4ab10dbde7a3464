"""A video beside a log of joints: its frames by their own times, put on the clock of the joints.

Video and joints have no common clock. The first frame is taken to belong to the first line of the
log, or a stated time after it; the lag that the report measures shows how well that fits.
"""

import heapq
import time
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ....core.errors import SensorError
from ....core.units import MS_100NS, SECOND_100NS
from ....sessions.kinds import EventKind
from ....sessions.schema import Stream
from ..sensor import BodyFrame, ColorFrame, Item, Lost, Notice
from ..text_lines import check_regular
from .decoding import decode_packet, first_line

if TYPE_CHECKING:
    import av
    import av.container

_CONTAINERS: Final = (
    (b"RIFF....AVI ", "avi"),
    (b"....ftyp", "mov,mp4,m4a,3gp,3g2,mj2"),
    (b"\x1aE\xdf\xa3", "matroska,webm"),
    (b"0&\xb2u\x8ef\xcf\x11", "asf"),
)
"""First bytes of each container that is read, and FFmpeg's name for it."""
_CODECS: Final = (
    "h264", "hevc", "mpeg4", "mjpeg", "msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "wmv3", "vc1",
    "vp8", "vp9", "av1", "libdav1d", "rawvideo", "huffyuv", "ffvhuff", "ffv1",
)  # fmt: skip
_LENGTHS_DIFFER_S: Final = 1.0
_MAX_SIDE_PX: Final = 4096
_MAX_OFFSET_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class _Decoded:
    """A frame of a video: FFmpeg's image, time since the first one, and whether it is damaged."""

    image: "av.VideoFrame"
    time_100ns: int
    is_damaged: bool


class SideVideo:
    """A video that was checked as a whole."""

    def __init__(self, path: Path, offset_ms: str | None = None) -> None:
        """Check a video.

        Args:
            path: The file.
            offset_ms: Time from the log's first line to the first frame, as the user wrote it.

        Attributes:
            name: The file's name.
            offset_100ns: The same time.
            size_px: Width and height of its frames.
            frames: Number of frames.
            length_100ns: Time from its first frame to its last one.
            warnings: What to say of it, one line each.

        Raises:
            SensorError: It can't be read as a video, or holds no frame (exit 2).
        """
        self._path, self.name = path, path.name
        self.offset_100ns = _offset(offset_ms)
        self._damaged, self._promised, self._reach = array("b"), 0, 0
        self.length_100ns, self.size_px = -1, (0, 0)
        for frame in self._decoded():
            if frame.time_100ns <= self.length_100ns:
                raise SensorError(
                    f"{path}: frame {len(self._damaged)} has no later time than the one before; "
                    "copy the video with ffmpeg -i IN -fps_mode cfr OUT.mp4"
                )
            self.length_100ns = frame.time_100ns
            if frame.is_damaged and self._damaged:
                # frames that are shown earlier may have been predicted from it
                for k in range(max(0, len(self._damaged) - self._reach), len(self._damaged)):
                    self._damaged[k] = 1
            self._damaged.append(frame.is_damaged)
        self.frames = len(self._damaged)
        if not self.frames:
            raise SensorError(f"{path}: no frame can be decoded; the video is empty or damaged")
        damaged = sum(self._damaged)
        warnings = []
        if damaged:
            warnings.append(
                f"{path.name}: {damaged} frames are damaged or follow damaged ones; kincap build "
                "takes no labels from them"
            )
        if self.frames < self._promised:
            warnings.append(
                f"{path.name}: its header promises {self._promised} frames, {self.frames} can be "
                "decoded; it was cut or is damaged"
            )
        self.warnings = tuple(warnings)

    def items(self, start_100ns: int) -> Iterator[tuple[int, list[Item]]]:
        """Yield the time of each frame, and its items: the frame, after a notice of damage.

        Args:
            start_100ns: Time of the first frame by the clock of the joints.

        Raises:
            SensorError: The file was changed since it was checked (exit 1).
        """
        count = 0
        for frame in self._decoded():
            if count == self.frames:
                break
            items: list[Item] = []
            if self._damaged[count] and not (count and self._damaged[count - 1]):
                run = next(
                    (k for k in range(count, self.frames) if not self._damaged[k]), self.frames
                )
                text = f"colour frames {count} to {run - 1} of the video are damaged"
                items.append(Notice(text, EventKind.damaged_image, Stream.color, run - count))
            pixels = np.asarray(frame.image.to_ndarray(format="bgr24"), np.uint8)
            at = start_100ns + frame.time_100ns
            items.append(
                ColorFrame(pixels, at, time.perf_counter_ns(), release=_nothing_to_release)
            )
            yield at, items
            count += 1
        if count < self.frames:
            raise SensorError(f"{self._path}: frame {count} can't be read any more", exit_code=1)

    def _decoded(self) -> Iterator[_Decoded]:
        """Decode all frames in the order in which they are shown."""
        with _opened(self._path) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            self._promised = int(stream.frames)
            self._reach = int(context.has_b_frames)
            # in one thread, messages belong to the packet that was given last
            context.thread_type, context.thread_count = "NONE", 1
            # the times of an AVI file can't be trusted: its frames are counted
            is_counted = container.format.name == "avi"
            step = _step(self._path, stream) if is_counted else Fraction(0)
            first: int | None = None
            context.copy_opaque = True
            reported: dict[int, bool] = {}
            is_damaged, count = False, 0
            for number, packet in enumerate(container.demux(stream)):
                packet.opaque = number
                frames, reported[number] = decode_packet(packet)
                for frame in frames:
                    # a frame may come out later than the packet that it is made of
                    of = frame.opaque if isinstance(frame.opaque, int) else number
                    is_bad = reported.pop(of, False) or bool(frame.is_corrupt)
                    is_damaged = is_bad or (is_damaged and not frame.key_frame)
                    self._check_frame(frame, count)
                    if not is_counted and frame.pts is None:
                        raise SensorError(f"{self._path}: frame {count} has no time")
                    seconds = step * count
                    if not is_counted:
                        first = int(frame.pts) if first is None else first
                        seconds = (int(frame.pts) - first) * Fraction(frame.time_base)
                    yield _Decoded(frame, round(seconds * SECOND_100NS), is_damaged)
                    count += 1

    def _check_frame(self, frame: "av.VideoFrame", count: int) -> None:
        size = (int(frame.width), int(frame.height))
        if not count:
            self.size_px = size
        if size != self.size_px:
            raise SensorError(
                f"{self._path}: frame {count} is {size[0]}x{size[1]}, the first one "
                f"{self.size_px[0]}x{self.size_px[1]}; expected one size"
            )
        if max(size) > _MAX_SIDE_PX:
            raise SensorError(
                f"{self._path}: frames of {size[0]}x{size[1]}, expected {_MAX_SIDE_PX} pixels a "
                "side at most"
            )
        if not count and frame.side_data.get("DISPLAYMATRIX") is not None:
            raise SensorError(
                f"{self._path}: is to be turned or mirrored when it is shown; write it that way "
                "first: ffmpeg -i IN OUT.mp4"
            )


@dataclass(frozen=True)
class Placement:
    """A video on the clock of the joints.

    Attributes:
        start_100ns: Time of its first frame.
        shift_100ns: Added to the times of the joints, as device times are not negative.
    """

    start_100ns: int = 0
    shift_100ns: int = 0

    @classmethod
    def of(cls, video: SideVideo | None, first_100ns: int) -> "Placement":
        """Return the placement of a video; ``first_100ns`` is the time of the first joints."""
        if video is None:
            return cls()
        start = first_100ns + video.offset_100ns
        return cls(max(start, 0), max(-start, 0))


def put_together(bodies: Iterable[Item], video: SideVideo, start_100ns: int) -> Iterator[Item]:
    """Yield body rows and colour frames by time; of one time, body rows come first.

    Args:
        bodies: Body rows, and losses of such, by time.
        video: The video.
        start_100ns: Time of its first frame by the clock of the joints.
    """
    rows = ((_time_of(body), [body]) for body in bodies)
    both: Iterator[tuple[int, list[Any]]] = heapq.merge(
        rows, video.items(start_100ns), key=lambda one: one[0]
    )
    for _, items in both:
        yield from items


def _time_of(item: Item) -> int:
    if isinstance(item, BodyFrame):
        return int(item.row["time_device"][0])
    assert isinstance(item, Lost)
    return item.time_device


def opened_video(
    options: Mapping[str, str], path: Path, source: str, beside: Path | None = None
) -> SideVideo | None:
    """Return the video that the options of a source name, checked; None: there is none.

    Args:
        options: Of the source: ``video`` and ``offset_ms``.
        path: The file of joints; ``{stem}`` in the video's name stands for its stem.
        source: The source as the user named it, for messages.
        beside: A video that is used where no option names one.

    Raises:
        SensorError: It can't be read, or an option makes no sense (exit 2).
    """
    name = options.get("video")
    found = beside if name is None else Path(name.replace("{stem}", path.stem))
    if found is None or name == "no":
        if "offset_ms" in options:
            raise SensorError(f"--source {source}: offset_ms= is of use with a video only")
        return None
    return SideVideo(found, options.get("offset_ms"))


def video_warnings(video: SideVideo, joints: str, joints_100ns: int) -> list[str]:
    """Return what to say of a video and the joints beside it, one line each.

    Args:
        video: The video.
        joints: Name of the file of joints.
        joints_100ns: Time from its first line to its last one.
    """
    lengths = (video.length_100ns / SECOND_100NS, joints_100ns / SECOND_100NS)
    differ = abs(lengths[0] - lengths[1]) > _LENGTHS_DIFFER_S
    return [
        *video.warnings,
        *([f"{video.name} lasts {lengths[0]:.1f} s, {joints} {lengths[1]:.1f} s"] * differ),
        f"{video.name} and {joints} have no common clock: frame 0 is put "
        f"{video.offset_100ns / MS_100NS:g} ms after the first line; the report measures the lag, "
        "add it to offset_ms=",
    ]


def _opened(path: Path) -> Any:
    """Open a video.

    Raises:
        SensorError: It is none of a container and codec that are read.
    """
    import av

    check_regular(path, "a video (.mp4, .mkv, .avi, .wmv)")
    try:
        with open(path, "rb") as file:
            head = file.read(12)
        name = next((name for magic, name in _CONTAINERS if _begins(head, magic)), None)
        if name is None:
            raise SensorError(f"{path}: not a video of a known kind; expected MP4, MKV, AVI or WMV")
        # a resolved path is absolute, so FFmpeg takes it for no URL and no pattern
        container = av.open(str(path.resolve()), format=name.partition(",")[0])
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SensorError(f"{path}: can't be read as a video ({first_line(error)})") from error
    streams = container.streams.video
    context = streams[0].codec_context if streams else None
    if context is None or context.name not in _CODECS:
        container.close()
        found = "holds no video" if not streams else f"coded as {getattr(context, 'name', None)}"
        raise SensorError(f"{path}: {found}; expected a video coded as {', '.join(_CODECS)}")
    return container


def _begins(head: bytes, magic: bytes) -> bool:
    return len(head) >= len(magic) and all(
        m in (ord("."), h) for h, m in zip(head, magic, strict=False)
    )


def _step(path: Path, stream: Any) -> Fraction:
    rate = stream.average_rate
    if rate is None or not 1 <= rate <= 1000:
        raise SensorError(f"{path}: {rate} frames a second, expected 1 to 1000")
    return 1 / Fraction(rate)


def _offset(text: str | None) -> int:
    """Return an offset in 100 ns.

    Raises:
        SensorError: It is not a number of milliseconds.
    """
    try:
        offset = float("0" if text is None else text)
    except ValueError:
        offset = np.inf
    if not abs(offset) <= _MAX_OFFSET_MS:
        raise SensorError(
            f"offset_ms={text}: expected a number of milliseconds, {_MAX_OFFSET_MS} at most"
        )
    return round(offset * MS_100NS)


def _nothing_to_release() -> None:
    """Release nothing: each image has memory of its own."""
