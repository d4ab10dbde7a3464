"""The one-line readers of docs/format.md, run with the real readers: ``tests.nightly readers``.

It makes an environment of its own from PyPI and, where node is installed, from npm: those packages
need not fit kincap's. Each reader runs in a process of its own; one that ends the process fails.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kincap.capture.record import RecordSettings, record
from kincap.dataset.kinect13.reader import write_kinect13

PAGE = Path(__file__).parents[2] / "docs" / "format.md"
PACKAGES = (
    "h5py==3.16.0", "pandas==3.1.1", "tables==3.11.1", "polars==2.1.0", "xarray==2026.9.0",
    "h5netcdf==1.8.2", "netCDF4==1.7.5.1.post1", "virtualizarr==2.5.1", "obstore==0.12.1",
    "obspec-utils==0.9.0",
)  # fmt: skip
NODE_PACKAGES = ("h5wasm@0.10.3",)
TIMEOUT_S = 600.0
_READER = re.compile(r"<!-- reader: (\S+) -->\n```(python|js)\n(.*?)```", re.DOTALL)


class Reader(NamedTuple):
    """A reader of the page.

    Attributes:
        name: Its name, and the section that shows it.
        language: ``python`` or ``js``.
        code: What the page says.
    """

    name: str
    language: str
    code: str


def readers(page: str) -> Iterator[Reader]:
    """Yield the readers of docs/format.md."""
    shards, _, data_set = page.partition("\n## 2. ")
    for where, text in (("shard", shards), ("kinect13.h5", data_set)):
        for name, language, code in _READER.findall(text):
            yield Reader(f"{where}: {name}", language, code)


def run(runs: int, seed: int, jobs: int, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """Try every reader.

    Args:
        runs: How often.
        seed: Of the simulated recording.
        jobs: Not used: one at a time.
        tell: Given what is done.
    """
    counts: dict[str, Any] = {"passed": [], "skipped": [], "failures": []}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _make_files(folder, seed)
        tell("installing the readers")
        python = make_environment(folder / "env", PACKAGES)
        commands = {"python": [str(python), "-c"], "js": _node(folder)}
        counts["packages"] = [*PACKAGES, *NODE_PACKAGES]
        for _ in range(runs):
            for reader in readers(PAGE.read_text(encoding="utf-8")):
                outcome, said = _try(reader, commands[reader.language], folder)
                tell(f"{reader.name}: {outcome} {said}".rstrip())
                entry = reader.name if outcome != "failures" else f"{reader.name}: {said}"
                counts[outcome].append(entry)
    return counts


def _make_files(folder: Path, seed: int) -> None:
    """Record a shard and write a data set, as the page names them."""
    source = f"simulator:frames=20,pace=fast,seed={seed}"
    record(RecordSettings("one", folder / "recordings", source))
    shutil.copy(folder / "recordings" / "one" / "000000.h5", folder)
    rng = np.random.default_rng(seed)
    rows = {
        "images": rng.integers(0, 256, (9, 64, 64, 3), dtype=np.uint8),
        "keypoints_px": rng.uniform(0, 64, (9, 13, 2)),
    }
    write_kinect13(folder / "kinect13.h5", {"train": rows, "val": rows})


def make_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Make an environment with packages from PyPI; return its Python."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    _call([base, "-m", "venv", str(folder)], folder.parent)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    _call([str(python), "-m", "pip", "install", "-q", *packages], folder.parent)
    return python


def _node(folder: Path) -> list[str] | None:
    """Install the readers' node packages; None where node or npm is not installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    _call([npm, "install", "--silent", *NODE_PACKAGES], folder)
    return [node, "--input-type=module", "-e"]


def _call(command: list[str], folder: Path) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:4])}: {done.stderr.strip()[-500:]}")


def _try(reader: Reader, command: list[str] | None, folder: Path) -> tuple[str, str]:
    """Run one reader; return passed, skipped or failures, and why."""
    if command is None:
        return "skipped", "node is not installed"
    done = subprocess.run(
        [*command, reader.code], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return "passed", ""
    lines = done.stderr.strip().splitlines() or ["nothing"]
    return "failures", f"exit {done.returncode}, {lines[-1][:200]}"
