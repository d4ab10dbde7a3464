"""``kincap doctor --bundle``: what a support case needs in one file, without pictures and names."""

import importlib.metadata
import json
import platform
import re
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from ... import __version__
from ...core.errors import KincapError, SessionError
from ...core.files.file_io import FileIO
from ...core.files.output_folder import check_file_name
from ...core.files.small_files import MIB, read_small
from ...sessions.folders import find_folders, may_read
from ...sessions.repair.verify import MOST_QUALITY, QUALITY_FILE
from ...sessions.session_file import load_session
from ..log import log_files
from .checks import Report
from .names_removed import NamesRemoved, without_texts

LAST_SESSIONS: Final = 5
_MOST_LOG: Final = 4 * MIB
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_READ_ME: Final = """\
Made by kincap doctor --bundle.

versions.json   kincap, Python, system, installed packages
doctor.json     what kincap doctor found
logs/           the log files
sessions/       quality.json of the last sessions

There are no pictures and no joints in it. The names of the user, the machine, folders, sessions,
subjects, outfits, devices and sources, tags, notes, consent, marks and cues were replaced. Names
inside of other words, and names that kincap does not know, are not replaced: look through the files
before you pass them on.
"""


@dataclass(frozen=True)
class Bundle:
    """A bundle that was written.

    Attributes:
        path: The file.
        files: The names of the files in it.
    """

    path: Path
    files: tuple[str, ...]


def check_bundle(path: Path) -> None:
    """Refuse a file that can't be written, before the checks take their time.

    Raises:
        KincapError: It exists, its folder does not, or it is not named .zip.
    """
    check_file_name("--bundle", path, (".zip",))
    if path.exists():
        raise KincapError(f"--bundle {path}: exists; move it away or take another name")


def write_bundle(path: Path, report: Report, recordings: Path) -> Bundle:
    """Write the bundle.

    Args:
        path: The file, see ``check_bundle``.
        report: All checks.
        recordings: The folder of all sessions.

    Raises:
        KincapError: The disk refuses (exit 1).
    """
    names = NamesRemoved(recordings)
    texts = {"README.txt": _READ_ME, **dict(_texts(report, recordings, names))}
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(name, text if name == "README.txt" else names.clean(text))
    try:
        FileIO().write_atomic(path, packed.getvalue(), unique=True)
    except OSError as error:
        raise KincapError(f"--bundle {path}: {error.strerror or error}", exit_code=1) from error
    return Bundle(path, tuple(texts))


def _texts(report: Report, recordings: Path, names: NamesRemoved) -> Iterator[tuple[str, str]]:
    """Yield the files of the bundle, names still in them."""
    yield "versions.json", _json(_versions())
    yield "doctor.json", _json(report.to_json())
    for log in log_files():
        try:
            raw = read_small(log, _MOST_LOG)
        except OSError as error:
            raw = f"can't be read: {error.strerror}".encode()
        text = raw.decode(errors="replace")
        names.add_from_log(text)
        if _NAME.fullmatch(log.name):
            yield f"logs/{log.name}", text
    for number, folder in enumerate(_last_sessions(recordings), start=1):
        try:
            quality = read_small(folder / QUALITY_FILE, MOST_QUALITY).decode(errors="replace")
        except OSError as error:
            quality = _json({"missing": error.strerror})
        yield f"sessions/{number}/quality.json", without_texts(quality)


def _last_sessions(recordings: Path) -> list[Path]:
    """Return the folders of the sessions that were made last, the newest first."""
    found = []
    for folder in find_folders(recordings):
        try:
            info = load_session(folder, strict=False) if may_read(folder) else None
        except SessionError:
            info = None
        found.append((info.created_utc if info else "", folder))
    return [folder for _, folder in sorted(found, reverse=True)[:LAST_SESSIONS]]


def _versions() -> dict[str, Any]:
    """Return the versions of all that kincap runs on."""
    packages = {
        str(package.metadata["Name"]): package.version
        for package in importlib.metadata.distributions()
        if package.metadata["Name"]
    }
    return {
        "kincap": __version__,
        "python": sys.version,
        "system": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items(), key=lambda item: item[0].lower())),
    }


def _json(value: Any) -> str:
    """Return a value as JSON text."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
