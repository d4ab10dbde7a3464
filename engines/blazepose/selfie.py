"""A person's mask where the sensor's is missing: the selfie segmentation net."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..engine import Images
from ..litert import LitertNet, check_litert
from ..rotated_crop import cut_region, region_of_box
from ..weights.packages import BLAZEPOSE, SELFIE
from ..weights.store import weights_file

SIZE: Final = 256


class SelfieMask:
    """The selfie segmentation net.

    Args:
        folder: The folder of weights; None: this user's.

    Raises:
        MissingPartError: LiteRT or the weights are missing.
    """

    def __init__(self, folder: Path | None = None) -> None:
        check_litert("selfie segmentation")
        self._net = LitertNet(weights_file(BLAZEPOSE, SELFIE, folder))

    def mask(self, crop: Images) -> npt.NDArray[np.float32]:
        """Return the share (S, S) of each pixel of a crop (S, S, 3) that belongs to the person."""
        side = crop.shape[0]
        whole = np.array([-0.5, -0.5, side - 0.5, side - 0.5])
        small = cut_region(crop, region_of_box(whole), SIZE)
        found = self._net.run(small[None].astype(np.float32) / np.float32(255))[0][0, :, :, 0]
        if side == SIZE:
            return np.clip(found, 0, 1)
        method = cv2.INTER_AREA if side < SIZE else cv2.INTER_LINEAR
        return np.clip(cv2.resize(found, (side, side), interpolation=method), 0, 1)
