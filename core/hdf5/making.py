"""Make HDF5 files: contiguous datasets, metadata in front, no times."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from ..files.reserved_file import ReservedFile

if TYPE_CHECKING:
    import pandas as pd


def create_file(path: Path | ReservedFile | BytesIO, *, alignment: int = 1) -> h5py.File:
    """Make a new file whose metadata stays in front and holds no times.

    Args:
        path: Must not exist; or a new file whose space is reserved; or memory. A full disk leaves
            HDF5 unable to close a file: where the size is not known before, it is made in memory.
        alignment: Datasets begin at a multiple of this many bytes.

    Returns:
        The open file; close it, or use it in a with statement.
    """
    return h5py.File(
        path,
        "x" if isinstance(path, Path) else "w",
        libver=("v110", "v110"),
        meta_block_size=65536,
        alignment_threshold=1,
        alignment_interval=alignment,
        track_order=False,
        locking=False,
    )


def create_dataset(
    file: h5py.File, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> h5py.Dataset:
    """Make a contiguous dataset that has its place in the file at once and is never filled.

    Args:
        file: From create_file.
        name: Its path; the group is made where it is missing.
        shape: Its shape.
        dtype: Its type.
    """
    made = h5p.create(h5p.DATASET_CREATE)
    made.set_layout(h5d.CONTIGUOUS)
    made.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    made.set_fill_time(h5d.FILL_TIME_NEVER)
    made.set_obj_track_times(False)
    group, _, leaf = name.rpartition("/")
    parent = file.require_group(group) if group else file
    kind = h5t.py_create(np.dtype(dtype), logical=True)
    h5d.create(parent.id, leaf.encode(), kind, h5s.create_simple(shape), made)
    return file[name]


def text_dataset(file: h5py.File, name: str, text: str) -> None:
    """Store a text as bytes of UTF-8: no strings of variable length, which live elsewhere."""
    raw = np.frombuffer(text.encode(), np.uint8)
    dataset = create_dataset(file, name, raw.shape, raw.dtype)
    if len(raw):
        dataset[:] = raw


def texts_dataset(file: h5py.File, name: str, texts: list[str]) -> None:
    """Write a list of texts of any length, for other tools; kincap's own files hold none.

    Args:
        file: From create_file.
        name: Path of the dataset.
        texts: Its content.
    """
    file.create_dataset(name, (len(texts),), h5py.string_dtype(), data=texts or None)


def write_pandas_table(table: "pd.DataFrame", path: Path, key: str) -> None:
    """Write a table in pandas' own fixed format, for tools that read it with pandas.

    Args:
        table: The table.
        path: A new file.
        key: Name of the table in it.

    Raises:
        OSError: There is no room.
    """
    import pandas as pd

    # in memory first: see create_file; the stubs do not know the options of the driver
    opened: Any = pd.HDFStore
    with opened(str(path), mode="w", driver="H5FD_CORE", driver_core_backing_store=0) as store:
        store.put(key, table, format="fixed", track_times=False)
        image: bytes = store._handle.get_file_image()
    path.write_bytes(image)
