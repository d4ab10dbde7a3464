"""The window of the preview, a program of its own: frames come on stdin.

OpenCV ends the process that asks for a window where there is no display, so the window has a
process of its own. It ends with the pipe, or when the person closes it.
"""

import signal
import sys
import threading
from typing import Final

from .preview_frame import PreviewFrame, draw_frame, read_frame

TITLE: Final = "kincap"
CLOSED: Final = 0
NO_WINDOWS: Final = 3
_WAIT_MS: Final = 15


class _Newest:
    """The newest frame that came, and whether the pipe has ended."""

    def __init__(self) -> None:
        self.frame: PreviewFrame | None = None
        self.has_ended = False

    def read(self) -> None:
        """Read until the pipe ends."""
        try:
            while (frame := read_frame(sys.stdin.buffer)) is not None:
                self.frame = frame
        except (OSError, ValueError, TypeError):
            pass
        self.has_ended = True


def main() -> int:
    """Show frames until the pipe ends or the window is closed."""
    # Ctrl-C is for the recorder, which ends this one afterwards
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import cv2

    cv2.setNumThreads(1)
    newest = _Newest()
    threading.Thread(target=newest.read, daemon=True).start()
    try:
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
        cv2.resizeWindow(TITLE, 960, 540 + 130)
        return _show(newest)
    except cv2.error:
        return NO_WINDOWS  # an OpenCV that was built without windows


def _show(newest: _Newest) -> int:
    import cv2

    shown: PreviewFrame | None = None
    was_visible = False
    while not newest.has_ended:
        frame = newest.frame
        if frame is not None and frame is not shown:
            shown = frame
            drawn = draw_frame(frame)
            if drawn is not None:
                cv2.imshow(TITLE, drawn)
        cv2.waitKey(_WAIT_MS)
        is_visible = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
        # on a busy machine a new window is not visible at once
        if was_visible and not is_visible:
            break
        was_visible = was_visible or is_visible
    return CLOSED


if __name__ == "__main__":
    sys.exit(main())
