"""A built data set for notebooks and scripts: its rows, as a table, and for torch."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..core.closing import Closing
from ..core.errors import DatasetError
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..dataset.kinect13.format import CROPS, LAYOUTS
from ..dataset.kinect13.reader import Split, open_kinect13
from .tables import split_table

if TYPE_CHECKING:
    import pandas as pd

    from .torch_rows import TorchRows


@dataclass(frozen=True)
class DatasetRow:
    """One sample.

    Attributes:
        image: (S, S, 3) uint8, RGB, the crop around a person.
        keypoints_px: (13, 2) float32, pixels of the crop; (-1, -1) where visibility is 0.
        visibility: (13,) uint8: 0 not labelled, 1 occluded or inferred, 2 visible.
        weight: (13,) float32 in [0, 1]; the weight of each keypoint in a loss.
        bbox_xyxy_px: (4,) float32, the crop in the un-mirrored colour image.
        session: Name of the session that it comes from.
        take: Its take.
        color_seq: Number of its colour frame in the session.
        time_s: Seconds since the take's first colour frame.
    """

    image: npt.NDArray[np.uint8]
    keypoints_px: npt.NDArray[np.float32]
    visibility: npt.NDArray[np.uint8]
    weight: npt.NDArray[np.float32]
    bbox_xyxy_px: npt.NDArray[np.float32]
    session: str
    take: int
    color_seq: int
    time_s: float


class Dataset(Closing):
    """A kinect13.h5 that is open for reading; ``kincap.open_dataset`` makes it.

    Close it, or use it in a with statement.

    Attributes:
        path: The file.
        keypoint_names: Names of the keypoints, in order.
    """

    def __init__(self, path: Path, skeleton: Skeleton = KEYPOINTS_13) -> None:
        self.path = path
        self._file = open_kinect13(path, skeleton, layouts=LAYOUTS)
        self.keypoint_names = self._file.meta.skeleton.points

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name} {len(self._file.split(name))}" for name in self.splits)
        return f"<kincap data set {str(self.path)!r}: {sizes}>"

    def close(self) -> None:
        """Close the file; arrays already read stay."""
        self._file.close()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that it has, of train, val and test."""
        return self._file.splits

    @property
    def size(self) -> int:
        """Side of the crops, pixels."""
        return self._file.size

    @property
    def layout(self) -> str:
        """``crops``, or ``full``: whole frames with all their people."""
        return self._file.layout

    @property
    def margin(self) -> float:
        """Side of the stored images, in sides of the crop; see ``Split.wide_images``."""
        return self._file.margin

    @property
    def sources(self) -> list[dict[str, Any]]:
        """The sessions that it was built from: name, uuid, outfit, checksums."""
        return self._file.meta.sources

    @property
    def counts(self) -> dict[str, Any]:
        """Numbers of candidates: kept, and rejected by reason."""
        return self._file.meta.counts

    def rows(self, split: str) -> Split:
        """Return a split: its tables as arrays, and its crops by ``images(indices)``.

        ``wide_images(indices)`` gives the crops with their margin where the data set has one.

        Raises:
            DatasetError: It has no such split.
        """
        return self._file.split(split)

    def row(self, split: str, index: int) -> DatasetRow:
        """Return one sample.

        Raises:
            DatasetError: It has no such split.
            IndexError: The split has no such row.
        """
        rows = self.rows(split)
        self._check_crops()
        if index < 0:
            index += len(rows)
        return DatasetRow(
            image=rows.images([index])[0],
            keypoints_px=rows.keypoints_px[index].copy(),
            visibility=rows.visibility[index].copy(),
            weight=rows.weight[index].copy(),
            bbox_xyxy_px=rows.bbox_xyxy_px[index].copy(),
            session=self._file.meta.sessions[int(rows.session[index])],
            take=int(rows.take[index]),
            color_seq=int(rows.color_seq[index]),
            time_s=float(rows.time_s[index]),
        )

    def _check_crops(self) -> None:
        """Refuse whole frames, of which a row has several people."""
        if self._file.layout != CROPS:
            raise DatasetError(
                f"{self.path}: holds whole frames with several people in a row; use rows(), or "
                "build it without --layout full"
            )

    def table(self, split: str) -> "pd.DataFrame":
        """Return a split as a table for pandas, a row for each sample, without the crops.

        Raises:
            DatasetError: It has no such split.
        """
        self._check_crops()
        return split_table(self._file, split)

    def torch(self, split: str, size: int | None = None) -> "TorchRows":
        """Return a split as a map-style dataset for torch's ``DataLoader``.

        It opens the file itself, so it outlives this object and can go to other processes.

        Args:
            split: Which split.
            size: Side of the images, pixels; that of the crops where None. Images of another size
                are resized when they are read.

        Raises:
            DatasetError: It has no such split, or the split is empty.
        """
        from .torch_rows import TorchRows

        return TorchRows(self.path, split, size, self._file.meta.skeleton)


def open_dataset(path: str | os.PathLike[str], skeleton: Skeleton = KEYPOINTS_13) -> Dataset:
    """Open a data set that ``kincap build`` made.

    Args:
        path: The file, for example ``"kinect13.h5"``.
        skeleton: The keypoints that it must have.

    Raises:
        DatasetError: It is missing, damaged, another kind of file or of another version.
    """
    return Dataset(Path(path), skeleton)
