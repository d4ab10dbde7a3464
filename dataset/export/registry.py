"""The export formats by name. A new one is one file in this folder with ``ABOUT`` and ``FORMAT``.

No format is imported before it is asked for: help texts are made from this registry.
"""

import ast
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ...core.errors import DatasetError

if TYPE_CHECKING:
    from .export_format import ExportFormat


@dataclass(frozen=True)
class FormatEntry:
    """One entry of the registry.

    Attributes:
        name: The format's name, for ``--format``; its file is NAME.py.
        about: A few words for help texts and docs.
    """

    name: str
    about: str

    def load(self) -> "ExportFormat":
        """Import the format's file and return the format."""
        module = import_module(f".{self.name}", __package__)
        return cast("ExportFormat", module.FORMAT)


def find_formats(folder: Path) -> dict[str, FormatEntry]:
    """Return the export formats of a folder's files by name, without importing a file.

    Args:
        folder: Each file NAME.py in it that has a literal ``ABOUT`` is a format.
    """
    found: dict[str, FormatEntry] = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ABOUT":
                about = ast.literal_eval(cast(ast.expr, node.value))
                found[path.stem] = FormatEntry(path.stem, about)
    return found


EXPORT_FORMATS: Final = find_formats(Path(__file__).parent)
"""The formats that ``kincap export --format`` accepts."""


def load_format(name: str) -> "ExportFormat":
    """Return a format by its name.

    Raises:
        DatasetError: No format has this name.
        MissingPartError: It needs a package that is not installed.
    """
    if name not in EXPORT_FORMATS:
        raise DatasetError(
            f"--format: there is no {name!r}; choose one of {', '.join(EXPORT_FORMATS)}"
        )
    found = EXPORT_FORMATS[name].load()
    found.check()
    return found
