"""The contact sheet of ``kincap predict``: what a person sees of a run."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.predict.outputs.contact_sheet import GRID, ContactSheet
from kincap.predict.outputs.drawing import draw_people
from kincap.predict.outputs.frame_poses import FramePoses
from kincap.predict.tracks import TrackedPerson
from tests.train.people.conftest import UPRIGHT

GREY = 90
SIZE_PX = (1920, 1080)


def standing(number: int, middle: float, top: float, tall: float) -> TrackedPerson:
    """Return a person whose box is no larger than the keypoints."""
    pose = np.array(list(UPRIGHT.values())) * tall + (middle, top)
    box = np.concatenate([pose.min(axis=0), pose.max(axis=0)])
    return TrackedPerson(number, box, "detector", 0.97, pose, np.ones(13, np.float32))


@pytest.mark.parametrize(
    "people",
    [
        (standing(1, 900, 300, 600),),
        (standing(1, 900, 300, 90),),
        (standing(1, 500, 400, 500), standing(22, 1500, 200, 700)),
    ],
    ids=["one", "far away", "two"],
)
def test_people_are_shown_with_their_label_and_nothing_is_cut_off(
    tmp_path: Path, people: tuple[TrackedPerson, ...]
) -> None:
    frame = FramePoses(0, "", 0.0, SIZE_PX, people)
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), GREY, np.uint8)
    sheet = ContactSheet(tmp_path / "sheet.png", "a run")
    sheet.add(draw_people(image, frame), frame)
    sheet.close()
    page = cv2.imread(str(tmp_path / "sheet.png")).astype(int)
    cell = page[GRID.head :, GRID.gap :][: GRID.cell, : GRID.cell]
    is_picture = (np.abs(cell - 225) > 8).any(axis=2)
    rows, columns = (np.flatnonzero(is_picture.any(axis=axis)) for axis in (1, 0))
    picture = cell[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # what is white is the label and, below it, the head
    white = np.flatnonzero((picture > 150).all(axis=2).any(axis=1))
    assert (np.diff(white) > 1).any()
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (np.abs(edge - GREY) < 30).all()
