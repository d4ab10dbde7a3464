"""A contact sheet: frames of a run, evenly over it, with the people drawn."""

import os
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_file_name
from ...core.png import has_mark, mark_png
from ...dataset.sheets.page import Grid, Page
from ...engines.engine import Images
from ...train.checkpoint_files import READABLE
from .drawing import drawn_box
from .frame_poses import FramePoses

FLAG: Final = "--sheet"
MAKER: Final = "kincap predict"
COLUMNS: Final = 4
MOST_CELLS: Final = 20
GRID: Final = Grid(cell=300, gap=8, head=44, foot=24)
_MOST_HEAD: Final = 256
"""Bytes of a file that has a maker's mark, at least to the end of the mark."""
_INK: Final = (40, 40, 40)
_AROUND: Final = 1.15
"""Side of a picture, in sides of the square round all people."""


class ContactSheet:
    """Keeps at most ``MOST_CELLS`` frames, evenly over a run of any length.

    Args:
        path: The file, .png.
        title: A line above the pictures.
        resume: True to replace the sheet of an earlier run.

    Raises:
        KincapError: Its name ends otherwise, another file exists, or its folder does not.
    """

    def __init__(self, path: Path, title: str, *, resume: bool = False) -> None:
        check_file_name(FLAG, path, (".png",))
        if os.path.lexists(path) and not (resume and _is_sheet(path)):
            raise KincapError(f"{FLAG}: {path} exists; choose another name or remove it")
        self.path, self._title = path, title
        self._cells: list[tuple[Images, str]] = []
        self._every, self._count = 1, 0

    @property
    def wants_next(self) -> bool:
        """True if the next frame is to be drawn for the sheet."""
        return self._count % self._every == 0

    def add(self, drawn: Images | None, frame: FramePoses) -> None:
        """Take the next frame; ``drawn`` is None where it was not wanted."""
        if drawn is not None and self.wants_next:
            self._cells.append((_square(_around_people(drawn, frame)), _caption(frame)))
            if len(self._cells) == 2 * MOST_CELLS:
                self._cells = self._cells[::2]
                self._every *= 2
        self._count += 1

    def close(self) -> None:
        """Write the sheet.

        Raises:
            KincapError: It can't be written (exit 1).
        """
        chosen = np.linspace(0, len(self._cells) - 1, min(len(self._cells), MOST_CELLS)).round()
        cells = [self._cells[int(k)] for k in np.unique(chosen)] if self._cells else []
        page = Page(GRID, min(COLUMNS, max(2, len(cells))), max(len(cells), 1))
        page.write(self._title, (GRID.gap, 28), 0.55, _INK)
        for index, (cell, caption) in enumerate(cells):
            page.put(index, cell, caption, 0.42, _INK)
        done, png = cv2.imencode(".png", page.image)
        if not done:
            raise KincapError(f"{FLAG}: {self.path} could not be encoded as PNG", exit_code=1)
        try:
            write_atomic(self.path, mark_png(png.tobytes(), MAKER), READABLE)
        except OSError as error:
            raise KincapError(
                f"{FLAG}: {self.path} can't be written ({error.strerror})", exit_code=1
            ) from None


def _is_sheet(path: Path) -> bool:
    """Return True for a sheet that ``close`` wrote."""
    try:
        with path.open("rb") as file:
            return has_mark(file.read(_MOST_HEAD), MAKER)
    except OSError:
        return False


def _caption(frame: FramePoses) -> str:
    if frame.name:
        return frame.name
    return f"frame {frame.number}, {frame.time_s or 0:.2f} s"


def _around_people(image: Images, frame: FramePoses) -> Images:
    """Return the part of an image round its people, the whole where there are none."""
    if not frame.people:
        return image
    boxes = np.concatenate(
        [
            [one.bbox_xyxy_px for one in frame.people],
            [drawn_box(frame, index) for index in range(len(frame.people))],
        ]
    )
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    half = (high - low).max() / 2 * _AROUND
    middle = (low + high) / 2
    (left, top), (right, bottom) = (
        np.clip(edge, 0, image.shape[1::-1]).astype(int).tolist()
        for edge in (middle - half, middle + half)
    )
    part = image[top:bottom, left:right]
    return part if part.size else image


def _square(image: Images) -> Images:
    """Return a picture fitted into a cell, (cell, cell, 3) BGR."""
    scale = GRID.cell / max(image.shape[:2])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    cell = np.full((GRID.cell, GRID.cell, 3), 225, np.uint8)
    top, left = (GRID.cell - size[1]) // 2, (GRID.cell - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small[..., ::-1]
    return cell
