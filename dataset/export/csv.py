"""CSV: the table of all labels, ``labels.csv``, which every other format has beside it too."""

from pathlib import Path
from typing import Final

from .export_format import ExportFormat
from .labels import SplitLabels, labels_table

ABOUT: Final[str] = "one table of all labels, labels.csv"
LABELS_CSV: Final = "labels.csv"


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write ``labels.csv``."""
    labels_table(splits).to_csv(folder / LABELS_CSV, index=False, lineterminator="\n")


FORMAT: Final = ExportFormat(write)
