"""Small sessions made by kincap's own writer, and a way to ask the app with any headers at all."""

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.core.files.file_io import FileIO
from kincap.core.jpeg import encode_jpeg
from kincap.review.server import COMMAND, make_app
from kincap.review.session_list import SessionList
from kincap.sessions.device import Device
from kincap.sessions.info import new_session
from kincap.sessions.schema import (
    EventKind,
    Stream,
    empty_body_row,
    event_row,
    finish_rows,
    pack_index_row,
)
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.sealing import finish
from kincap.sessions.shard.shard_writer import ShardWriter
from kincap.web.access import Access
from tests.review.browser import FLAGS, Watched, chromium
from tests.web.asking import PORT, Answer, Client

SIZE_PX = (320, 180)
TICK_100NS = 333_333


def body_row(seq: int, take: int, time_device: int, inferred: Sequence[int] = ()) -> np.ndarray:
    """Return a row with one person in slot 2, with its joints at (seq, joint number)."""
    row = empty_body_row()
    row["seq"], row["take"], row["time_device"] = seq, take, time_device
    row["tracked"][0, 2] = 1
    row["joint_state"][0, 2] = 2
    row["joint_state"][0, 2, list(inferred)] = 1
    row["joint_color_px"][0, 2, :, 0] = 100 + seq
    row["joint_color_px"][0, 2, :, 1] = np.arange(25)
    row["joint_xyz_m"][0, 2] = (0, 0, 2.5)
    return finish_rows(row)


@dataclass
class SessionMaker:
    """Writes a sealed session: two takes, one run of dropped frames, left wrist inferred."""

    recordings: Path

    def __call__(
        self,
        name: str,
        frames: int = 60,
        takes: int = 2,
        dropped: range = range(20, 23),
        seal: bool = True,
        **about: Any,
    ) -> Path:
        folder = self.recordings / name
        folder.mkdir(parents=True)
        device = Device("made", SIZE_PX, mirrored=True, times="device")
        info = new_session(name, device=device, source={"kind": "made", "uri": "made"}, **about)
        layout = make_layout(info.uuid, info.created_utc, shard_mib=max(8, frames // 7))
        info.add_layout(layout)
        save_session(folder, info)
        io = FileIO()
        writer = ShardWriter(folder / "000000.h5", layout, io)
        writer.prepare()
        for seq in range(frames):
            take = seq * takes // frames
            now = 10_000_000 * (5 - take) + seq * TICK_100NS
            if seq not in dropped:
                blob = encode_jpeg(picture(seq))
                writer.append("color_index", pack_index_row(seq, take, now, 0), blob)
            writer.append("bodies", body_row(seq, take, now + 50_000, inferred=[6]))
        if len(dropped):
            event = event_row(
                EventKind.drop_ring_full,
                take=0,
                stream=Stream.color,
                seq_first=dropped[0],
                seq_last=dropped[-1],
                count=len(dropped),
            )
            writer.append("events", finish_rows(event))
        writer.sync()
        writer.close()
        if seal:
            finish(folder, "000000.h5", layout, io)
        return folder


def picture(seq: int) -> np.ndarray:
    """Return a picture that no other frame has."""
    image = np.full((SIZE_PX[1], SIZE_PX[0], 3), 60, np.uint8)
    image[:, : 5 + 5 * (seq % 60)] = (40, 120, 200)
    return image


@pytest.fixture
def make_session(tmp_path: Path) -> SessionMaker:
    """Return a function that writes small sessions into ``tmp_path/recordings``."""
    return SessionMaker(tmp_path / "recordings")


@dataclass
class ReviewClient(Client):
    """Asks the review page's application."""

    sessions: SessionList

    def uuid(self, name: str) -> str:
        """Return a session's identity."""
        return str(self.ask(f"/api/sessions/{name}").json()["uuid"])

    def change(self, name: str, what: str, **body: Any) -> Answer:
        """Send a decision, undo or redo about the session that has this name now."""
        return self.post(f"/api/sessions/{name}/{what}", {"uuid": self.uuid(name), **body})


@pytest.fixture
def client(tmp_path: Path) -> Iterator[ReviewClient]:
    """Return the app over ``tmp_path/recordings`` and a way to ask it."""
    sessions = SessionList(tmp_path / "recordings")
    access = Access(PORT, COMMAND)
    yield ReviewClient(make_app(sessions, access), access, sessions)
    sessions.close()


@dataclass
class Served:
    """A running ``kincap review``."""

    url: str
    process: subprocess.Popen[str]

    @property
    def base(self) -> str:
        """The address without its token."""
        return self.url.partition("?")[0]

    @property
    def port(self) -> int:
        return int(self.base.rstrip("/").rpartition(":")[2])

    def stop(self) -> tuple[int, str, str]:
        """Press Ctrl-C; return the exit code and what was printed after the address."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


@contextmanager
def serving(recordings: Path, *args: str) -> Iterator[Served]:
    """Run ``kincap review`` as a process of its own; a missing folder is the usual one there."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kincap", "review", "--no-open"),
            *(("--recordings", str(recordings)) if recordings.exists() else ()),
            *(args or ("--port", "0")),
        ],
        cwd=recordings.parent,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        served = Served(process.stdout.readline().strip(), process)
        assert served.url.startswith("http://127.0.0.1:"), process.communicate()
        yield served
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Return a function that starts ``kincap review`` as a process of its own."""
    with ExitStack() as running:
        yield lambda recordings, *args: running.enter_context(serving(recordings, *args))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def watched(browser: Any) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1366, "height": 768})
    yield Watched(context.new_page())
    context.close()
