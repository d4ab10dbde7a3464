"""Everything that reads a session, as a person calls it: commands, the review page, a replay.

All of it runs in this process; whoever calls it should be a process that may die.
"""

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import typer.main

from kincap.capture.sources.replay import ReplaySensor
from kincap.capture.sources.sensor import ColorFrame
from kincap.cli import main as command_line
from kincap.core.errors import KincapError
from kincap.report.quality import load_quality
from kincap.review.session_list import SessionList
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import TABLE_STREAM, Stream
from kincap.sessions.session_file import load_session

from ..review.inner_app import make_inner_app

Item = tuple[str, int]

# typer makes its commands anew for each call, which takes longer than most of them
_make_app = cache(command_line.make_app)
command_line.make_app = lambda words=(): _make_app(tuple(words[:1]))
typer.main.get_command = cache(typer.main.get_command)


class BrokenError(Exception):
    """Something ended as nothing may end: with a traceback, or an exit code of no meaning."""


@dataclass(frozen=True)
class Said:
    """What a command said.

    Attributes:
        code: Its exit code.
        out: Its stdout.
        err: Its stderr.
    """

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def kincap(*words: object) -> Said:
    """Run one of kincap's commands in this process.

    Raises:
        BrokenError: It ended with a traceback.
    """
    out, err, code, before = io.StringIO(), io.StringIO(), 0, sys.argv
    sys.argv = ["kincap", *map(str, words)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            command_line.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException as error:
        raise BrokenError(f"kincap {words[0]} {words[1]}: {error!r}") from error
    finally:
        sys.argv = before
    if code not in (0, 1, 2):
        raise BrokenError(f"kincap {words[0]} {words[1]}: exit {code}: {err.getvalue()}")
    return Said(code, out.getvalue(), err.getvalue())


def items(folder: Path) -> dict[Item, bytes]:
    """Return every item that a reader gives, by stream and seq; one that it refuses is left out.

    Raises:
        KincapError: The session can't be read as a whole.
    """
    found: dict[Item, bytes] = {}
    with SessionReader(folder) as reader:
        for stream in TABLE_STREAM.values():
            for row in reader.rows(stream):
                key, said = (stream.name, int(row["seq"])), bytearray(row.tobytes())
                if stream is not Stream.bodies:
                    # where a blob lies may change; what it is may not
                    row = row.copy()
                    row["offset"] = row["row_crc"] = 0
                    try:
                        said = bytearray(row.tobytes() + reader.blob(stream, key[1]))
                    except KincapError:
                        continue
                found[key] = bytes(said)
    return found


def content(folder: Path) -> dict[str, Any]:
    """Return all that a reader gives of a session besides its items; None where it refuses."""
    found: dict[str, Any] = {}
    for name, read in (
        ("info", lambda: load_session(folder).to_json()),
        ("edits", lambda: load_edits(folder).operations),
        ("events", lambda: _events(folder)),
        ("quality", lambda: load_quality(folder)),
    ):
        try:
            found[name] = read()
        except KincapError:
            found[name] = None
    return found


def _events(folder: Path) -> list[bytes]:
    with SessionReader(folder) as reader:
        return [row.tobytes() for row in reader.events]


def replay(folder: Path) -> int:
    """Play a session as a source to its end or its first damaged frame; return the frames."""
    frames = 0
    try:
        sensor = ReplaySensor(folder, f"session:{folder}")
        try:
            for item in sensor.items():
                frames += isinstance(item, ColorFrame)
        finally:
            sensor.close()
    except KincapError:
        pass
    except Exception as error:
        raise BrokenError(f"replay: {error!r}") from error
    return frames


def review(recordings: Path, name: str) -> None:
    """Ask the review server for all that its page asks for.

    Raises:
        BrokenError: It answers with a fault of its own.
    """
    sessions = SessionList(recordings)
    app = make_inner_app(sessions)
    session = f"/api/sessions/{name}"
    try:
        for path in (
            "/api/sessions", session, f"{session}/thumbnail", f"{session}/timeline/0",
            f"{session}/bodies/0", *(f"{session}/frames/{seq}" for seq in (0, 3, 7, 12)),
        ):  # fmt: skip
            status, body = asyncio.run(_ask(app, path))
            if b"the server failed" in body:
                raise BrokenError(f"review {path}: {status} {body[:200]!r}")
    finally:
        sessions.close()


async def _ask(app: Any, path: str) -> tuple[int, bytes]:
    """Send one GET request to an app in this process."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [],
        "server": ("127.0.0.1", 1), "client": ("127.0.0.1", 2),
    }  # fmt: skip
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def look(recordings: Path, name: str) -> Iterator[Said]:
    """Yield what each command that only reads says of a session, but for verify."""
    at = ("--recordings", recordings)
    yield kincap("sessions", "list", *at)
    yield kincap("sessions", "list", "--json", *at)
    yield kincap("sessions", "show", name, *at)
    yield kincap("sessions", "show", name, "--json", *at)
    yield kincap("sessions", "report", name, "--json", *at)
    yield kincap("build", "--dry-run", "--json", *at, "--out", recordings / "out.h5")
