"""A split of a data set as torch takes it."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from ..core.errors import DatasetError
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..dataset.kinect13.reader import open_kinect13
from ..train.data import read_targets, to_pixels


class TorchRows(TorchDataset[dict[str, Tensor]]):
    """A map-style dataset; a sample is a dict of tensors.

    - ``image``: (3, S, S) float32, RGB, ``(v - 127) / 128``, as kincap's nets take it.
    - ``keypoints``: (K, 2) float32 in crop units (0 and 1 are the edges); 0.5 if not labelled.
    - ``visibility``: (K,) uint8: 0 not labelled, 1 occluded or inferred, 2 visible.
    - ``weight``: (K,) float32, 0 if not labelled.

    Args:
        path: A kinect13.h5.
        split: Which split.
        size: Side of the images, pixels; that of the crops where None.
        skeleton: The K keypoints that the file must have.

    Raises:
        DatasetError: The file is not a data set, has no such split, or the split is empty.
    """

    def __init__(
        self, path: Path, split: str, size: int | None = None, skeleton: Skeleton = KEYPOINTS_13
    ) -> None:
        self.path, self.split, self.size, self.skeleton = path, split, size, skeleton
        self._open()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{self.path}: {self.split} has {len(self)} rows, not {index}")
        index %= len(self)
        image = self._rows.images([index])
        if self.size is not None and self.size != self._rows.size:
            method = cv2.INTER_AREA if self.size < self._rows.size else cv2.INTER_LINEAR
            image = cv2.resize(image[0], (self.size, self.size), interpolation=method)[None]
        return {
            "image": to_pixels(image, torch.device("cpu"))[0].contiguous(),
            "keypoints": torch.from_numpy(self._targets[index].copy()),
            "visibility": torch.from_numpy(np.array(self._rows.visibility[index])),
            "weight": torch.from_numpy(self._weight[index].copy()),
        }

    def __getstate__(self) -> dict[str, Any]:
        # an open file can't go to another process
        return {name: getattr(self, name) for name in ("path", "split", "size", "skeleton")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.split = state["path"], state["split"]
        self.size, self.skeleton = state["size"], state["skeleton"]
        self._open()

    def _open(self) -> None:
        self._file = open_kinect13(self.path, self.skeleton)
        self._rows = self._file.split(self.split)
        if not len(self._rows):
            raise DatasetError(f"{self.path}: its {self.split} split is empty")
        self._targets, self._weight = read_targets(self._rows)
