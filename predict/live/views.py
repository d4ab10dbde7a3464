"""What a run shows while it goes on: the page, the window, the agreement with the sensor."""

import contextlib
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np

from ...core.closing import Closing
from ...core.skeleton import KEYPOINTS_13
from ...engines.engine import Images
from ...web.server import PageAddress
from ..accuracy.agreement import Agreement
from ..outputs.drawing import SENSOR, draw_pose, write
from ..outputs.frame_poses import FramePoses
from ..sources.frame_source import SourceFrame
from .page import LivePage
from .window import ShowWindow

WIDEST_PX: Final = 1920
"""Width of net and sensor side by side."""


@dataclass(frozen=True)
class LiveSettings:
    """What is shown.

    Attributes:
        show: True for a window.
        serve: True for a page.
        port: Of the page; None: the usual one, or a free one.
        compare: True to compare with the sensor's poses.
    """

    show: bool = False
    serve: bool = False
    port: int | None = None
    compare: bool = False


class LiveViews(Closing):
    """All that shows a run while it goes on.

    Args:
        settings: What is shown.
        source: As the user wrote it.

    Raises:
        KincapError: The port can't be taken.
        MissingPartError: A library or the display is missing.

    Attributes:
        agreement: With the sensor; None: not compared.
    """

    def __init__(self, settings: LiveSettings, source: str) -> None:
        self.agreement = Agreement() if settings.compare else None
        self._page: LivePage | None = None
        self._window: ShowWindow | None = None
        with contextlib.ExitStack() as stack:
            if settings.show:
                self._window = stack.enter_context(ShowWindow())
            if settings.serve:
                self._page = stack.enter_context(LivePage(source, settings.port))
            self._open = stack.pop_all()

    @property
    def address(self) -> PageAddress | None:
        """The address of the page; None: there is none."""
        return None if self._page is None else self._page.address

    @property
    def wants_drawn(self) -> bool:
        """True if frames have to be drawn for the window."""
        return self._window is not None

    @property
    def is_ended(self) -> bool:
        """True if the person has closed the window, and with it the run."""
        return self._window is not None and self._window.is_closed

    def compare(self, found: FramePoses, frame: SourceFrame) -> str:
        """Take a frame into the comparison; return the running figures, "" without one."""
        if self.agreement is None or not found.is_looked_at:
            return ""
        self.agreement.add(found.people, frame.sensor)
        return self.agreement.running_text()

    def beside(self, drawn: Images, frame: SourceFrame, text: str) -> Images:
        """Return the drawn net with the sensor's view to the right of it, where both are compared.

        Args:
            drawn: (H, W, 3) the image with the net's people.
            frame: The frame, with the sensor's.
            text: The running figures.
        """
        if self.agreement is None or not drawn.size:
            return drawn
        sensor = frame.image.copy()
        thick = max(1, round(max(sensor.shape[:2]) / 400))
        for person in frame.sensor:
            draw_pose(
                sensor, person.keypoints_px, person.trusted, KEYPOINTS_13, thick, colour=SENSOR
            )
        write(sensor, "sensor", (8 * thick, 18 * thick), thick)
        write(sensor, text, (8 * thick, sensor.shape[0] - 10 * thick), thick)
        pair = np.hstack([drawn, sensor])
        if pair.shape[1] <= WIDEST_PX:
            return pair
        size = (WIDEST_PX, round(pair.shape[0] * WIDEST_PX / pair.shape[1]))
        return np.asarray(cv2.resize(pair, size, interpolation=cv2.INTER_AREA), np.uint8)

    def show(
        self, found: FramePoses, frame: SourceFrame, drawn: Images | None, dropped: int, text: str
    ) -> None:
        """Show a frame.

        Args:
            found: The net's people.
            frame: Of the source.
            drawn: With the people drawn in; None: it was not drawn.
            dropped: Frames of a camera that were dropped up to now.
            text: The running figures of the comparison.
        """
        if self._page is not None:
            more: dict[str, Any] = {"dropped": dropped}
            if self.agreement is not None:
                more["agreement"] = text
                more["sensor"] = [_rows(person.keypoints_px) for person in frame.sensor]
            self._page.show(found, frame.image, more)
        if self._window is not None and drawn is not None and drawn.size:
            self._window.show(drawn)

    def close(self) -> None:
        """End the page and the window."""
        self._open.close()


def _rows(pose: np.ndarray[Any, np.dtype[np.float64]]) -> list[list[float] | None]:
    """Return x and y of each keypoint; None where the sensor does not know it."""
    return [
        [round(float(x), 2), round(float(y), 2)] if np.isfinite(x + y) else None for x, y in pose
    ]
