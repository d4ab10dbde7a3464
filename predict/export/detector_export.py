"""The detector of people as an ONNX file."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ... import __version__
from ...engines.onnx_engine import open_session, to_pixels
from ...engines.own_detector import DETECTOR_SCHEMA
from ...train.detect.checkpoint import DetectorCheckpoint
from ...train.detect.net import HEIGHT_PX, WIDTH_PX
from .onnx_file import BATCH, write_onnx

CHECKED_IMAGES: Final = 8


def write_detector(path: Path, detector: DetectorCheckpoint) -> None:
    """Write a detector as one ONNX file.

    Raises:
        MissingPartError: A library of the export is not installed.
    """
    pixels = torch.zeros(BATCH, 3, HEIGHT_PX, WIDTH_PX)
    write_onnx(path, detector.deploy(), pixels, ("scores", "boxes"), detector_metadata(detector))


def detector_metadata(detector: DetectorCheckpoint) -> dict[str, Any]:
    """Return the metadata of an exported detector."""
    return {
        "schema": DETECTOR_SCHEMA,
        "kincap_version": __version__,
        "torch_version": torch.__version__,
        "size_px": [WIDTH_PX, HEIGHT_PX],
        "threshold": detector.threshold,
        "input": "pixels: (N, 3, H, W), RGB, (v - 127) / 128 of bytes v; the image scaled to fit, "
        "in the middle of 127",
        "outputs": "scores: (N, M) in 0 to 1; boxes: (N, M, 4) xyxy, input pixels",
    }


def check_detector_file(path: Path, detector: DetectorCheckpoint) -> tuple[int, float, float]:
    """Compare an exported detector with torch.

    Returns:
        Number of images, the largest difference of a box in widths of the input, and of a score.
    """
    coarse = np.random.default_rng(0).integers(0, 256, (CHECKED_IMAGES, 10, 16, 3), np.uint8)
    images = coarse.repeat(HEIGHT_PX // 10, axis=1).repeat(WIDTH_PX // 16, axis=2)
    pixels = to_pixels(images)
    with torch.inference_mode():
        scores, boxes = (out.numpy() for out in detector.deploy()(torch.from_numpy(pixels)))
    found = open_session(path).run(["scores", "boxes"], {"pixels": pixels})
    most = [float(np.abs(a - b).max()) for a, b in zip((scores, boxes), found, strict=True)]
    of_scores, of_boxes = (value if np.isfinite(value) else float("inf") for value in most)
    return CHECKED_IMAGES, of_boxes / WIDTH_PX, of_scores
