"""Videos: frames by their own times, turned as their display matrix says."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ...capture.sources.video.decoding import decode_packet, first_line
from ...core.errors import KincapError
from ...engines.engine import Images
from .frame_source import VIDEO, SourceFrame

if TYPE_CHECKING:
    from collections.abc import Callable

    import av

_SHORT_S: Final = 0.3
"""Seconds that a stated length may be longer than the pictures: their last one has no end."""
_LENGTH: Final = re.compile(r"(\d+):(\d+):(\d+(?:\.\d+)?)")
_MICROSECONDS: Final = 1_000_000

SUFFIXES: Final = (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".wmv", ".mpg", ".mpeg")


class VideoSource:
    """A video file.

    Times are those of the file, less the first one; frames of an AVI are counted, since its times
    can't be trusted.

    Args:
        path: The file.

    Raises:
        KincapError: It can't be opened as a video, or has no picture stream.
    """

    kind = VIDEO

    def __init__(self, path: Path) -> None:
        import av

        self.path, self.name = path, str(path)
        self.dropped = 0
        self.problem: str | None = None
        try:
            self._container = av.open(str(path))
        except (av.FFmpegError, OSError, ValueError) as error:
            raise KincapError(f"{path}: not a video ({first_line(error)})") from None
        if not self._container.streams.video:
            self._container.close()
            raise KincapError(f"{path}: has no picture stream; it is not a video")
        self._stream = self._container.streams.video[0]
        self.total: int | None = int(self._stream.frames) or None
        self.rate: Fraction | None = self._stream.average_rate

    def frames(self) -> Iterator[SourceFrame]:
        """Yield the frames; sets ``problem`` where the file ends early."""
        import av

        is_counted = self._container.format.name == "avi"
        rate = self._stream.guessed_rate or Fraction(25)
        first: Fraction | None = None
        number, damaged, last = 0, 0, Fraction(0)
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                break
            except (av.FFmpegError, OSError) as error:
                self.problem = f"{self.path}: reading ended early ({first_line(error)})"
                break
            frames, is_bad = decode_packet(packet)
            damaged += is_bad
            for frame in frames:
                if is_counted or frame.pts is None:
                    time = number / rate
                else:
                    time = int(frame.pts) * Fraction(frame.time_base)
                    first = time if first is None else first
                    last = max(last, time + 1 / rate)
                    time -= first
                yield SourceFrame(number, "", float(time), _upright(frame))
                number += 1
        if self.problem is None:
            self.problem = self._problem(number, damaged) or self._shortage(last)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _problem(self, number: int, damaged: int) -> str | None:
        if not number:
            return f"{self.path}: no frame can be decoded; the video is empty or damaged"
        if self.total and number < self.total:
            return (
                f"{self.path}: its header promises {self.total} frames, {number} can be decoded; "
                "it was cut or is damaged"
            )
        if damaged:
            return f"{self.path}: FFmpeg found damage in {damaged} packets"
        return None

    def _shortage(self, last: Fraction) -> str | None:
        """Return what is wrong if a file without a count of frames ends before its time."""
        promised = self._promised_s()
        if self.total or promised is None or last >= promised - _SHORT_S:
            return None
        return (
            f"{self.path}: its header promises {promised:.1f} s, its pictures end at "
            f"{float(last):.1f} s; it was cut or is damaged"
        )

    def _promised_s(self) -> float | None:
        """Return the length that a Matroska file states of its pictures; None: it does not."""
        if "matroska" not in self._container.format.name:
            return None
        found = _LENGTH.fullmatch(self._stream.metadata.get("DURATION", ""))
        if found is not None:
            return 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3])
        whole = self._container.duration
        is_alone = len(self._container.streams) == 1
        return whole / _MICROSECONDS if whole and is_alone else None


def _upright(frame: "av.VideoFrame") -> Images:
    """Return a frame as (H, W, 3) uint8, RGB, as a player would show it."""
    image = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    turn = _display_turn(frame)
    return image if turn is None else np.ascontiguousarray(turn(image))


def _display_turn(frame: "av.VideoFrame") -> "Callable[[Images], Images] | None":
    """Return what turns and mirrors a frame by its display matrix; None: it is upright.

    The matrix (a, b, u, c, d, v, x, y, w), 16.16 fixed point, maps a pixel to (a x + c y, b x + d
    y). ``frame.rotation`` knows no mirrors.
    """
    matrix: Any = None
    # typed as if it held motion vectors alone
    sides: Any = frame.side_data
    for number in range(len(sides)):
        side = sides[number]
        if side.type.name == "DISPLAYMATRIX":
            matrix = np.frombuffer(bytes(side), "<i4")
    if matrix is None or len(matrix) < 9:
        return None
    a, b, c, d = (int(np.sign(matrix[k])) for k in (0, 1, 3, 4))
    if (a, b, c, d) == (1, 0, 0, 1) or not (abs(a) == abs(d) != abs(b) == abs(c)):
        return None
    if a:
        return lambda image: image[::d, ::a]
    # x and y are exchanged: the new row runs along b, the new column along c
    return lambda image: image.transpose(1, 0, 2)[::b, ::c]
