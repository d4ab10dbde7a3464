"""The labels of whole frames: all people of each frame, and frames without anyone."""

import numpy as np

from ..kinect13.format import LABELLED
from ..kinect13.reader import Kinect13
from .labels import ROW_COLUMNS, SplitLabels, mask_pixels
from .picture_names import frame_names

_OF_PEOPLE = ("tracking_id", "slot", "quality")
"""Of ROW_COLUMNS, those that a frame has once for each person."""


def read_frame_labels(data: Kinect13, split: str, folder: str, ending: str) -> SplitLabels:
    """Return the labels of one split of a data set of whole frames.

    Args:
        data: The open data set.
        split: Which split.
        folder: Folder of its pictures, relative to the output.
        ending: Of the pictures' file names, with the dot.
    """
    rows = data.split(split)
    sessions = [data.meta.sessions[index] for index in rows.session.tolist()]
    frame, place = np.nonzero(rows.person)
    columns = {
        name: getattr(rows, name)[frame, place]
        if name in _OF_PEOPLE
        else getattr(rows, name)[frame]
        for name in ROW_COLUMNS
    }
    columns["bbox_xyxy_px"] = rows.bbox_xyxy_px[frame, place]
    names = frame_names(sessions, rows.color_seq)
    return SplitLabels(
        split=split,
        pictures=tuple(name + ending for name in names),
        folder=folder,
        size_px=data.image_shape.image_px,
        picture=frame,
        points=np.asarray(rows.keypoints_px[frame, place], np.float64),
        visibility=rows.visibility[frame, place],
        weight=rows.weight[frame, place],
        sessions=tuple(sessions[index] for index in frame.tolist()),
        columns=columns,
        skeleton=data.meta.skeleton,
        mask_px=mask_pixels(rows, frame, rows.slot[frame, place]),
        rejected=rows.person[frame, place] != LABELLED,
    )
