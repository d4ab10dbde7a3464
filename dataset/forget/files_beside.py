"""The files beside a data set: made again without a person, or deleted."""

import contextlib
import json
import shlex
from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ... import __version__
from ...core.files.file_io import FileIO
from ...core.files.small_files import MIB, read_small
from ...core.png import has_mark
from ...sessions.shard.sealing import file_sha256
from ..faces.blur import FaceBlur
from ..kinect13.format import LAYOUTS
from ..kinect13.reader import open_kinect13
from ..outputs import REPORT_MARK, SHEET_MAKER, Outputs
from ..report_page.page import About, report_page
from ..sheets.examples import draw_sheet
from .words import Words

_MOST_BYTES: Final = 256 * MIB
_HEAD: Final = 4096
_READABLE: Final = 0o644


def outputs_of(path: Path) -> Outputs:
    """Return the files that a build made beside a data set, as far as they are known.

    Args:
        path: The data set.
    """
    sheet, report = (path.with_name(path.name + ending) for ending in (".png", ".html"))
    command = shlex.split(str(_about(path).get("command", "")).replace("\\", "/"))
    for flag, value in zip(command, command[1:], strict=False):
        if flag == "--sheet":
            sheet = path.parent / value
        elif flag == "--report":
            report = path.parent / value
    return Outputs(path, sheet, report)


def _about(path: Path) -> dict[str, Any]:
    """Return what the description beside a data set says; nothing where it can't be read."""
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(read_small(path.with_name(path.name + ".json"), _MOST_BYTES))
        return kept if isinstance(kept, dict) else {}
    return {}


def pictures_beside(outputs: Outputs) -> Iterator[Path]:
    """Yield the sheet and the report of a data set, where kincap made them."""
    if has_mark(_head(outputs.sheet), SHEET_MAKER):
        yield outputs.sheet
    if outputs.report is not None and REPORT_MARK in _head(outputs.report):
        yield outputs.report


def _head(path: Path) -> bytes:
    """Return the beginning of a file."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        return file.read(_HEAD)
    return b""


def delete_with_files(outputs: Outputs, io: FileIO) -> None:
    """Delete a data set that no row is left of, with all files beside it."""
    for path in (*pictures_beside(outputs), outputs.about, outputs.out):
        io.discard(path)


def delete_unfinished(outputs: Outputs, io: FileIO) -> None:
    """Delete the unfinished data set of an interrupted build, with its journal and leftovers."""
    for path in (outputs.part, outputs.journal, *outputs.leftovers()):
        io.discard(path)


def make_again(outputs: Outputs, drawn: Collection[Path], words: Words, io: FileIO) -> None:
    """Make the files beside a data set again after rows were removed.

    Args:
        outputs: The files.
        drawn: The sheet and the report, as far as they existed before.
        words: The person.
        io: File handling.

    Raises:
        OSError: The disk is full.
    """
    about = _about(outputs.out)
    # pictures of the person go first, whatever becomes of the new ones
    for path in drawn:
        io.discard(path)
    checksum = file_sha256(outputs.out, io)
    is_blurred = about.get("blur_faces") is True
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with open_kinect13(outputs.out, layouts=LAYOUTS) as dataset:
        faces = FaceBlur(dataset) if is_blurred else None
        if about:
            about = words.removed_from(about)
            about |= {"sha256": checksum, "plan_sha256": "", "counts": dataset.meta.counts}
            about |= {"created_utc": now, "kincap_version": __version__}
            text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
            data = text.encode(errors="backslashreplace")
            io.write_atomic(outputs.about, data, _READABLE, unique=True)
        if outputs.sheet in drawn:
            io.write_atomic(outputs.sheet, draw_sheet(dataset, faces), _READABLE, unique=True)
        if outputs.report is not None and outputs.report in drawn:
            page = report_page(
                dataset,
                About(
                    sha256=checksum,
                    created_utc=now,
                    kincap_version=__version__,
                    command="",
                    bytes=outputs.out.stat().st_size,
                    warnings=("Rows of a person who is forgotten were removed after the build.",),
                    label_error=about.get("label_error"),
                    rejected=(),
                    blur_faces=is_blurred,
                ),
            )
            io.write_atomic(outputs.report, page, _READABLE, unique=True)
