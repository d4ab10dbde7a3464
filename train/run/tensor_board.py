"""Figures of a run for TensorBoard, beside metrics.csv."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

from ...core.errors import MissingPartError

FILES = "events.out.tfevents.*"


def check_tensorboard() -> None:
    """Refuse where the package is missing.

    Raises:
        MissingPartError: It is.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise MissingPartError(
            "--tensorboard: the package tensorboard is not installed; "
            "pip install 'kincap[tensorboard]'"
        )


class Board:
    """Writes a file of events into a run's folder.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._writer = SummaryWriter(str(folder))

    def add(self, row: Mapping[str, float | int | None]) -> None:
        """Write the figures of a step.

        Args:
            row: A line of metrics.csv.

        Raises:
            OSError: It can't be written.
        """
        step = row["step"]
        for name, value in row.items():
            if value is not None and name != "step":
                kind, _, rest = name.partition("_")
                tag = f"{kind}/{rest}" if rest and kind in ("val", "train", "mean") else name
                self._writer.add_scalar(tag, value, step)
        self._writer.flush()


def has_board(folder: Path) -> bool:
    """Return True if an earlier process of the run wrote events."""
    return any(folder.glob(FILES))
