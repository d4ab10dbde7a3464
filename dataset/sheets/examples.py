"""A sheet of examples from a data set, to be looked at before anything is trained on it."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ...core.errors import DatasetError
from ...core.png import mark_png
from ...core.skeleton import Skeleton, side_of
from ..faces.blur import FaceBlur
from ..kinect13.reader import Kinect13, Split
from ..outputs import SHEET_MAKER
from .page import SHIFT, Colour, Grid, Image, Page, as_cell

EXAMPLES: Final = 12
COLUMNS: Final = 4
GRID: Final = Grid(cell=320, gap=12, head=84, foot=26)

INK: Final = (45, 45, 45)
GREY: Final = (120, 120, 120)
RIGHT: Final = (40, 130, 255)
LEFT: Final = (235, 165, 30)
MIDDLE: Final = (245, 245, 245)
"""Colours, BGR: orange is the person's own right side, blue the left."""

DASH_PX: Final = 7


@dataclass(frozen=True)
class Example:
    """One row of the data set: its split and its number there."""

    split: Split
    row: int


def draw_sheet(dataset: Kinect13, faces: FaceBlur | None = None) -> bytes:
    """Draw examples, spread evenly over each split.

    Args:
        dataset: An open data set.
        faces: Blurs the faces; None: they are shown.

    Returns:
        A PNG with kincap's mark.

    Raises:
        DatasetError: It could not be encoded (exit 1).
    """
    examples = choose_examples(dataset, EXAMPLES)
    page = Page(GRID, COLUMNS, len(examples))
    _head(page, dataset)
    for index, example in enumerate(examples):
        cell = draw_example(example.split, example.row, dataset.meta.skeleton, faces)
        page.put(index, cell, _caption(dataset, example), 0.45, GREY)
    done, png = cv2.imencode(".png", page.image)
    if not done:
        raise DatasetError(f"{dataset.path}: its sheet could not be encoded", exit_code=1)
    return mark_png(png.tobytes(), SHEET_MAKER)


def choose_examples(dataset: Kinect13, count: int) -> list[Example]:
    """Return up to ``count`` rows: of each split its share, at least one, evenly over it."""
    splits = [split for name in dataset.splits if len(split := dataset.split(name))]
    total = sum(len(split) for split in splits)
    shares = [max(1, round(count * len(split) / total)) for split in splits]
    # rounding may give one too many or too few: the largest split evens it out
    shares[int(np.argmax(shares))] += count - sum(shares)
    chosen = []
    for split, share in zip(splits, shares, strict=True):
        rows = np.linspace(0, len(split) - 1, max(1, min(share, len(split)))).round()
        chosen += [Example(split, int(row)) for row in np.unique(rows)]
    return chosen


def draw_example(
    split: Split, row: int, skeleton: Skeleton, faces: FaceBlur | None = None
) -> Image:
    """Return one picture with its keypoints.

    Args:
        split: Of an open data set.
        row: Which row.
        skeleton: Its keypoints.
        faces: Blurs the faces; None: they are shown.

    Returns:
        (320, 320, 3) uint8, BGR. Keypoints that training ignores are hollow, their limbs dashed.
    """
    points = split.keypoints_px[row].astype(np.float64)
    there, trusted = split.visibility[row] > 0, split.weight[row] > 0
    picture = shown_picture(split, row, faces)
    if points.ndim == 2:
        return draw_person(picture, points, there, trusted, skeleton)
    # a whole frame with all its people, in the middle of a square
    height, width = picture.shape[:2]
    side = max(height, width)
    left, top = (side - width) // 2, (side - height) // 2
    square = np.zeros((side, side, 3), np.uint8)
    square[top : top + height, left : left + width] = picture
    cell = as_cell(square, GRID.cell)
    for person in range(int(split.people[row])):
        at = _in_cell(points[person] + (left, top), side)
        _draw(cell, at, there[person], trusted[person], skeleton)
    return cell


def shown_picture(split: Split, row: int, faces: FaceBlur | None) -> Image:
    """Return the picture of a row, (S, S, 3) uint8, RGB, with blurred faces where asked for."""
    images = split.images([row])
    if faces is not None:
        images = faces.blurred(split, np.array([row]), images)
    return np.asarray(images[0], np.uint8)


