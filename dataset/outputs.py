"""The files that a build makes, and the proof that kincap made those that it replaces.

Nothing else is replaced, deleted or locked. The lock stays where it is: deleting it would let two
builds hold it.
"""

import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..core.errors import DatasetError
from ..core.files.file_io import UNIQUE, open_regular
from ..core.files.output_folder import check_file_name, check_parent
from ..core.png import has_mark
from .kinect13.format import LAYOUTS
from .kinect13.reader import open_kinect13

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ABOUT_SCHEMA: Final = "kincap/kinect13/1"
JOURNAL_SCHEMA: Final = "kincap/build-part/1"
SHEET_MAKER: Final = "kincap build"
"""The mark of a sheet of examples."""
REPORT_MARK: Final = b'<meta name="generator" content="kincap build">'
"""Near the beginning of a report."""
_HEAD: Final = 4096


def result_json(result: "DataclassInstance") -> dict[str, Any]:
    """Return the result of a build as the object that scripts read: paths are texts."""
    values = asdict(result)
    texts = {name: str(value) for name, value in values.items() if isinstance(value, Path)}
    return {"schema": "kincap/build/1", **values, **texts}


@dataclass(frozen=True)
class Outputs:
    """The files of one build.

    Attributes:
        out: The data set.
        sheet: The sheet of examples.
        report: The HTML report; None: none is made.
        blur_faces: Whether faces in the sheet and the report are blurred.
    """

    out: Path
    sheet: Path
    report: Path | None = None
    blur_faces: bool = False

    @property
    def about(self) -> Path:
        """Return the file with the time and place of the build."""
        return self.out.with_name(self.out.name + ".json")

    @property
    def part(self) -> Path:
        """The unfinished data set."""
        return self.out.with_name(self.out.name + ".part")

    @property
    def journal(self) -> Path:
        """Finished blocks of the unfinished data set."""
        return self.out.with_name(self.out.name + ".part.json")

    @property
    def lock(self) -> Path:
        """Empty, locked by the operating system while a build runs; never deleted."""
        return self.out.with_name(self.out.name + ".lock")

    def check(self) -> None:
        """Refuse to replace what kincap can't prove that it made.

        Raises:
            DatasetError: Names the file (exit 2).
        """
        check_parent("--out", self.out, DatasetError)
        own = (self.out, self.about, self.part, self.journal, self.lock)
        if self.sheet in own:
            raise DatasetError(f"--sheet {self.sheet}: a file of the data set; take another name")
        if self.report in (*own, self.sheet):
            raise DatasetError(f"--report {self.report}: a file of the data set; take another name")
        if _is_there(self.out):
            try:
                open_kinect13(self.out, layouts=LAYOUTS).close()
            except DatasetError as err:
                raise DatasetError(
                    f"--out {self.out}: the file exists and is not a data set of kincap ({err}); "
                    "move it away or take another name"
                ) from err
        if _is_there(self.about) and f'"schema": "{ABOUT_SCHEMA}"'.encode() not in _head(
            self.about
        ):
            raise _not_ours(self.about, "a description of a data set")
        if _is_there(self.sheet) and not has_mark(_head(self.sheet), SHEET_MAKER):
            raise _not_ours(self.sheet, "a sheet of examples")
        report = self.report
        if report is not None and _is_there(report) and REPORT_MARK not in _head(report):
            raise _not_ours(report, "a report of a data set")
        if _is_there(self.lock) and _head(self.lock):
            raise _not_ours(self.lock, "an empty lock")
        self.check_part()

    def check_part(self) -> None:
        """Refuse to throw away an unfinished data set that no journal of a build names.

        Raises:
            DatasetError: Names the file (exit 2).
        """
        began = _is_there(self.journal)
        if began and f'"schema": "{JOURNAL_SCHEMA}"'.encode() not in _head(self.journal):
            raise _not_ours(self.journal, "the journal of a build")
        if _is_there(self.part) and not began:
            raise _not_ours(self.part, "an unfinished data set with its journal")

    def leftovers(self) -> list[Path]:
        """Return the temporary files of killed builds of this data set."""
        begin = self.out.name + "."
        return [
            path
            for path in self.out.parent.iterdir()
            if path.name.startswith(begin) and UNIQUE.search(path.name) is not None
        ]


def report_path(out: Path, report: Path | None, wanted: bool) -> Path | None:
    """Return where the report of a data set goes; None where none is wanted.

    Args:
        out: The data set.
        report: Where it was asked for; None: beside the data set.
        wanted: Whether to make one.

    Raises:
        DatasetError: It is not the name of an HTML file, or its folder does not exist.
    """
    if report is None:
        return out.with_name(out.name + ".html") if wanted else None
    if not wanted:
        raise DatasetError(f"--report {report} and --no-report: both given, expected one of them")
    check_file_name("--report", report, (".html", ".htm"), DatasetError)
    return report


def _is_there(path: Path) -> bool:
    """Return True if there is a regular file.

    Raises:
        DatasetError: It is a link, a folder or something else.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    except OSError as err:
        raise DatasetError(f"{path}: {err.strerror or err}") from err
    if not stat.S_ISREG(found.st_mode):
        what = "a link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise DatasetError(f"{path}: {what}; move it away or take another --out")
    return True


def _head(path: Path) -> bytes:
    """Return the beginning of a regular file; nothing of one that can't be read."""
    with suppress(OSError):
        fd = open_regular(path, os.O_RDONLY)
        try:
            return os.read(fd, _HEAD)
        finally:
            os.close(fd)
    return b"?"


def _not_ours(path: Path, expected: str) -> DatasetError:
    """Return the error of a file that a build would replace or delete."""
    return DatasetError(
        f"{path}: the file exists and is not {expected} that kincap made; "
        "move it away or take another name"
    )
