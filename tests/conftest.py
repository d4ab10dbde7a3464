"""Fixtures for every test: the folder of real recordings, and the real command."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def own_user_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep this user's log files, daemon and cache out of the tests; return their folder."""
    folder = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR"):
            (folder / name).mkdir(mode=0o700)
            patch.setenv(name, str(folder / name))
        patch.setenv("KINCAP_CACHE", str(folder / "nets"))
        yield folder


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real recordings and images that KINCAP_TEST_DATA names."""
    folder = Path(os.environ.get("KINCAP_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; set KINCAP_TEST_DATA to their folder")
    return folder


@pytest.fixture
def teacher_weights(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of BlazePose's weights: KINCAP_TEST_WEIGHTS, or this user's."""
    from kincap.engines.weights.packages import BLAZEPOSE
    from kincap.engines.weights.store import ENVIRONMENT, stored_package, weights_folder

    folder = Path(os.environ.get("KINCAP_TEST_WEIGHTS") or weights_folder())
    if not stored_package(BLAZEPOSE, folder).is_complete:
        pytest.skip(f"no weights in {folder}; kincap weights get blazepose, or KINCAP_TEST_WEIGHTS")
    monkeypatch.setenv(ENVIRONMENT, str(folder))
    return folder


@pytest.fixture
def as_user() -> list[str]:
    """Return the begin of a command line that gives up root's right to read every file."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("no setpriv to give up root's rights with")
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]


@pytest.fixture
def kincap(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ``kincap ARGS`` as its own process in an empty folder."""

    def run(
        *args: object, cwd: Path = tmp_path, timeout: float = 120, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kincap", *map(str, args)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=timeout,
            env={**os.environ, "OMP_NUM_THREADS": "1", **env},
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return run
