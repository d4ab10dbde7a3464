"""``kincap review`` as a process: its port, its address, its end, and raw requests to it."""

import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from kincap.review.server import DEFAULT_PORT


def raw(port: int, request: bytes) -> bytes:
    """Send bytes as they are; return the first line of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        return connection.makefile("rb").readline().strip()


def secret_of(url: str) -> str:
    """Open the printed address as the page does; return the secret."""
    address = urlsplit(url)
    token = address.query.removeprefix("token=")
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    headers = {"Origin": f"http://{address.netloc}", "Content-Type": "application/json"}
    connection.request("POST", "/open", json.dumps({"token": token}), headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200
    return str(json.loads(body)["secret"])


def test_a_real_process_serves_its_own_page_and_nobody_else(serve: Any, make_session: Any):
    make_session("one", frames=4, dropped=range(0))
    served = serve(make_session.recordings)
    host = f"Host: 127.0.0.1:{served.port}\r\n".encode()
    secret = f"Kincap-Secret: {secret_of(served.url)}\r\n".encode()
    ask = b"GET /api/sessions HTTP/1.1\r\n"
    assert raw(served.port, ask + host + secret + b"\r\n") == b"HTTP/1.1 200 OK"
    refused = (b"HTTP/1.1 4",)
    strangers = {
        "no secret": ask + host,
        "two hosts": ask + host + host + secret,
        "foreign host": ask + b"Host: evil.example\r\n" + secret,
        "no host": ask + secret,
        "no host, old HTTP": b"GET /api/sessions HTTP/1.0\r\n" + secret,
        "foreign origin": ask + host + secret + b"Origin: http://evil.example\r\n",
        "whole address": b"GET http://evil.example/api/sessions HTTP/1.1\r\n" + host + secret,
        "forwarded": ask + host + b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: x\r\n",
    }
    for name, request in strangers.items():
        assert raw(served.port, request + b"\r\n").startswith(refused), name
    listening = psutil.Process(served.process.pid).net_connections()
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}


def test_a_socket_is_not_opened(serve: Any, make_session: Any):
    served = serve(make_session.recordings)
    request = (
        f"GET /api/sessions HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://evil.example\r\n\r\n"
    )
    assert raw(served.port, request.encode()).startswith(b"HTTP/1.1 4")


def test_ctrl_c_ends_it_cleanly_and_only_the_address_stands_on_stdout(serve: Any, tmp_path: Path):
    served = serve(tmp_path / "recordings")
    code, out, err = served.stop()
    assert code == 0
    assert out == ""
    assert "Traceback" not in err
    assert "token" not in err
    assert not (tmp_path / "recordings").exists()


def test_a_folder_that_was_named_and_is_missing_is_refused_an_empty_one_is_not(
    serve: Any, tmp_path: Path, kincap: Callable[..., Any]
):
    asked = kincap("review", "--no-open", "--recordings", "recordngs")
    assert asked.returncode == 2
    assert asked.stderr == (
        "kincap: --recordings: recordngs does not exist; name the folder that holds the sessions\n"
    )
    assert asked.stdout == ""
    (tmp_path / "new").mkdir()
    assert secret_of(serve(tmp_path / "new").url)


@pytest.fixture
def usual_port_taken() -> Any:
    """Hold the usual port, or leave it to whoever holds it already."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            holder.bind(("127.0.0.1", DEFAULT_PORT))
            holder.listen()
        except OSError:
            pass  # taken already: all the same for the test
        yield DEFAULT_PORT


def test_a_taken_port_is_replaced_by_a_free_one_unless_it_was_asked_for(
    serve: Any, tmp_path: Path, usual_port_taken: int, kincap: Callable[..., Any]
):
    served = serve(tmp_path, "--recordings", str(tmp_path))
    assert served.port != usual_port_taken
    assert secret_of(served.url)
    code, _, err = served.stop()
    assert code == 0
    assert str(served.port) in err
    asked = kincap("review", "--no-open", "--port", usual_port_taken)
    assert asked.returncode == 2
    assert asked.stderr.count("\n") == 1
    assert f"--port {usual_port_taken}" in asked.stderr


def test_a_file_instead_of_a_folder_is_refused(tmp_path: Path, kincap: Callable[..., Any]):
    (tmp_path / "file").write_text("no folder")
    found = kincap("review", "--no-open", "--recordings", tmp_path / "file")
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert "not a folder" in found.stderr


def test_a_session_that_is_not_there_is_named_with_those_that_are(
    make_session: Any, kincap: Callable[..., Any]
):
    make_session("clothing1", frames=3, dropped=range(0))
    asked = ("review", "clothing2", "--no-open", "--recordings", make_session.recordings)
    found = kincap(*asked)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert "clothing2: no session here; there are: clothing1" in found.stderr


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for a browser is a shell script")
def test_the_browser_is_opened_with_an_address_that_works_once(tmp_path: Path):
    seen = tmp_path / "seen"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf "%s" "$1" > {seen}.new && mv {seen}.new {seen}\n')
    browser.chmod(0o700)
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", "review", "--port", "0"],
        cwd=tmp_path,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "BROWSER": str(browser)},
    )
    try:
        assert process.stdout is not None
        printed = process.stdout.readline().strip()
        for _ in range(200):
            if seen.exists():
                break
            process_wait(process, 0.05)
        opened = seen.read_text()
        assert opened.startswith(printed.partition("?")[0])
        assert opened != printed
        assert secret_of(opened) == secret_of(printed)
        with pytest.raises(AssertionError):
            secret_of(opened)
    finally:
        process.kill()
        process.communicate()


def process_wait(process: subprocess.Popen[str], seconds: float) -> None:
    """Let the process run for a while."""
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(seconds)
