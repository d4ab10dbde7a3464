"""Detectors by name: ``whole``, ``box:x,y,w,h``, ``own:FILE``, ``blazepose`` and ``onnx:FILE``."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from ..core.errors import KincapError
from .detection import Detection, Detector
from .engine import Images
from .onnx_nets.onnx_detector import OnnxDetector
from .own_detector import OwnDetector, open_own_onnx
from .teacher_process import TeacherProcess


class WholeImage:
    """Takes the whole image for one person: for pictures of a single person who fills them."""

    name = "whole"

    def detect(self, image: Images) -> list[Detection]:
        """Return the box of the image."""
        height, width = image.shape[:2]
        box = np.array([-0.5, -0.5, width - 0.5, height - 0.5])
        return [Detection(box, 1.0, is_rough=True)]


class FixedBox:
    """Takes one box that the user gave, for a person who stays in a place.

    Args:
        text: ``x,y,w,h``, pixels.

    Raises:
        KincapError: It is not four numbers, or has no area.
    """

    name = "box"

    def __init__(self, text: str) -> None:
        try:
            x, y, width, height = (float(part) for part in text.split(","))
        except ValueError:
            raise KincapError(
                f"--detector: box:{text} is not four numbers; write box:x,y,width,height"
            ) from None
        if not all(map(math.isfinite, (x, y, width, height))) or width < 1 or height < 1:
            raise KincapError(
                f"--detector: box:{text} has no area; write box:x,y,width,height in pixels"
            )
        self._box = np.array([x - 0.5, y - 0.5, x + width - 0.5, y + height - 0.5])

    def detect(self, image: Images) -> list[Detection]:
        """Return the box."""
        return [Detection(self._box.copy(), 1.0)]


def _own(text: str) -> OwnDetector:
    if not text:
        raise KincapError(
            "--detector: own without a file; write own:FILE, the .ckpt of kincap finetune --task "
            "detect or its ONNX file"
        )
    return open_own_onnx(Path(text))


DETECTORS: Final[dict[str, Callable[[str], Detector]]] = {
    "whole": lambda _: WholeImage(),
    "box": FixedBox,
    "own": _own,
    "blazepose": lambda _: TeacherProcess("blazepose"),
    "onnx": OnnxDetector,
}
"""From a detector's name to what makes it from the text after the colon."""


def make_detector(text: str) -> Detector:
    """Return the detector that ``--detector`` names.

    Args:
        text: ``NAME`` or ``NAME:ARGUMENT``.

    Raises:
        KincapError: There is no such detector, or its argument is wrong.
    """
    name, _, argument = text.partition(":")
    if name not in DETECTORS:
        raise KincapError(f"--detector: there is no {name!r}; choose one of {', '.join(DETECTORS)}")
    return DETECTORS[name](argument)
