"""Detectors by name, kincap's own from a checkpoint too."""

from pathlib import Path
from typing import Final

import torch

from ..engines.detection import Detector
from ..engines.detectors import make_detector
from ..engines.engine import Floats
from ..engines.own_detector import OwnDetector
from ..train.detect.checkpoint import DetectorCheckpoint, load_detector
from ..train.detect.net import HEIGHT_PX, WIDTH_PX

CHECKPOINT: Final = ".ckpt"


def open_detector(text: str) -> Detector:
    """Return the detector that ``--detector`` names.

    Args:
        text: ``NAME`` or ``NAME:ARGUMENT``; ``own:FILE.ckpt`` runs with torch.

    Raises:
        KincapError: There is no such detector, or its argument is wrong.
    """
    name, _, argument = text.partition(":")
    if name == "own" and argument.endswith(CHECKPOINT):
        return torch_detector(load_detector(Path(argument)))
    return make_detector(text)


def torch_detector(detector: DetectorCheckpoint) -> OwnDetector:
    """Return the detector of a checkpoint, run with torch on the CPU."""
    net = detector.deploy()

    def heads(pixels: Floats) -> tuple[Floats, Floats]:
        with torch.inference_mode():
            scores, boxes = net(torch.from_numpy(pixels))
        return scores.numpy(), boxes.numpy()

    return OwnDetector(heads, (WIDTH_PX, HEIGHT_PX), detector.threshold)
