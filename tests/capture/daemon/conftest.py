"""Daemons and their clients as real processes, and a daemon's application in this one."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from kincap.capture.daemon.connection import DaemonConnection
from kincap.capture.daemon.discovery import find_daemon
from kincap.capture.daemon.server import make_app
from kincap.capture.daemon.settings import COMMAND, DaemonSettings
from kincap.capture.daemon.supervisor import Supervisor
from kincap.web.access import Access
from tests.web.asking import PORT, Client

ROOT = Path(__file__).resolve().parents[3]
WAIT_S = 30.0


def wait_until(is_so: Callable[[], Any], what: str = "it") -> Any:
    """Wait until a function returns something true; return that."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        found = is_so()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: not so within {WAIT_S:.0f} s")


@dataclass
class Place:
    """A folder with recordings, a runtime folder of its own, and processes of kincap in it."""

    folder: Path
    running: list["subprocess.Popen[str]"] = field(default_factory=list)

    @property
    def recordings(self) -> Path:
        return self.folder / "recordings"

    @property
    def source(self) -> str:
        return f"tests.capture.daemon.small_sensor:open_sensor:{self.folder}"

    def unplug(self, is_unplugged: bool = True) -> None:
        """Pull the cable of the sensor, or put it back."""
        path = self.folder / "unplugged"
        path.touch() if is_unplugged else path.unlink()

    def begin(self, *args: object, **more: Any) -> "subprocess.Popen[str]":
        """Start a command of kincap."""
        process = subprocess.Popen(
            [sys.executable, "-m", "kincap", *map(str, args)],
            cwd=self.folder,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
            **more,
        )
        self.running.append(process)
        return process

    def run(self, *args: object) -> "subprocess.CompletedProcess[str]":
        """Run a command of kincap to its end."""
        process = self.begin(*args)
        out, err = process.communicate(timeout=WAIT_S)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def daemon(self, source: str | None = None, **more: Any) -> "subprocess.Popen[str]":
        """Start a daemon in the foreground; return it once it serves."""
        words = "--source", source or self.source, "--recordings", self.recordings
        process = self.begin("daemon", *words, "--port", 0, **more)
        wait_until(lambda: self._serves(process), "daemon")
        return process

    def _serves(self, process: "subprocess.Popen[str]") -> bool:
        assert process.poll() is None, process.communicate()
        found = find_daemon()
        return found is not None and found.pid == process.pid

    def ask(self) -> DaemonConnection:
        """Return a connection to the daemon."""
        found = find_daemon()
        assert found is not None
        return DaemonConnection(found)

    def status(self) -> dict[str, Any]:
        """Return the daemon's status."""
        return self.ask().get("/api/status")

    def frames(self) -> int:
        """Return how many colour frames the recording that runs has stored."""
        return int(self.status()["live"]["color_frames"])

    def close(self) -> None:
        """End what still runs."""
        for process in self.running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


@contextmanager
def place_in(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Make a place of its own for a daemon and its clients; end what still runs afterwards."""
    for name in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
        (folder / name).mkdir(mode=0o700)
        patch.setenv(name, str(folder / name))
    found = Place(folder)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Return a place of its own for a daemon and its clients."""
    with place_in(tmp_path, monkeypatch) as found:
        yield found


@dataclass
class DaemonClient(Client):
    """Asks a daemon's application in this process."""

    supervisor: Supervisor
    ended: list[bool]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonClient]:
    """Return a daemon's application over a small sensor, and a way to ask it."""
    folder = tmp_path_factory.mktemp("daemon")
    settings = DaemonSettings(
        source=f"tests.capture.daemon.small_sensor:open_sensor:{folder}",
        recordings=folder / "recordings",
    )
    access, ended = Access(PORT, COMMAND), []
    with Supervisor(settings, logging.getLogger("kincap.test")) as supervisor:
        app = make_app(supervisor, ended.append, access)
        yield DaemonClient(app, access, supervisor, ended)
