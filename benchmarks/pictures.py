"""Pictures and body rows for benchmarks that feed the recorder, drawn beforehand."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame, ColorFrame


def draw(path: Path, count: int, persons: int, size_px: tuple[int, int]) -> None:
    """Draw frames with the simulator and keep them in a file that ``load`` reads.

    Args:
        path: The file, ``.npz``.
        count: How many frames.
        persons: How many people are in them, 1 to 6; as many bodies are in the rows.
        size_px: (width, height); the drawn 1920x1080 are shrunk to it.
    """
    width, height = size_px
    pictures = np.empty((count, height, width, 4), np.uint8)
    rows = []
    spec = f"simulator:outfit=3,seed=1,persons={persons},frames={count},pace=fast"
    for item in open_source(spec).items():
        if isinstance(item, ColorFrame) and item.image is not None:
            image = item.image
            if image.shape[:2] != (height, width):
                image = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)
            pictures[len(rows)] = image
        elif isinstance(item, BodyFrame):
            item.row["joint_color_px"] *= width / 1920
            rows.append(item.row)
    np.savez(path, pictures=pictures, rows=np.concatenate(rows))


def load(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """Return what ``draw`` kept.

    Returns:
        (N, height, width, 4) uint8 BGRA, and (N,) BODIES_DTYPE.
    """
    with np.load(path) as file:
        return file["pictures"], file["rows"]
