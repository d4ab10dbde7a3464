"""A preview's frame on its way to the window's process: what is sent, and how it is drawn."""

import json
import struct
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt

from ....core.skeleton import KINECT_V2_SKELETON, TrackingState
from ...live.observers import Picture
from ...live.status import LiveStatus
from ..terminal.status_text import STATE_WORDS, clock_text, troubles

_HEAD: Final = struct.Struct("<II")
_MOST_BYTES: Final = 64 << 20

_GREEN, _YELLOW, _RED, _WHITE = (80, 220, 80), (60, 210, 255), (60, 60, 240), (255, 255, 255)
_STATE_COLORS: Final = {"recording": _GREEN, "paused": _YELLOW, "starting": _YELLOW}
_BAND: Final = 130
"""Rows below the picture, for words."""
_FONT: Final = 0
"""cv2.FONT_HERSHEY_SIMPLEX"""


@dataclass(frozen=True)
class PreviewFrame:
    """One frame of the preview.

    Attributes:
        jpeg: The image as it is stored (mirrored on a Kinect, as people know themselves).
        bodies: For each tracked body its joints: x and y in pixels of the image, tracking state.
        state: Of the recording, in words.
        clock: Time recorded, in words.
        big: A word in the middle; "" for none.
        under: A line below it.
        trouble: What the person should look at; "" for nothing.
    """

    jpeg: bytes
    bodies: list[list[tuple[float, float, int]]] = field(default_factory=list)
    state: str = ""
    clock: str = ""
    big: str = ""
    under: str = ""
    trouble: str = ""

    def write(self, to: IO[bytes]) -> None:
        """Write it to a pipe."""
        about = {key: value for key, value in asdict(self).items() if key != "jpeg"}
        text = json.dumps(about, allow_nan=True).encode()
        to.write(_HEAD.pack(len(text), len(self.jpeg)) + text + self.jpeg)
        to.flush()


def read_frame(source: IO[bytes]) -> PreviewFrame | None:
    """Return the next frame of a pipe; None at its end."""
    head = source.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    text, jpeg = _HEAD.unpack(head)
    if text + jpeg > _MOST_BYTES:
        return None
    about, blob = source.read(text), source.read(jpeg)
    if len(about) < text or len(blob) < jpeg:
        return None
    return PreviewFrame(jpeg=blob, **json.loads(about))


def frame_of(picture: Picture, status: LiveStatus) -> PreviewFrame:
    """Return the frame of a picture and the status that belongs to it."""
    card = status.card
    big, under = "", ""
    if status.state in ("waiting", "countdown"):
        big = status.note
    elif card is not None:
        is_on = card["phase"] == "on"
        big = f"{card['name']} {card['left_s']:.0f}" if is_on else card["name"]
        under = card["text"]
    return PreviewFrame(
        jpeg=picture.jpeg,
        bodies=_bodies(picture.bodies),
        state=STATE_WORDS[status.state],
        clock=clock_text(status.elapsed_s),
        big=big,
        under=under,
        trouble="; ".join(troubles(status)),
    )


def _bodies(row: npt.NDArray[Any] | None) -> list[list[tuple[float, float, int]]]:
    """Return the joints of the tracked bodies of a row."""
    if row is None:
        return []
    tracked = row["tracked"][0] == 1
    places = row["joint_color_px"][0][tracked].tolist()
    states = row["joint_state"][0][tracked].tolist()
    return [
        [(x, y, state) for (x, y), state in zip(xy, known, strict=True)]
        for xy, known in zip(places, states, strict=True)
    ]


def draw_frame(frame: PreviewFrame, width: int = 960) -> npt.NDArray[np.uint8] | None:
    """Draw a frame.

    Args:
        frame: What to draw.
        width: Of the drawing, pixels.

    Returns:
        (H, width, 3) BGR, the picture and a band with words below it; None if the image can't be
        decoded.
    """
    import cv2

    image = cv2.imdecode(np.frombuffer(frame.jpeg, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    if image is None:
        return None
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    canvas = np.zeros((height + _BAND, width, 3), np.uint8)
    canvas[:height] = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    scale = width / image.shape[1] / 2
    for body in frame.bodies:
        _draw_body(canvas[:height], body, scale)
    _draw_words(canvas, frame, height)
    return canvas


def _draw_body(
    canvas: npt.NDArray[Any], body: list[tuple[float, float, int]], scale: float
) -> None:
    """Draw bones and joints: green where both ends are tracked, yellow where one is a guess."""
    import cv2

    largest = 4 * max(canvas.shape)
    points: dict[int, tuple[int, int]] = {
        number: (round(x * scale), round(y * scale))
        for number, (x, y, state) in enumerate(body)
        if state != TrackingState.not_tracked and abs(x) < largest and abs(y) < largest
    }
    is_kinect = len(body) == len(KINECT_V2_SKELETON)
    for one, other in KINECT_V2_SKELETON.bone_indices if is_kinect else ():
        if one in points and other in points:
            color = _joint_color(min(body[one][2], body[other][2]))
            cv2.line(canvas, points[one], points[other], color, 2, cv2.LINE_AA)
    for number, point in points.items():
        cv2.circle(canvas, point, 3, _joint_color(body[number][2]), -1, cv2.LINE_AA)


def _joint_color(state: int) -> tuple[int, int, int]:
    return _YELLOW if state == TrackingState.inferred else _GREEN


def _draw_words(canvas: npt.NDArray[Any], frame: PreviewFrame, top: int) -> None:
    """Write state, time, trouble and card below the picture, from the row ``top`` on."""
    width = canvas.shape[1]
    color = _STATE_COLORS.get(frame.state, _WHITE)
    _write(canvas, frame.state.upper(), (12, top + 34), 0.8, color)
    _write(canvas, frame.clock, (12, top + 68), 0.8, color)
    if frame.trouble:
        _write(canvas, frame.trouble.upper(), (12, top - 14), 0.8, _RED)
    if frame.big:
        big = frame.big.upper()
        size = min(3.0, 0.6 * width / max(1, _text_width(big, 1.0)))
        _write(canvas, big, ((width - _text_width(big, size)) // 2, top + 82), size, color)
    if frame.under:
        size = min(0.9, 0.94 * width / max(1, _text_width(frame.under, 1.0)))
        left = (width - _text_width(frame.under, size)) // 2
        _write(canvas, frame.under, (left, top + _BAND - 16), size, _WHITE)


def _text_width(text: str, size: float) -> int:
    import cv2

    (width, _), _ = cv2.getTextSize(text, _FONT, size, max(1, round(2 * size)))
    return int(width)


def _write(
    canvas: npt.NDArray[Any],
    text: str,
    place: tuple[int, int],
    size: float,
    color: tuple[int, int, int],
) -> None:
    """Write a text with a dark edge, so that it is read on any background."""
    import cv2

    thick = max(1, round(2 * size))
    cv2.putText(canvas, text, place, _FONT, size, (0, 0, 0), thick + 4, cv2.LINE_AA)
    cv2.putText(canvas, text, place, _FONT, size, color, thick, cv2.LINE_AA)
