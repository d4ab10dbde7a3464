"""A sheet of examples from a data set, to be looked at before anything is trained on it."""

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import DatasetError
from ..core.skeleton import Skeleton, side_of
from .kinect13.reader import Kinect13, Split
from .outputs import SHEET_MARK

EXAMPLES: Final = 12
COLUMNS: Final = 4
CELL_PX: Final = 320
GAP_PX: Final = 12
HEAD_PX: Final = 84
FOOT_PX: Final = 26
"""Under each picture, for where it comes from."""

PAPER: Final = (250, 250, 250)
INK: Final = (45, 45, 45)
GREY: Final = (120, 120, 120)
RIGHT: Final = (40, 130, 255)
LEFT: Final = (235, 165, 30)
MIDDLE: Final = (245, 245, 245)
"""Colours, BGR: orange is the person's own right side, blue the left."""

_PNG_START: Final = 33
"""Bytes of a PNG's signature and of its first chunk."""

SHIFT: Final = 4
"""Fractional bits of the coordinates that OpenCV draws."""
DASH_PX: Final = 7

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Example:
    """One row of the data set: its split and its number there."""

    split: Split
    row: int


def check_sheet(path: Path | None) -> None:
    """Refuse a name that no picture can be written to, before work begins.

    Raises:
        DatasetError: It is not the name of a PNG, or its folder does not exist.
    """
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise DatasetError(f"--sheet {path}: expected a name that ends in .png")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise DatasetError(f"--sheet {path}: expected a file in a folder that can be written to")


def draw_sheet(dataset: Kinect13) -> bytes:
    """Draw examples, spread evenly over each split.

    Args:
        dataset: An open data set.

    Returns:
        A PNG with kincap's mark.

    Raises:
        DatasetError: It could not be encoded (exit 1).
    """
    examples = choose_examples(dataset, EXAMPLES)
    rows = -(-len(examples) // COLUMNS)
    pitch_x, pitch_y = CELL_PX + GAP_PX, CELL_PX + FOOT_PX + GAP_PX
    page = np.full((HEAD_PX + rows * pitch_y, GAP_PX + COLUMNS * pitch_x, 3), PAPER, np.uint8)
    _head(page, dataset)
    for index, example in enumerate(examples):
        x = GAP_PX + index % COLUMNS * pitch_x
        y = HEAD_PX + index // COLUMNS * pitch_y
        page[y : y + CELL_PX, x : x + CELL_PX] = draw_example(
            example.split, example.row, dataset.meta.skeleton
        )
        _write(page, _caption(dataset, example), (x, y + CELL_PX + 18), 0.45, GREY)
    done, png = cv2.imencode(".png", page)
    if not done:
        raise DatasetError(f"{dataset.path}: its sheet could not be encoded", exit_code=1)
    data: bytes = png.tobytes()
    mark = b"tEXt" + SHEET_MARK
    chunk = len(SHEET_MARK).to_bytes(4) + mark + zlib.crc32(mark).to_bytes(4)
    return data[:_PNG_START] + chunk + data[_PNG_START:]


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


def draw_example(split: Split, row: int, skeleton: Skeleton) -> Image:
    """Return one picture with its keypoints.

    Args:
        split: Of an open data set.
        row: Which row.
        skeleton: Its keypoints.

    Returns:
        (320, 320, 3) uint8, BGR. Keypoints that training ignores are hollow, their limbs dashed.
    """
    points = split.keypoints_px[row].astype(np.float64)
    there, trusted = split.visibility[row] > 0, split.weight[row] > 0
    return draw_person(split.images([row])[0], points, there, trusted, skeleton)


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
    side = picture.shape[0]
    how = cv2.INTER_AREA if side > CELL_PX else cv2.INTER_CUBIC
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cell = np.asarray(cv2.resize(bgr, (CELL_PX, CELL_PX), interpolation=how), np.uint8)
    at = (points + 0.5) * CELL_PX / side - 0.5
    colours = [_colour(name) for name in skeleton.points]
    # first all in dark and wider: an outline, so that a colour shows on a garment of that colour
    for wider in (True, False):
        for a, b in skeleton.bone_indices:
            if there[a] and there[b]:
                ink = INK if wider else colours[b]
                _limb(cell, at[a], at[b], bool(trusted[a] and trusted[b]), ink, wider)
    for k in np.flatnonzero(there):
        _dot(cell, at[k], bool(trusted[k]), colours[k])
    return cell


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


def _head(page: Image, dataset: Kinect13) -> None:
    """Write the title and the legend."""
    splits = ", ".join(f"{name} {len(dataset.split(name))}" for name in dataset.splits)
    title = f"{dataset.path.name}: {splits} rows of {dataset.size} x {dataset.size} pixels"
    _write(page, title, (GAP_PX, 30), 0.66, INK)
    x = GAP_PX
    for name, colour, trusted in (
        ("the person's right", RIGHT, True),
        ("the person's left", LEFT, True),
        ("hollow, dashed: weight 0 (inferred or at the edge)", GREY, False),
    ):
        ends = np.array([[x, 58.0], [x + 34.0, 58.0]])
        _limb(page, ends[0], ends[1], trusted, colour, False)
        _dot(page, ends.mean(axis=0), trusted, colour)
        _write(page, name, (x + 44, 63), 0.5, INK)
        x += 44 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0] + 30


def _caption(dataset: Kinect13, example: Example) -> str:
    """Return where a row comes from."""
    split, row = example.split, example.row
    session = dataset.meta.sessions[int(split.session[row])]
    return f"{split.name}  {session}  frame {int(split.color_seq[row])}"


def _write(page: Image, text: str, at: tuple[int, int], size: float, ink: Colour) -> None:
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1, cv2.LINE_AA)
