"""A page of square cells in a grid, with a head above and a caption under each cell."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

PAPER: Final = (250, 250, 250)
SHIFT: Final = 4
"""Fractional bits of the coordinates that OpenCV draws."""

Image = npt.NDArray[np.uint8]
Colour = tuple[int, int, int]
"""BGR."""


@dataclass(frozen=True)
class Grid:
    """Measures of a page, pixels.

    Attributes:
        cell: Side of a cell.
        gap: Between cells, and at the left edge.
        head: Height above the cells.
        foot: Height under each cell, for its caption.
    """

    cell: int
    gap: int
    head: int
    foot: int


class Page:
    """A page to draw on.

    Args:
        grid: Its measures.
        columns: Cells in a row.
        cells: Cells in all.

    Attributes:
        image: (H, W, 3) uint8, BGR.
    """

    def __init__(self, grid: Grid, columns: int, cells: int) -> None:
        self._grid, self._columns = grid, columns
        self._pitch = grid.cell + grid.gap, grid.cell + grid.foot + grid.gap
        height = grid.head + -(-cells // columns) * self._pitch[1]
        self.image: Image = np.full(
            (height, grid.gap + columns * self._pitch[0], 3), PAPER, np.uint8
        )

    def put(self, index: int, cell: Image, caption: str, size: float, ink: Colour) -> None:
        """Put a picture into a cell, with a caption under it.

        Args:
            index: Which cell.
            cell: (cell, cell, 3) uint8, BGR.
            caption: Text.
            size: Of the text.
            ink: Of the text.
        """
        grid = self._grid
        x = grid.gap + index % self._columns * self._pitch[0]
        y = grid.head + index // self._columns * self._pitch[1]
        self.image[y : y + grid.cell, x : x + grid.cell] = cell
        self.write(caption, (x, y + grid.cell + 18), size, ink)

    def write(self, text: str, at: tuple[int, int], size: float, ink: Colour) -> int:
        """Write a text from its lower left corner; return its width, pixels."""
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(self.image, text, at, font, size, ink, 1, cv2.LINE_AA)
        return int(cv2.getTextSize(text, font, size, 1)[0][0])


def as_cell(picture: Image, side: int) -> Image:
    """Return a square picture (S, S, 3), RGB, at the size of a cell, BGR."""
    method = cv2.INTER_AREA if len(picture) > side else cv2.INTER_CUBIC
    image = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    return np.asarray(cv2.resize(image, (side, side), interpolation=method), np.uint8)
