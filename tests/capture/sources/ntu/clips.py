"""Makes small NTU clips: each picture carries its frame number in black and white blocks."""

import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

SIZE = (1920, 1080)
BITS = 8
JOINT = "0.1 0.2 3.0 200 100 {x} 500 1 0 0 0 2"
FrameBytes = Callable[[int, bytes], bytes | None]


def stamped(k: int) -> np.ndarray:
    """Return a picture that shows frame number ``k``."""
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    image[200:, :, 1] = np.linspace(40, 200, SIZE[0], dtype=np.uint8)
    cv2.circle(image, (200 + 12 * k, 600), 90, (200, 80, 240), -1)
    for bit in range(BITS):
        if k >> bit & 1:
            image[:64, 64 * bit : 64 * bit + 64] = 255
    return image


def number_of(image: np.ndarray) -> int:
    """Return the frame number that a picture shows."""
    return sum(1 << b for b in range(BITS) if image[32, 64 * b + 32].mean() > 127)


def write_skeleton(path: Path, frames: int) -> None:
    """Write a .skeleton file; the joints of frame k are at pixel x = k."""
    text = [str(frames)]
    for k in range(frames):
        text += ["1", "7205 0 1 1 1 1 0 0.1 0.2 2", "25", *[JOINT.format(x=k)] * 25]
    path.write_text("\n".join(text) + "\n")


def write_avi(path: Path, frames: int, fourcc: str = "MJPG", size: tuple[int, int] = SIZE) -> None:
    """Write a video of numbered pictures."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*fourcc), 30, size)
    assert writer.isOpened()
    for k in range(frames):
        image = stamped(k)
        writer.write(image if size == SIZE else cv2.resize(image, size))
    writer.release()


def rewrite(path: Path, change: FrameBytes, *, index: bool = True, promised: int = -1) -> None:
    """Write an AVI file again with some chunks changed.

    Args:
        path: The file.
        change: Takes a frame's number and its chunk; returns the new chunk, None to leave it out.
        index: Whether the file keeps an index.
        promised: Number of frames for the header; -1: as it was.
    """
    data = path.read_bytes()
    start = data.index(b"movi")
    at, movi, entries, k = start + 4, b"movi", b"", 0
    while data[at : at + 4] in (b"00dc", b"00db"):
        (size,) = struct.unpack("<I", data[at + 4 : at + 8])
        chunk = change(k, data[at + 8 : at + 8 + size])
        k, at = k + 1, at + 8 + size + size % 2
        if chunk is None:
            continue
        entries += b"00dc" + struct.pack("<III", 16, len(movi), len(chunk))
        movi += b"00dc" + struct.pack("<I", len(chunk)) + chunk + b"\0" * (len(chunk) % 2)
    head = bytearray(data[: start - 8])
    if promised >= 0:
        stream = head.index(b"strh") + 8
        head[stream + 32 : stream + 36] = struct.pack("<I", promised)
    out = head + b"LIST" + struct.pack("<I", len(movi)) + movi
    if index:
        out += b"idx1" + struct.pack("<I", len(entries)) + entries
    out[4:8] = struct.pack("<I", len(out) - 8)
    path.write_bytes(out)
