"""The one argument that most benchmarks take: a folder."""

import argparse
import sys
from pathlib import Path


def folder_argument(help_text: str) -> Path | None:
    """Return the folder that the command line names; None where it names none.

    The calling module's docstring is what ``--help`` prints.

    Args:
        help_text: What the folder is for.
    """
    about = sys.modules["__main__"].__doc__
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", nargs="?", type=Path, help=help_text)
    found: Path | None = parser.parse_args().folder
    if found is not None and not found.is_dir():
        parser.error(f"{found}: not a folder; name one that exists")
    return found
