"""The overlay sheet: crops with the prediction in red and the Kinect, or labels, in green."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_file_name
from ...core.png import has_mark, mark_png
from ...core.skeleton import Skeleton
from ...dataset.sheets.page import SHIFT, Grid, Image, Page, as_cell
from ..checkpoint_files import READABLE
from ..mirror import Floats, Images

COLUMNS: Final = 6
CROPS: Final = 18
"""Crops of a sheet where nothing else is asked for."""
MOST_CROPS: Final = 600
_NAME: Final = 16
"""Letters of a session's name in a caption."""
GRID: Final = Grid(cell=256, gap=8, head=96, foot=24)
MAKER: Final = "kincap evaluate"
"""The mark of every sheet; a file with it may be replaced."""

RED: Final = (60, 60, 235)
GREEN: Final = (70, 205, 70)
INK: Final = (40, 40, 40)
GREY: Final = (125, 125, 125)
"""Colours, BGR."""

_HEAD: Final = 100
"""Bytes of a file that are enough to see its mark."""


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
        places: For each crop its session and the number of its frame.
        truth_of: Name of the truth: ``"Kinect"``, or ``"label"`` of a public set.
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
    places: Sequence[tuple[str, int]]
    truth_of: str
    title: str
    figures: str
    skeleton: Skeleton


def spread(count: int, most: int = CROPS) -> npt.NDArray[np.int64]:
    """Return up to ``most`` indices, evenly over ``count`` samples."""
    indices = np.linspace(0, count - 1, min(count, most)).round()
    return np.unique(indices.astype(np.int64))


def worst_rows(
    errors: npt.NDArray[np.float64], block: npt.NDArray[np.int64], most: int
) -> npt.NDArray[np.int64]:
    """Return the rows of the largest errors, the worst one of each block first.

    Frames that follow each other look alike: by their errors alone they would fill a sheet with one
    moment.

    Args:
        errors: (N,); NaN where nothing is counted: these come last.
        block: (N,) the block of frames that each row belongs to.
        most: Rows to return, fewer where there are fewer.
    """
    order = np.argsort(-np.nan_to_num(errors, nan=-1.0), kind="stable")
    _, firsts = np.unique(block[order], return_index=True)
    is_first = np.zeros(len(order), dtype=bool)
    is_first[firsts] = True
    is_first &= np.isfinite(errors[order]) | np.isinf(errors[order])
    found: npt.NDArray[np.int64] = np.concatenate([order[is_first], order[~is_first]])[:most]
    return found


def percent(value: float | None) -> str:
    """Return a percentage as text, a dash where nothing was counted."""
    return "-" if value is None else f"{value:.1f}"


def check_sheet(path: Path) -> None:
    """Refuse a sheet that can't be written, before work begins.

    Raises:
        KincapError: It is not named .png, is in no folder, or is a picture that kincap did not
            make.
    """
    check_file_name("--sheet", path, (".png",))
    if os.path.lexists(path) and not _is_own(path):
        raise KincapError(
            f"--sheet: {path} exists and is not a sheet of kincap; choose another name or remove it"
        )


def _is_own(path: Path) -> bool:
    """Return True if a file is a PNG that carries kincap's mark."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return has_mark(file.read(_HEAD), MAKER)


def save_sheet(path: Path, sheet: Sheet) -> None:
    """Draw a sheet and save it as PNG with kincap's mark.

    Raises:
        KincapError: It can't be written (exit 1).
    """
    png = sheet_png(sheet)
    try:
        write_atomic(path, mark_png(png, MAKER), READABLE)
    except OSError as error:
        raise KincapError(
            f"--sheet: {path} can't be written ({error.strerror})", exit_code=1
        ) from None


def sheet_png(sheet: Sheet) -> bytes:
    """Return a sheet as PNG.

    Raises:
        KincapError: It can't be encoded (exit 1).
    """
    done, png = cv2.imencode(".png", draw_sheet(sheet))
    if not done:
        raise KincapError("--sheet: it could not be encoded as PNG", exit_code=1)
    return png.tobytes()


def draw_sheet(sheet: Sheet) -> Image:
    """Return the sheet as (H, W, 3) uint8, BGR."""
    columns = min(COLUMNS, max(3, len(sheet.pictures)))
    page = Page(GRID, columns, len(sheet.pictures))
    _head(page, sheet)
    for index in range(len(sheet.pictures)):
        error, (session, frame) = sheet.errors[index], sheet.places[index]
        name = session if len(session) <= _NAME else f"..{session[2 - _NAME :]}"
        said = "not counted" if np.isnan(error) else "no pose"
        if np.isfinite(error):
            said = f"{error:.1f} % of torso"
        said = f"{name} {frame}: {said}"
        page.put(index, _cell(sheet, index), said, 0.45, GREY)
    return page.image


def _head(page: Page, sheet: Sheet) -> None:
    """Write the title, the figures and the legend."""
    page.write(sheet.title, (GRID.gap, 26), 0.62, INK)
    page.write(sheet.figures, (GRID.gap, 52), 0.5, INK)
    x = GRID.gap
    for name, colour, filled in (
        ("prediction", RED, True),
        (sheet.truth_of, GREEN, True),
        (f"{sheet.truth_of}, not counted", GREEN, False),
    ):
        if filled:
            cv2.line(page.image, (x, 74), (x + 26, 74), colour, 2, cv2.LINE_AA)
        cv2.circle(page.image, (x + 13, 74), 4, colour, -1 if filled else 1, cv2.LINE_AA)
        x += 34 + page.write(name, (x + 34, 79), 0.48, INK) + 26


def _cell(sheet: Sheet, index: int) -> Image:
    """Return one crop with both skeletons, (256, 256, 3) BGR."""
    cell = as_cell(sheet.pictures[index], GRID.cell)
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
    at = np.round(np.where(usable[:, None], pose * GRID.cell - 0.5, 0) * scale).astype(int)
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
