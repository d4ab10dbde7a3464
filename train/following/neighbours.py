"""Labels of the frames before and after each row of a data set."""

import numpy as np
import numpy.typing as npt

from ...dataset.kinect13.reader import Split
from .stretches import stretches


def neighbour_poses(
    rows: Split, targets: npt.NDArray[np.float32], labelled: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float32]:
    """Return the labels of the frames before and after each row, in the units of its crop.

    Args:
        rows: A split.
        targets: (N, K, 2) float32, its labels in crop units.
        labelled: (N, K), which are known.

    Returns:
        (N, 2, K, 3) float32: before and after; x, y and 1 where the keypoint is known, else 0.5,
        0.5 and 0. The frame after is one of a motion that runs backwards.
    """
    found = np.zeros((len(rows), 2, targets.shape[1], 3), dtype=np.float32)
    found[..., :2] = 0.5
    boxes = np.asarray(rows.bbox_xyxy_px, dtype=np.float64)
    side = (boxes[:, 2] - boxes[:, 0])[:, None, None]
    px = boxes[:, None, :2] + targets.astype(np.float64) * side
    for one in stretches(rows):
        for where, here, there in ((0, one[1:], one[:-1]), (1, one[:-1], one[1:])):
            moved = (px[there] - boxes[here, None, :2]) / side[here]
            known = labelled[there]
            found[here, where, :, :2] = np.where(known[..., None], moved, 0.5)
            found[here, where, :, 2] = known
    return found
