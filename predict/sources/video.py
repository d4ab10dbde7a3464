"""Videos: frames by their own times, turned as their display matrix says."""

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
        number, damaged = 0, 0
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
                    time -= first
                yield SourceFrame(number, "", float(time), _upright(frame))
                number += 1
        if self.problem is None:
            self.problem = self._problem(number, damaged)

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
