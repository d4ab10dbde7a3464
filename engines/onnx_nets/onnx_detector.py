"""A detector of another project, in an ONNX file."""

from typing import Final

import numpy as np

from ..detection import Detection
from ..engine import Images
from ..own_detector import choose_boxes
from .detector_layouts import DETECTOR_LAYOUTS
from .model import choose_layout

LEAST_SCORE: Final = 0.4


class OnnxDetector:
    """A detector.

    Args:
        text: ``FILE`` or ``LAYOUT:FILE``.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file can't be used, or its layout is not known.
    """

    name = "onnx"

    def __init__(self, text: str) -> None:
        looks_like = {name: one.looks_like for name, one in DETECTOR_LAYOUTS.items()}
        layout, self._model = choose_layout(text, looks_like, "--detector")
        self._layout = DETECTOR_LAYOUTS[layout]

    def detect(self, image: Images) -> list[Detection]:
        """Return the people in an image (H, W, 3) uint8, RGB, the surest first."""
        height, width = image.shape[:2]
        boxes, scores = self._layout.boxes(self._model, image)
        kept = (scores >= LEAST_SCORE) & np.isfinite(boxes).all(axis=1)
        boxes = np.clip(boxes[kept], 0, [width, height, width, height])
        scores = scores[kept]
        chosen = choose_boxes(scores.astype(np.float32), boxes, LEAST_SCORE)
        return [
            Detection(boxes[i] - 0.5, float(np.clip(scores[i], 0, 1)))
            for i in chosen.tolist()
            if (boxes[i, 2:] - boxes[i, :2] >= 1).all()
        ]
