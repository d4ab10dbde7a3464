"""Examples of candidates that were left out, a few for each reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import image_to_crop, snapped_xyxy
from ..boxes import person_boxes
from ..crop import PictureSource
from ..faces.regions import faces_in_crop
from ..filters import REASONS
from ..rows import SessionPlan, session_pictures

EXAMPLES: Final = 4
"""For each reason."""
EXAMPLE_PX: Final = 320
FEWEST_KEYPOINTS: Final = 3


@dataclass(frozen=True)
class Rejected:
    """One candidate that was left out.

    Attributes:
        reason: The reason that it is counted under.
        caption: Where it comes from.
        pictures: Source of its one picture.
        keypoints_px: (13, 2) pixels of a crop of ``EXAMPLE_PX``; NaN for no position.
        visibility: (13,) uint8.
        trusted: (13,) bool.
        faces_px: (P, 3) disks over the faces of all people of the frame, x, y, radius; NaN: the
            face may be anywhere.
    """

    reason: str
    caption: str
    pictures: PictureSource
    keypoints_px: NDArray[np.float64]
    visibility: NDArray[np.uint8]
    trusted: NDArray[np.bool_]
    faces_px: NDArray[np.float64]


def rejected_examples(sessions: Sequence[SessionPlan]) -> tuple[Rejected, ...]:
    """Choose examples, spread evenly over the candidates of each reason.

    Args:
        sessions: All sessions of a build, with every candidate's destination.
    """
    found = []
    for reason in REASONS:
        places = [np.flatnonzero(one.goes_to == reason) for one in sessions]
        ends = np.cumsum([0, *(len(place) for place in places)])
        if not ends[-1]:
            continue
        for chosen in np.unique(np.linspace(0, ends[-1] - 1, EXAMPLES).round().astype(int)):
            session = int(np.searchsorted(ends, chosen, side="right")) - 1
            row = int(places[session][chosen - ends[session]])
            found.append(_example(sessions[session], row, reason))
    return tuple(found)


def _example(one: SessionPlan, row: int, reason: str) -> Rejected:
    """Return one candidate as an example."""
    candidates, recording = one.candidates, one.recording
    width, height = recording.size_px
    # no one to cut out: the whole image
    placed = np.array([[0, (height - width) // 2, width]], np.int64)
    points, visibility = candidates.points[[row]], candidates.visibility[[row]]
    if (visibility > 0).sum() >= FEWEST_KEYPOINTS:
        # around all keypoints: trusted ones alone can be one ankle
        placed = person_boxes(points, visibility, visibility > 0)
    pictures = replace(
        session_pictures(one, np.array([row], np.intp)), placed=placed[:, [0, 1, 2, 2]]
    )
    box = snapped_xyxy(placed)
    people = np.flatnonzero(candidates.frame == candidates.frame[row])
    seq = int(recording.color["seq"][candidates.frame[row]])
    return Rejected(
        reason=reason,
        caption=f"{recording.name}, frame {seq}",
        pictures=pictures,
        keypoints_px=image_to_crop(points, box, EXAMPLE_PX)[0],
        visibility=candidates.visibility[row],
        trusted=candidates.trusted[row],
        faces_px=faces_in_crop(
            candidates.points[people], candidates.visibility[people], box, EXAMPLE_PX
        ),
    )