def draw_person(
    picture: Image,
    points: npt.NDArray[np.float64],
    there: npt.NDArray[np.bool_],
    trusted: npt.NDArray[np.bool_],
    skeleton: Skeleton,
) -> Image:
    """Return a picture with keypoints.

    Args:
        picture: (S, S, 3) uint8, RGB.
        points: (K, 2) its pixels.
        there: (K,) which keypoints to draw.
        trusted: (K,) those that training does not ignore.
        skeleton: The keypoints.

    Returns:
        (320, 320, 3) uint8, BGR. Keypoints that training ignores are hollow, their limbs dashed.
    """
    cell = as_cell(picture, GRID.cell)
    _draw(cell, _in_cell(points, len(picture)), there, trusted, skeleton)
    return cell


def _in_cell(points: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
    """Return pixels of a square picture in pixels of its cell."""
    return (points + 0.5) * GRID.cell / side - 0.5


def _draw(
    cell: Image,
    at: npt.NDArray[np.float64],
    there: npt.NDArray[np.bool_],
    trusted: npt.NDArray[np.bool_],
    skeleton: Skeleton,
) -> None:
    """Draw the keypoints of a person, (K, 2) pixels of the cell."""
    colours = [_colour(name) for name in skeleton.points]
    # first all in dark and wider: an outline, so that a colour shows on a garment of that colour
    for wider in (True, False):
        for a, b in skeleton.bone_indices:
            if there[a] and there[b]:
                ink = INK if wider else colours[b]
                _limb(cell, at[a], at[b], bool(trusted[a] and trusted[b]), ink, wider)
    for k in np.flatnonzero(there):
        _dot(cell, at[k], bool(trusted[k]), colours[k])


def _colour(keypoint: str) -> Colour:
    """Return the colour of a keypoint's side."""
    return {"right": RIGHT, "left": LEFT}.get(side_of(keypoint) or "", MIDDLE)


def _limb(
    cell: Image,
    begin: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    trusted: bool,
    ink: Colour,
    wider: bool,
) -> None:
    """Draw a line, dashed where an end is not trusted."""
    width = 4 if wider else 2
    if trusted:
        cv2.line(cell, _fixed(begin), _fixed(end), ink, width, cv2.LINE_AA, SHIFT)
        return
    dashes = max(1, int(np.linalg.norm(end - begin) / DASH_PX))
    for dash in range(0, dashes, 2):
        a, b = (begin + (end - begin) * min(n / dashes, 1) for n in (dash, dash + 1))
        cv2.line(cell, _fixed(a), _fixed(b), ink, width, cv2.LINE_AA, SHIFT)


def _dot(cell: Image, at: npt.NDArray[np.float64], trusted: bool, ink: Colour) -> None:
    """Draw a keypoint, hollow where it is not trusted."""
    scale = 1 << SHIFT
    if trusted:
        cv2.circle(cell, _fixed(at), 6 * scale, INK, -1, cv2.LINE_AA, SHIFT)
        cv2.circle(cell, _fixed(at), 4 * scale, ink, -1, cv2.LINE_AA, SHIFT)
    else:
        cv2.circle(cell, _fixed(at), 6 * scale, INK, 4, cv2.LINE_AA, SHIFT)
        cv2.circle(cell, _fixed(at), 6 * scale, ink, 2, cv2.LINE_AA, SHIFT)


def _fixed(point: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return a point as OpenCV's fixed-point numbers, kept where those end."""
    x, y = np.clip(point, -(1 << 12), 1 << 12) * (1 << SHIFT)
    return round(float(x)), round(float(y))


def _head(page: Page, dataset: Kinect13) -> None:
    """Write the title and the legend."""
    splits = ", ".join(f"{name} {len(dataset.split(name))}" for name in dataset.splits)
    width, height = dataset.image_shape.image_px
    title = f"{dataset.path.name}: {splits} rows of {width} x {height} pixels"
    page.write(title, (GRID.gap, 30), 0.66, INK)
    x = GRID.gap
    for name, colour, trusted in (
        ("the person's right", RIGHT, True),
        ("the person's left", LEFT, True),
        ("hollow, dashed: weight 0 (inferred or at the edge)", GREY, False),
    ):
        ends = np.array([[x, 58.0], [x + 34.0, 58.0]])
        _limb(page.image, ends[0], ends[1], trusted, colour, False)
        _dot(page.image, ends.mean(axis=0), trusted, colour)
        x += 44 + page.write(name, (x + 44, 63), 0.5, INK) + 30


def _caption(dataset: Kinect13, example: Example) -> str:
    """Return where a row comes from."""
    split, row = example.split, example.row
    session = dataset.meta.sessions[int(split.session[row])]
    return f"{split.name}  {session}  frame {int(split.color_seq[row])}"
