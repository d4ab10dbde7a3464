"""The run's side of the window of ``--show``: a thread sends the newest drawn frame."""

import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

import cv2

from ...capture.operator.preview.preview import display_missing
from ...core.closing import Closing
from ...core.errors import MissingPartError
from ...engines.engine import Images
from .window_process import CLOSED, LENGTH_BYTES

_PROGRAM: Final = "kincap.predict.live.window_process"
_JPEG_QUALITY: Final = 85


class ShowWindow(Closing):
    """A window that shows the newest of the frames that are given to it.

    Raises:
        MissingPartError: There is no display.

    Attributes:
        is_closed: True once the person has closed the window.
    """

    def __init__(self) -> None:
        missing = display_missing()
        if missing:
            raise MissingPartError(f"--show: {missing}; use --serve, or --out video.mp4")
        self._newest: Images | None = None
        self._news, self._has_ended = threading.Event(), False
        self.is_closed = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._thread = threading.Thread(target=self._feed, name="window", daemon=True)
        self._thread.start()

    def show(self, image: Images) -> None:
        """Show a frame (H, W, 3) uint8, RGB, which is not changed afterwards.

        Raises:
            MissingPartError: The window could not be opened.
        """
        code = self._process.poll()
        if code is not None:
            self.is_closed = True
            if code != CLOSED:
                where = os.environ.get("DISPLAY", "the display")
                raise MissingPartError(
                    f"--show: no window on {where} (its process ended with {code}); use --serve"
                )
        self._newest = image
        self._news.set()

    def close(self) -> None:
        """End the window."""
        self._has_ended = True
        self._news.set()
        self._process.terminate()
        self._thread.join(2.0)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(2.0)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def _feed(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        while self._news.wait() and not self._has_ended:
            self._news.clear()
            image = self._newest
            if image is None:
                continue
            bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
            done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
            if not done:
                continue
            try:
                pipe.write(len(data).to_bytes(LENGTH_BYTES, "little") + data.tobytes())
                pipe.flush()
            except (OSError, ValueError):
                return
