"""Parquet: the table of all labels, ``labels.parquet``, with its types kept."""

from pathlib import Path
from typing import Final

from .export_format import ExportFormat, need
from .labels import SplitLabels, labels_table

ABOUT: Final[str] = "the same table with its types, labels.parquet"


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write ``labels.parquet``."""
    labels_table(splits).to_parquet(folder / "labels.parquet", engine="pyarrow", index=False)


FORMAT: Final = ExportFormat(write, check=lambda: need("pyarrow", "--format parquet"))
