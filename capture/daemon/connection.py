"""Requests to the daemon: HTTP over a plain socket, one connection each.

The libraries for HTTP take longer to import than the daemon takes to begin a recording.
"""

import json
import socket
from collections.abc import Mapping
from typing import Any, Final

from ...core.errors import KincapError
from .discovery import DaemonFile

CONNECT_S: Final = 2.0
ANSWER_S: Final = 40.0
"""Longer than the daemon gives any answer of its own."""
_SECRET_HEADER: Final = "kincap-secret"  # web/access.py, which imports more than a client needs


class DaemonGoneError(KincapError):
    """The daemon does not answer any more."""

    exit_code = 1


class RefusedError(KincapError):
    """The daemon refused a request; its line and exit code."""


class DaemonConnection:
    """Asks a daemon; may be used by several threads.

    Args:
        daemon: As ``find_daemon`` returned it.
    """

    def __init__(self, daemon: DaemonFile) -> None:
        self.daemon = daemon
        self._address = daemon.url.removeprefix("http://")
        self._secret = ""

    def get(self, path: str) -> dict[str, Any]:
        """Return the answer to a question.

        Raises:
            DaemonGoneError: It does not answer.
            RefusedError: It refused.
        """
        return self._ask("GET", path, None)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a request.

        Raises:
            DaemonGoneError: It does not answer.
            RefusedError: It refused.
        """
        return self._ask("POST", path, body or {})

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        if not self._secret:
            opened = self._answer("POST", "/open", {"token": self.daemon.token})
            self._secret = str(opened["secret"])
        return self._answer(method, path, body)

    def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            f"host: {self._address}",
            f"{_SECRET_HEADER}: {self._secret}",
            "connection: close",
        ]
        if body is not None:
            lines += [
                f"origin: http://{self._address}",
                "content-type: application/json",
                f"content-length: {len(content)}",
            ]
        request = ("\r\n".join(lines) + "\r\n\r\n").encode() + content
        try:
            answer = self._exchange(request)
            head, _, found = answer.partition(b"\r\n\r\n")
            status = int(head.split(None, 2)[1])
            if len(found) < _length(head):
                raise ValueError("cut off")
        except (OSError, ValueError, IndexError) as error:
            raise DaemonGoneError(
                f"the daemon (process {self.daemon.pid}) does not answer; look at kincap daemon "
                "status, end it by kincap daemon stop, or record without it by --standalone"
            ) from error
        return _checked(status, found)

    def _exchange(self, request: bytes) -> bytes:
        """Send a request; return the whole answer."""
        host, _, port = self._address.partition(":")
        with socket.create_connection((host, int(port)), CONNECT_S) as link:
            link.settimeout(ANSWER_S)
            link.sendall(request)
            parts = []
            while part := link.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)


def _length(head: bytes) -> int:
    """Return the number of bytes that an answer's head announces."""
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


def _checked(status: int, content: bytes) -> dict[str, Any]:
    """Return an answer's JSON object; raise what the daemon refused with."""
    try:
        answer = json.loads(content)
    except ValueError:
        answer = {"error": " ".join(content.decode(errors="replace").split())}
    if not isinstance(answer, dict):
        answer = {"error": f"the daemon answered {status}"}
    if status != 200:
        text = str(answer.get("error", f"the daemon answered {status}"))
        raise RefusedError(text, exit_code=int(answer.get("exit_code", 1)))
    return answer
