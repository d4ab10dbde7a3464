"""The overlay sheet: crops with the prediction in red and the Kinect in green."""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from ..core.files.file_io import write_atomic
from ..core.skeleton import Skeleton
from .augment import Floats, Images
from .checkpoint_files import READABLE

COLUMNS: Final = 6
MOST_CROPS: Final = 18
CELL_PX: Final = 256
GAP_PX: Final = 8
HEAD_PX: Final = 96
FOOT_PX: Final = 24
"""Under each crop, for its error."""

RED: Final = (60, 60, 235)
GREEN: Final = (70, 205, 70)
INK: Final = (40, 40, 40)
GREY: Final = (125, 125, 125)
PAPER: Final = (250, 250, 250)
"""Colours, BGR."""

_PNG_START: Final = 33
"""Bytes of a PNG's signature and of its first chunk."""


def _text_chunk(key: str, text: str) -> bytes:
    """Return a chunk of text as PNG files have them."""
    body = b"tEXt" + key.encode() + b"\0" + text.encode()
    return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))


_MARK: Final = _text_chunk("Software", "kincap evaluate")
"""The second chunk of every sheet; a file with it may be replaced."""

SHIFT: Final = 4
"""Fractional bits of the coordinates that OpenCV draws."""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Sheet:
    """Contents of a sheet of M crops.

    Attributes:
        pictures: (M, S, S, 3) uint8, RGB.
        predicted: (M, K, 2) float32, crop units.
        truth: (M, K, 2) float32, crop units.
        labelled: (M, K) bool, where the truth is known at all.
        counted: (M, K) bool, where the metrics look; the rest is drawn hollow.
        errors: (M,) mean error of each crop in % of the torso, NaN where nothing is counted.
        title: The net and the split.
        figures: The main figures, each with the mean pose's.
        skeleton: The K keypoints.
    """

    pictures: Images
    predicted: Floats
    truth: Floats
    labelled: npt.NDArray[np.bool_]
    counted: npt.NDArray[np.bool_]
    errors: npt.NDArray[np.float64]
    title: str
    figures: str
    skeleton: Skeleton


def spread(count: int) -> npt.NDArray[np.int64]:
    """Return up to ``MOST_CROPS`` indices, evenly over ``count`` samples."""
    indices = np.linspace(0, count - 1, min(count, MOST_CROPS)).round()
    return np.unique(indices.astype(np.int64))


def percent(value: float | None) -> str:
    """Return a percentage as text, a dash where nothing was counted."""
    return "-" if value is None else f"{value:.1f}"


def check_sheet(path: Path) -> None:
    """Refuse a sheet that can't be written, before work begins.

    Raises:
        KincapError: It is not named .png, is in no folder, or is a picture that kincap did not
            make.
    """
    if path.suffix.lower() != ".png":
        raise KincapError(f"--sheet: {path} must end in .png")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise KincapError(f"--sheet: {path} is not a file in a folder that can be written to")
    if os.path.lexists(path) and not _is_own(path):
        raise KincapError(
            f"--sheet: {path} exists and is not a sheet of kincap; choose another name or remove it"
        )


