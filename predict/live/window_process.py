"""The window of ``kincap predict --show``, a program of its own: JPEGs come on stdin.

OpenCV ends the process that asks for a window where there is no display, so the window has a
process of its own. It ends with the pipe, or when the person closes it or presses q.
"""

import signal
import sys
import threading
from typing import IO, Final

TITLE: Final = "kincap predict"
CLOSED: Final = 0
NO_WINDOWS: Final = 3
LENGTH_BYTES: Final = 4
_WAIT_MS: Final = 10
_QUIT_KEYS: Final = (ord("q"), 27)


class _NewestJpeg:
    """The newest picture that came, and whether the pipe has ended."""

    def __init__(self) -> None:
        self.jpeg: bytes | None = None
        self.has_ended = False

    def read(self, pipe: IO[bytes]) -> None:
        """Read until the pipe ends."""
        try:
            while len(length := pipe.read(LENGTH_BYTES)) == LENGTH_BYTES:
                self.jpeg = pipe.read(int.from_bytes(length, "little"))
        except OSError:
            pass
        self.has_ended = True


def main() -> int:
    """Show pictures until the pipe ends or the window is closed."""
    # Ctrl-C is for the run, which ends this one afterwards
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2
    import numpy as np

    cv2.setNumThreads(1)
    newest = _NewestJpeg()
    threading.Thread(target=newest.read, args=(sys.stdin.buffer,), daemon=True).start()
    shown: bytes | None = None
    was_visible = False
    try:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
        cv2.resizeWindow(TITLE, 960, 540)
        while not newest.has_ended:
            jpeg = newest.jpeg
            if jpeg is not None and jpeg is not shown:
                shown = jpeg
                image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
                if image is not None:
                    cv2.imshow(TITLE, image)
            if cv2.waitKey(_WAIT_MS) & 0xFF in _QUIT_KEYS:
                break
            is_visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
            # on a busy machine a new window is not visible at once
            if was_visible and not is_visible:
                break
            was_visible = was_visible or is_visible
    except cv2.error:
        return NO_WINDOWS  # an OpenCV that was built without windows
    return CLOSED


if __name__ == "__main__":
    sys.exit(main())
