"""Tables for pandas: a session and a split of a data set, one row for each thing they hold."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..core.skeleton import JOINT_NAMES, KEYPOINT_NAMES
from .session_records import SessionJoints, SessionKeypoints

Array = npt.NDArray[Any]

if TYPE_CHECKING:
    import pandas as pd

    from ..dataset.kinect13.reader import Kinect13


def frames_table(found: SessionKeypoints) -> "pd.DataFrame":
    """Return a row for each colour frame."""
    import pandas as pd

    return pd.DataFrame(
        {
            "seq": found.seq,
            "take": found.take,
            "time_s": found.time_s,
            "bodies": found.tracked.sum(axis=1),
        }
    )


def joints_table(found: SessionJoints) -> "pd.DataFrame":
    """Return a row for each joint of each tracked body."""
    row, slot = np.nonzero(found.tracked)
    values: dict[str, Array] = {
        "x_m": found.xyz_m[row, slot, :, 0],
        "y_m": found.xyz_m[row, slot, :, 1],
        "z_m": found.xyz_m[row, slot, :, 2],
        "x_px": found.px[row, slot, :, 0],
        "y_px": found.px[row, slot, :, 1],
        "state": found.state[row, slot],
    }
    return _long(found, row, slot, "joint", JOINT_NAMES, values)


def keypoints_table(found: SessionKeypoints) -> "pd.DataFrame":
    """Return a row for each keypoint of each tracked body in each colour frame."""
    row, slot = np.nonzero(found.tracked)
    values: dict[str, Array] = {
        "x_px": found.px[row, slot, :, 0],
        "y_px": found.px[row, slot, :, 1],
        "visibility": found.visibility[row, slot],
    }
    return _long(found, row, slot, "keypoint", KEYPOINT_NAMES, values)


def _long(
    found: SessionJoints | SessionKeypoints,
    row: Array,
    slot: Array,
    point: str,
    names: Sequence[str],
    values: dict[str, Array],
) -> "pd.DataFrame":
    """Return a table with one row for each point of each body."""
    import pandas as pd

    def each(column: Array) -> Array:
        return np.repeat(column, len(names))

    return pd.DataFrame(
        {
            "seq": each(found.seq[row]),
            "take": each(found.take[row]),
            "time_s": each(found.time_s[row]),
            "slot": each(slot),
            "tracking_id": each(found.tracking_id[row, slot]),
            point: pd.Categorical.from_codes(
                np.tile(np.arange(len(names)), len(row)), pd.Index(names)
            ),
            **{name: np.ascontiguousarray(column).ravel() for name, column in values.items()},
        }
    )


def records_table(records: Sequence[Any], kind: type[Any]) -> "pd.DataFrame":
    """Return records of a dataclass as a table, which has its columns even without rows."""
    import pandas as pd

    rows = [asdict(record) for record in records]
    return pd.DataFrame(rows, columns=list(kind.__dataclass_fields__))


def split_table(data: "Kinect13", split: str) -> "pd.DataFrame":
    """Return a split as a table with a row for each sample; points become columns.

    Raises:
        DatasetError: The data set has no such split.
    """
    import pandas as pd

    rows = data.split(split)
    sessions = pd.Categorical.from_codes(
        np.asarray(rows.session, np.int64), pd.Index(data.meta.sessions)
    )
    columns: dict[str, Any] = {
        "session": sessions,
        "take": rows.take,
        "color_seq": rows.color_seq,
        "time_s": rows.time_s,
        "slot": rows.slot,
        "tracking_id": rows.tracking_id,
        "pair_residual_ms": rows.pair_residual_ms,
        "quality": rows.quality,
    }
    for index, edge in enumerate(("x0", "y0", "x1", "y1")):
        columns[f"bbox_{edge}_px"] = rows.bbox_xyxy_px[:, index]
    for index, name in enumerate(data.meta.skeleton.points):
        columns[f"{name}_x_px"] = rows.keypoints_px[:, index, 0]
        columns[f"{name}_y_px"] = rows.keypoints_px[:, index, 1]
        columns[f"{name}_visibility"] = rows.visibility[:, index]
        columns[f"{name}_weight"] = rows.weight[:, index]
    return pd.DataFrame(columns)
