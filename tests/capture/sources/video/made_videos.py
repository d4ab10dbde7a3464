"""A made person with moving arms: a laban log of the joints, and a video of the same scene."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from kincap.capture.sources.assumed_projection import default_projection
from kincap.core.skeleton import JOINT
from tests.checks.people import person

SIZE_PX = (320, 180)
STEP_S = 1 / 30


def joints_m(time_s: float) -> np.ndarray:
    """(25, 3) joints at a time, metres; the arms swing, never twice in the same way."""
    joints = person() + [0.0, -1.0, 0.0]
    for side, phase in (("Left", 0.0), ("Right", 1.3)):
        swing = 0.25 * np.sin(2 * np.pi * (0.6 * time_s + 0.04 * time_s**2) + phase)
        for name in ("Wrist", "Hand", "HandTip", "Thumb"):
            joints[JOINT[name + side]] += [swing, 0.1 * abs(swing), 0.0]
    return joints


def write_log(path: Path, seconds: float, start_100ns: int = 5_000_000) -> None:
    """Write a laban log."""
    lines = []
    for k in range(round(seconds / STEP_S)):
        words = [str(start_100ns + round(k * STEP_S * 1e7))]
        for joint in joints_m(k * STEP_S):
            words += [f"{value:.5f}" for value in joint] + ["2"]
        lines.append(",".join(words) + ",\n")
    path.write_text("".join(lines))


def picture(time_s: float, *, mirrored: bool = True) -> np.ndarray:
    """(180, 320, 3) BGR: a disk at every joint."""
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), 60, np.uint8)
    pixels = default_projection().scaled(SIZE_PX).pixels(joints_m(time_s).astype(np.float32))
    for k, (x, y) in enumerate(pixels):
        color = (40 + 8 * k, 255 - 9 * k, 100 + 6 * k)
        cv2.circle(image, (round(float(x)), round(float(y))), 4, color, -1, cv2.LINE_AA)
    return image if mirrored else np.ascontiguousarray(image[:, ::-1])


def write_video(
    path: Path,
    seconds: float,
    codec: str = "mpeg4",
    late_s: float = 0.0,
    *,
    mirrored: bool = True,
    width_px: int = SIZE_PX[0],
) -> None:
    """Write a video whose frame k shows the person ``late_s`` after k frames."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.width, stream.height = width_px, SIZE_PX[1]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.bit_rate = 1_000_000
        stream.codec_context.time_base = Fraction(1, 30)
        for k in range(round(seconds / STEP_S)):
            image = picture(k * STEP_S + late_s, mirrored=mirrored)[:, :width_px]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="bgr24")
            frame.pts = k
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
