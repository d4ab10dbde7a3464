"""The labels of a data set as every export format gets them, and the table of all of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Floats, scale_box, tight_box
from ...core.skeleton import Skeleton
from ..kinect13.reader import Kinect13, Split
from .picture_names import picture_names

if TYPE_CHECKING:
    import pandas as pd

ROW_COLUMNS: Final = (
    "color_seq", "tracking_id", "take", "slot", "time_s", "pair_residual_ms", "quality",
)  # fmt: skip
"""Tables of kinect13.h5 that the table of labels holds as they are."""
DECIMALS: Final = 4
"""Of pixels in text formats."""


@dataclass(frozen=True)
class SplitLabels:
    """The labels of one split: N people, each in one of P pictures.

    Attributes:
        split: ``train``, ``val`` or ``test``.
        pictures: (P,) file names, with their ending.
        folder: Folder of the pictures, relative to the output, with ``/``.
        size_px: Width and height of every picture.
        picture: (N,) index into ``pictures``.
        points: (N, 13, 2) float64, pixels of the picture, pixel centres at integers; (-1, -1)
            where visibility is 0.
        visibility: (N, 13) uint8: 0 unlabelled, 1 occluded or inferred, 2 visible or unknown.
        weight: (N, 13) float32.
        sessions: (N,) names of the sessions or sets.
        columns: ROW_COLUMNS and ``bbox_xyxy_px``, N rows each.
        skeleton: The keypoints.
        mask_px: (N,) float64 pixels of each person's mask in the picture; NaN where it has none.
        rejected: (N,) people that the filters of the build rejected: their keypoints may be wrong.
    """

    split: str
    pictures: tuple[str, ...]
    folder: str
    size_px: tuple[int, int]
    picture: NDArray[np.intp]
    points: Floats
    visibility: NDArray[np.uint8]
    weight: NDArray[np.float32]
    sessions: tuple[str, ...]
    columns: dict[str, NDArray[Any]]
    skeleton: Skeleton
    mask_px: Floats
    rejected: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.points)

    def boxes(self) -> Floats:
        """Return the box of each person, its edges in pixels of the picture.

        Returns:
            (N, 4) float64 x0, y0, x1, y1: the tight box of the labelled keypoints, 1.2 times as
            large, cut at the picture's edges; the whole picture where nothing is labelled.
        """
        box = scale_box(tight_box(self.points, self.visibility > 0))
        width, height = self.size_px
        whole = np.array([-0.5, -0.5, width - 0.5, height - 0.5])
        box = np.where(np.isfinite(box), box, whole)
        low, high = np.tile(whole[:2], 2), np.tile(whole[2:], 2)
        box = np.clip(box, low, high)
        # keypoints outside of the picture may leave nothing inside
        is_empty = np.asarray((box[:, 2:] - box[:, :2] < 1).any(axis=1))
        return np.asarray(np.where(is_empty[:, None], whole, box))


def read_labels(data: Kinect13, split: str, folder: str, ending: str) -> SplitLabels:
    """Return the labels of one split of a data set.

    Args:
        data: The open data set.
        split: Which split.
        folder: Folder of its pictures, relative to the output.
        ending: Of the pictures' file names, with the dot.
    """
    rows = data.split(split)
    sessions = [data.meta.sessions[index] for index in rows.session.tolist()]
    names = picture_names(sessions, rows.color_seq, rows.tracking_id, rows.bbox_xyxy_px)
    return SplitLabels(
        split=split,
        pictures=tuple(name + ending for name in names),
        folder=folder,
        size_px=(rows.size, rows.size),
        picture=np.arange(len(rows)),
        points=np.asarray(rows.keypoints_px, np.float64),
        visibility=rows.visibility,
        weight=rows.weight,
        sessions=tuple(sessions),
        columns={name: getattr(rows, name) for name in (*ROW_COLUMNS, "bbox_xyxy_px")},
        skeleton=data.meta.skeleton,
        mask_px=mask_pixels(rows, np.arange(len(rows)), rows.slot),
        rejected=np.zeros(len(rows), np.bool_),
    )


def mask_pixels(rows: Split, picture: NDArray[np.intp], slot: NDArray[np.uint8]) -> Floats:
    """Return how many pixels of its picture show each of N people.

    Args:
        rows: The split.
        picture: (N,) the picture of each, rising.
        slot: (N,) the value of its pixels in the masks.

    Returns:
        (N,) float64; NaN without masks, and where no pixel is the person's.
    """
    found = np.full(len(picture), np.nan)
    if rows.has_masks:
        for index in np.unique(picture).tolist():
            counts = np.bincount(rows.masks([index]).reshape(-1), minlength=256).astype(np.float64)
            own = picture == index
            found[own] = counts[slot[own]]
        found[found == 0] = np.nan
    return found


def labels_table(splits: Iterable[SplitLabels]) -> "pd.DataFrame":
    """Return all labels as one table: a row for each person, as ``labels.csv`` has it.

    Returns:
        Columns split, picture, width, height, session, those of ROW_COLUMNS, bbox_x0, bbox_y0,
        bbox_x1, bbox_y1, and of each keypoint ``_x``, ``_y`` (pixels of the picture, empty where
        unlabelled), ``_visibility`` and ``_weight``.
    """
    import pandas as pd

    return pd.concat([_split_table(one) for one in splits], ignore_index=True)


def _split_table(one: SplitLabels) -> "pd.DataFrame":
    """Return the table of one split."""
    import pandas as pd

    paths = [f"{one.folder}/{name}" for name in one.pictures]
    columns: dict[str, Any] = {
        "split": one.split,
        "picture": [paths[index] for index in one.picture.tolist()],
        "width": np.full(len(one), one.size_px[0], np.int32),
        "height": np.full(len(one), one.size_px[1], np.int32),
        "session": list(one.sessions),
    }
    columns |= {name: one.columns[name] for name in ROW_COLUMNS}
    for index, edge in enumerate(("x0", "y0", "x1", "y1")):
        columns[f"bbox_{edge}"] = one.columns["bbox_xyxy_px"][:, index]
    points = np.where(one.visibility[..., None] > 0, one.points, np.nan).astype(np.float32)
    for index, name in enumerate(one.skeleton.points):
        columns[f"{name}_x"] = points[:, index, 0]
        columns[f"{name}_y"] = points[:, index, 1]
        columns[f"{name}_visibility"] = one.visibility[:, index]
        columns[f"{name}_weight"] = one.weight[:, index]
    return pd.DataFrame(columns)
