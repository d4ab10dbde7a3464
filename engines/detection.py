"""The interface of every detector of people."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .engine import Images


@dataclass(frozen=True)
class Detection:
    """A person that a detector found.

    Attributes:
        bbox_xyxy_px: (4,) float64, the tight box, pixels of the image.
        score: In [0, 1], higher is surer.
        is_rough: True if the box may be much larger than the person.
    """

    bbox_xyxy_px: npt.NDArray[np.float64]
    score: float
    is_rough: bool = False


class Detector(Protocol):
    """Finds people in whole images.

    Attributes:
        name: As ``--detector`` takes it.
    """

    name: str

    def detect(self, image: Images) -> list[Detection]:
        """Return the people in an image (H, W, 3) uint8, RGB, the surest first."""
