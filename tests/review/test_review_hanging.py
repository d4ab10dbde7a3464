"""A session that is odd, or that hangs: the others go on, and Ctrl-C ends the command."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kincap.review.summaries import Summaries
from kincap.web.access import SECRET_HEADER
from tests.review.test_review_command import secret_of

LEASES = hasattr(os, "mkfifo") and sys.platform == "linux"


def test_a_line_that_takes_too_long_holds_up_no_other():
    release = threading.Event()
    calls: list[str] = []

    def read(name: str) -> dict[str, Any]:
        calls.append(name)
        if name.startswith("hangs"):
            release.wait()
        return {"name": name}

    summaries = Summaries(read, patience_s=0.3)
    names = [f"hangs{n}" for n in range(9)] + [f"fine{n}" for n in range(20)]
    try:
        for _ in range(4):
            lines = summaries.get(names)
        assert [lines[f"fine{n}"] for n in range(20)] == [{"name": f"fine{n}"} for n in range(20)]
        assert [lines[f"hangs{n}"] for n in range(9)] == [None] * 9
        # nothing is asked for again while it is still being read
        assert all(calls.count(f"hangs{n}") == 1 for n in range(9))
    finally:
        release.set()
    time.sleep(0.1)
    assert None not in summaries.get(names).values()
    assert set(summaries.get(["fine1"])) == {"fine1"}


@contextlib.contextmanager
def hanging_on_open(path: Path) -> Iterator[None]:
    """Make every open of a file wait, as on a disk that does not answer: for 45 s at most."""
    import fcntl

    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    descriptor = os.open(path, os.O_RDWR)
    try:
        try:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            pytest.skip(f"no leases on this disk: {error}")
        yield
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)


def get(port: int, secret: str, path: str) -> tuple[int, Any]:
    """Ask a running server."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={SECRET_HEADER: secret})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body.startswith(b"{") else body


@pytest.mark.skipif(not LEASES, reason="leases are Linux's way to make an open wait")
def test_hanging_sessions_take_nothing_with_them(serve: Any, make_session: Any):
    fine = make_session("fine", frames=4, dropped=range(0))
    files = ("000000.h5", "session.json", "manifest.jsonl", "edits.json")
    stuck = {f"stuck{n}": make_session(f"stuck{n}", frames=4, dropped=range(0)) for n in range(4)}
    shutil.copy(fine / "session.json", stuck["stuck3"] / "edits.json")
    (stuck["stuck0"] / "000000.h5").chmod(0o600)
    served = serve(make_session.recordings)
    secret = secret_of(served.url)
    with contextlib.ExitStack() as stack:
        for folder, file in zip(stuck.values(), files, strict=True):
            stack.enter_context(hanging_on_open(folder / file))
        look_at_all(served.port, secret, list(stuck))
        code, out, err = stop_quickly(served)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def look_at_all(port: int, secret: str, odd: list[str]) -> None:
    """Ask for all of some odd sessions, then see that the others are well."""
    for name in odd:
        for path in ("", "/frames/0", "/thumbnail"):
            ask = (port, secret, f"/api/sessions/{name}{path}")
            threading.Thread(target=_ignore_errors, args=ask, daemon=True).start()
    begin = time.monotonic()
    status, report = get(port, secret, "/api/sessions")
    assert status == 200
    lines = {line["name"]: line for line in report["sessions"]}
    assert set(lines) == {"fine", *odd}
    assert lines["fine"]["frames"] == 4
    assert all(lines[name]["state"] in ("reading", "damaged", "sealed", "left") for name in odd)
    assert get(port, secret, "/api/sessions/fine/frames/1")[0] == 200
    assert get(port, secret, "/api/sessions/fine")[0] == 200
    assert time.monotonic() - begin < 8


def stop_quickly(served: Any) -> tuple[int, str, str]:
    """Press Ctrl-C and see that it ends soon."""
    begin = time.monotonic()
    found = served.stop()
    assert time.monotonic() - begin < 5
    return found


def _ignore_errors(port: int, secret: str, path: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        get(port, secret, path)


ODD_NAMES = ["con", "x..y", "b.", "A", "a"]


def test_odd_sessions_are_one_line_each(client: Any, make_session: Any):
    """A folder called con, x..y or A beside a made the whole list fail."""
    fine = make_session("fine", frames=4, dropped=range(0))
    for name in ODD_NAMES:
        shutil.copytree(fine, fine.parent / name)
    os.mkfifo(fine.parent / "a" / "quality.json")
    for name, content in (("latin", b"{\xe9}"), ("deep", b"[" * 100_000), ("none", b"")):
        (fine.parent / name).mkdir()
        (fine.parent / name / "session.json").write_bytes(content)
    lines = {line["name"]: line for line in client.ask("/api/sessions").json()["sessions"]}
    assert {"fine", *ODD_NAMES, "latin", "deep", "none"} <= set(lines)
    assert lines["fine"]["problem"] is None
    for name in ("con", "x..y", "b.", "latin", "deep", "none"):
        assert lines[name]["state"] == "damaged", name
        assert "\n" not in lines[name]["problem"]
    assert client.ask("/api/sessions/fine/frames/1").status == 200


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_in_place_of_files_are_odd_sessions(serve: Any, make_session: Any):
    make_session("fine", frames=4, dropped=range(0))
    files = ("manifest.jsonl", "edits.json", "000000.h5", "lock", "lock.json")
    odd = [f"odd{n}" for n in range(len(files))]
    for name, file in zip(odd, files, strict=True):
        folder = make_session(name, frames=4, dropped=range(0))
        (folder / file).unlink(missing_ok=True)
        os.mkfifo(folder / file)
    served = serve(make_session.recordings)
    look_at_all(served.port, secret_of(served.url), odd)
    code, _, err = stop_quickly(served)
    assert code == 0
    assert "Traceback" not in err


def test_ctrl_c_ends_it_quickly_with_requests_under_way(serve: Any, make_session: Any):
    make_session("one", frames=4, dropped=range(0))
    served = serve(make_session.recordings)
    with contextlib.ExitStack() as stack:
        for number in range(20):
            connection = socket.create_connection(("127.0.0.1", served.port), timeout=10)
            stack.enter_context(connection)
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x"[: 4 + number])
        code, _, err = stop_quickly(served)
    assert code == 0
    assert "Traceback" not in err
