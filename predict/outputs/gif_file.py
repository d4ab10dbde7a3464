"""A short animated GIF for a page: few frames, small, each at its own time."""

from pathlib import Path
from typing import Final

import cv2

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_file_name
from ...engines.engine import Images
from ...train.checkpoint_files import READABLE
from .video_file import FLAG

SUFFIX: Final = ".gif"
WIDEST_PX: Final = 480
LEAST_STEP_S: Final = 0.1
MOST_FRAMES: Final = 200
_LAST_S: Final = 0.1


class GifFile:
    """A GIF that is kept in memory and written by ``close``.

    It takes a frame each tenth of a second. When it has 200, every other one is dropped and frames
    are taken half as often, so that a run of any length fits.

    Args:
        path: The file, .gif.

    Raises:
        KincapError: Its name ends otherwise, or its folder does not exist.
    """

    def __init__(self, path: Path) -> None:
        check_file_name(FLAG, path, (SUFFIX,))
        self.path = path
        self._frames: list[Images] = []
        self._times_s: list[float] = []
        self._step_s = LEAST_STEP_S

    def write(self, image: Images, time_s: float) -> None:
        """Add a frame (H, W, 3) uint8, RGB, if it is time for one; the first one's size counts."""
        if self._times_s and time_s - self._times_s[-1] < self._step_s - 1e-3:
            return
        if self._frames:
            height, width = self._frames[0].shape[:2]
        else:
            scale = min(1.0, WIDEST_PX / image.shape[1])
            height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        self._frames.append(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))  # type: ignore[arg-type]  # of any dtype
        self._times_s.append(time_s)
        if len(self._frames) == MOST_FRAMES:
            self._frames, self._times_s = self._frames[::2], self._times_s[::2]
            self._step_s *= 2

    def close(self) -> None:
        """Write the file.

        Raises:
            KincapError: It can't be written (exit 1).
        """
        if not self._frames:
            return
        times = [*self._times_s, self._times_s[-1] + _LAST_S]
        animation = cv2.Animation()
        animation.frames = self._frames
        animation.durations = [
            max(10, round(1000 * (after - before)))
            for before, after in zip(times, times[1:], strict=False)
        ]
        done, data = cv2.imencodeanimation(SUFFIX, animation)
        try:
            if not done:
                raise OSError(None, "it could not be encoded")
            write_atomic(self.path, data.tobytes(), READABLE)
        except OSError as error:
            raise KincapError(
                f"{FLAG}: {self.path} can't be written ({error.strerror})", exit_code=1
            ) from None
