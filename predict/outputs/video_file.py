"""A drawn video: H.264 in mp4, each frame at its own time."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ...core.errors import KincapError
from ...core.files.output_folder import check_file_name
from ...engines.engine import Images

FLAG: Final = "--out"
SUFFIXES: Final = (".mp4", ".mkv", ".mov")
_TICKS: Final = 90_000
"""Ticks of a second: irregular times keep their places."""
_QUALITY: Final = "23"


class VideoFile:
    """A video that is written frame by frame; it is there, whole, after ``close``.

    Args:
        path: The file, .mp4, .mkv or .mov.

    Raises:
        KincapError: Its name ends otherwise, or its folder does not exist.
    """

    def __init__(self, path: Path) -> None:
        check_file_name(FLAG, path, (*SUFFIXES, ".gif"))
        self.path = path
        self._container: Any = None
        self._stream: Any = None
        self._size = (0, 0)
        self._last = -1

    def write(self, image: Images, time_s: float) -> None:
        """Add a frame (H, W, 3) uint8, RGB; one of another size is resized to the first one's.

        Raises:
            KincapError: The file can't be written (exit 1).
        """
        import av

        try:
            if self._container is None:
                self._open(image)
            width, height = self._size
            # H.264 with 4:2:0 takes even sizes only
            if image.shape[1::-1] != (width, height):
                image = self._fitted(image)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            self._last = max(self._last + 1, round(time_s * _TICKS))
            frame.pts, frame.time_base = self._last, Fraction(1, _TICKS)
            for packet in self._stream.encode(frame):
                self._container.mux(packet)
        except (av.FFmpegError, OSError) as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Finish the file.

        Raises:
            KincapError: It can't be written (exit 1).
        """
        import av

        if self._container is None:
            return
        try:
            for packet in self._stream.encode():
                self._container.mux(packet)
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            with contextlib.suppress(av.FFmpegError, OSError):
                self._container.close()
            raise self._failed(error) from None
        finally:
            self._container = None

    def _open(self, image: Images) -> None:
        import av

        height, width = image.shape[:2]
        self._size = (max(2, width // 2 * 2), max(2, height // 2 * 2))
        self._container = av.open(str(self.path), "w")
        self._stream = self._container.add_stream(
            "libx264", rate=30, options={"crf": _QUALITY, "preset": "veryfast"}
        )
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        # without it irregular times collapse onto the frame rate
        self._stream.codec_context.time_base = Fraction(1, _TICKS)

    def _fitted(self, image: Images) -> Images:
        width, height = self._size
        if image.shape[0] - height in (0, 1) and image.shape[1] - width in (0, 1):
            return image[:height, :width]
        return np.asarray(cv2.resize(image, self._size, interpolation=cv2.INTER_AREA), np.uint8)

    def _failed(self, error: Exception) -> KincapError:
        said = str(getattr(error, "strerror", None) or error)
        return KincapError(f"{FLAG}: {self.path} can't be written ({said})", exit_code=1)