def _is_own(path: Path) -> bool:
    """Return True if a file is a PNG that carries kincap's mark."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(_PNG_START + len(_MARK))[_PNG_START:] == _MARK


def save_sheet(path: Path, sheet: Sheet) -> None:
    """Draw a sheet and save it as PNG with kincap's mark.

    Raises:
        KincapError: It can't be written (exit 1).
    """
    done, png = cv2.imencode(".png", draw_sheet(sheet))
    if not done:
        raise KincapError(f"--sheet: {path} could not be encoded", exit_code=1)
    data = png.tobytes()
    try:
        write_atomic(path, data[:_PNG_START] + _MARK + data[_PNG_START:], READABLE)
    except OSError as error:
        raise KincapError(
            f"--sheet: {path} can't be written ({error.strerror})", exit_code=1
        ) from None


def draw_sheet(sheet: Sheet) -> Image:
    """Return the sheet as (H, W, 3) uint8, BGR."""
    columns = min(COLUMNS, max(3, len(sheet.pictures)))
    rows = -(-len(sheet.pictures) // columns)
    pitch_x, pitch_y = CELL_PX + GAP_PX, CELL_PX + FOOT_PX + GAP_PX
    page = np.full((HEAD_PX + rows * pitch_y, GAP_PX + columns * pitch_x, 3), PAPER, dtype=np.uint8)
    _head(page, sheet)
    for index in range(len(sheet.pictures)):
        x = GAP_PX + index % columns * pitch_x
        y = HEAD_PX + index // columns * pitch_y
        page[y : y + CELL_PX, x : x + CELL_PX] = _cell(sheet, index)
        error = sheet.errors[index]
        said = f"error {error:.1f} % of torso" if np.isfinite(error) else "not counted"
        _write(page, said, (x, y + CELL_PX + 17), 0.45, GREY)
    return page


def _head(page: Image, sheet: Sheet) -> None:
    """Write the title, the figures and the legend."""
    _write(page, sheet.title, (GAP_PX, 26), 0.62, INK)
    _write(page, sheet.figures, (GAP_PX, 52), 0.5, INK)
    x = GAP_PX
    for name, colour, filled in (
        ("prediction", RED, True),
        ("Kinect", GREEN, True),
        ("Kinect, not counted (inferred)", GREEN, False),
    ):
        if filled:
            cv2.line(page, (x, 74), (x + 26, 74), colour, 2, cv2.LINE_AA)
        cv2.circle(page, (x + 13, 74), 4, colour, -1 if filled else 1, cv2.LINE_AA)
        _write(page, name, (x + 34, 79), 0.48, INK)
        x += 34 + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.48, 1)[0][0] + 26


def _cell(sheet: Sheet, index: int) -> Image:
    """Return one crop with both skeletons, (CELL_PX, CELL_PX, 3) BGR."""
    picture = cv2.cvtColor(sheet.pictures[index], cv2.COLOR_RGB2BGR)
    larger = picture.shape[0] > CELL_PX
    cell: Image = cv2.resize(
        picture, (CELL_PX, CELL_PX), interpolation=cv2.INTER_AREA if larger else cv2.INTER_CUBIC
    )
    everywhere = np.ones(len(sheet.counted[index]), dtype=bool)
    # the truth is the broader one: it is still seen under the prediction
    labelled, counted = sheet.labelled[index], sheet.counted[index]
    _draw_pose(cell, sheet.truth[index], sheet.skeleton, labelled, counted, GREEN, 4)
    _draw_pose(cell, sheet.predicted[index], sheet.skeleton, everywhere, everywhere, RED, 2)
    return cell


def _draw_pose(
    cell: Image,
    pose: Floats,
    skeleton: Skeleton,
    shown: npt.NDArray[np.bool_],
    filled: npt.NDArray[np.bool_],
    colour: tuple[int, int, int],
    thick: int,
) -> None:
    """Draw the limbs and keypoints of a pose in crop units; what isn't a number is left out."""
    scale = 1 << SHIFT
    usable = shown & np.isfinite(pose).all(axis=1) & (np.abs(pose) < 10).all(axis=1)
    at = np.round(np.where(usable[:, None], pose * CELL_PX - 0.5, 0) * scale).astype(int)
    limbs = [
        (a, b) for a, b in skeleton.bone_indices if all(usable[[a, b]]) and all(filled[[a, b]])
    ]
    # first all in dark and wider: an outline, so that green shows on a green garment
    for ink, wider in ((INK, 1), (colour, 0)):
        for a, b in limbs:
            width = thick + 2 * wider
            cv2.line(cell, at[a].tolist(), at[b].tolist(), ink, width, cv2.LINE_AA, SHIFT)
        for k in np.flatnonzero(usable):
            width = -1 if filled[k] else 1 + 2 * wider
            radius = (2 + thick + wider * bool(filled[k])) * scale
            cv2.circle(cell, at[k].tolist(), radius, ink, width, cv2.LINE_AA, SHIFT)


def _write(
    page: Image, text: str, at: tuple[int, int], size: float, colour: tuple[int, int, int]
) -> None:
    cv2.putText(page, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)
