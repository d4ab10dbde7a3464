"""Coverage of a session from its body rows alone: no pictures, no other checks."""

from pathlib import Path

from ...core.files.file_io import FileIO
from ...sessions.schema import good_rows
from ...sessions.session_file import load_session
from ...sessions.shard.layout import other_shape
from ...sessions.shards import open_shards
from .grid import CoverageGrid

_ROWS_AT_ONCE = 512


def session_coverage(folder: Path, io: FileIO | None = None) -> CoverageGrid:
    """Read the body rows of a session: sealed, left by a killed recorder, or being recorded.

    Args:
        folder: Its folder.
        io: File handling.

    Returns:
        The coverage; rows and shards that are damaged are left out.

    Raises:
        SessionError: There is no session, or its session.json can't be read.
    """
    info = load_session(folder, strict=False)
    grid = CoverageGrid(info.shape.skeleton)
    for shard in open_shards(folder, info, io or FileIO()):
        if shard.reader is None or other_shape(shard.reader.layout, info.shape):
            continue
        place = shard.reader.layout.tables.get("bodies")
        for first in range(0, place.rows if place else 0, _ROWS_AT_ONCE):
            rows = shard.reader.all_rows("bodies", first, _ROWS_AT_ONCE)
            grid.add(rows[good_rows(rows)])
    return grid
