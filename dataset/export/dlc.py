"""DeepLabCut: ``labeled-data/SPLIT/CollectedData_kincap`` as .h5 (fixed format) and .csv."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from ...core.errors import DatasetError
from ...core.hdf5.making import write_pandas_table
from .export_format import ExportFormat, need
from .labels import SplitLabels

if TYPE_CHECKING:
    import pandas as pd

ABOUT: Final[str] = "DeepLabCut project data, HDF5 and CSV"
SCORER: Final = "kincap"
KEY: Final = "df_with_missing"


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write the table of each split, and ``config.yaml`` with the body parts.

    Raises:
        DatasetError: A picture has several people (exit 2).
    """
    for one in splits:
        if len(np.unique(one.picture)) < len(one):
            raise DatasetError(
                "--format dlc: holds one person in a picture, the data set has several; take "
                "coco, cvat, labelstudio, sleap or yolo"
            )
        inside = folder.joinpath(*one.folder.split("/"))
        inside.mkdir(parents=True)
        table = _table(one)
        write_pandas_table(table, inside / f"CollectedData_{SCORER}.h5", KEY)
        table.to_csv(inside / f"CollectedData_{SCORER}.csv", lineterminator="\n")
    (folder / "config.yaml").write_text(_config(splits[0]), encoding="utf-8")


def _table(one: SplitLabels) -> "pd.DataFrame":
    """Return x and y of each keypoint by picture; NaN where unlabelled."""
    import pandas as pd

    points = np.full((len(one.pictures), len(one.skeleton), 2), np.nan)
    points[one.picture] = np.where(one.visibility[..., None] > 0, one.points, np.nan)
    columns = pd.MultiIndex.from_product(
        [[SCORER], one.skeleton.points, ["x", "y"]], names=["scorer", "bodyparts", "coords"]
    )
    index = pd.MultiIndex.from_tuples([(*one.folder.split("/"), name) for name in one.pictures])
    return pd.DataFrame(points.reshape(len(points), -1), index=index, columns=columns)


def _config(one: SplitLabels) -> str:
    """Return the part of a project's configuration that names scorer, body parts and bones."""
    parts = "".join(f"- {name}\n" for name in one.skeleton.points)
    bones = "".join(f"- - {a}\n  - {b}\n" for a, b in one.skeleton.bones)
    return (
        f"Task: kincap\nscorer: {SCORER}\nmultianimalproject: false\nbodyparts:\n{parts}"
        f"skeleton:\n{bones}"
    )


FORMAT: Final = ExportFormat(
    write, pictures="labeled-data/{split}", check=lambda: need("tables", "--format dlc")
)
