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
_NOTHING_NEW: Final = 204
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

    def picture(self, after: int) -> tuple[bytes, dict[str, str]] | None:
        """Return the newest picture as a JPEG, and what the daemon says of it.

        Args:
            after: Number of the picture that is known; -1 for none.

        Returns:
            The JPEG and the answer's headers (``picture.py``); None: there is no newer one.

        Raises:
            DaemonGoneError: It does not answer.
            RefusedError: It refused.
        """
        self._open()
        status, head, content = self._reply("GET", f"/api/picture?after={after}", None)
        if status == _NOTHING_NEW:
            return None
        if status != 200:
            _checked(status, content)
        return content, _headers(head)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
        self._open()
        status, _, content = self._reply(method, path, body)
        return _checked(status, content)

    def _open(self) -> None:
        """Exchange the token for the secret, once."""
        if not self._secret:
            status, _, content = self._reply("POST", "/open", {"token": self.daemon.token})
            self._secret = str(_checked(status, content)["secret"])

    def _reply(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, bytes, bytes]:
        """Return status, head and content of the answer to a request."""
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
            if len(found) < int(_headers(head).get("content-length", 0)):
                raise ValueError("cut off")
        except (OSError, ValueError, IndexError) as error:
            raise DaemonGoneError(
                f"the daemon (process {self.daemon.pid}) does not answer; look at kincap daemon "
                "status, end it by kincap daemon stop, or record without it by --standalone"
            ) from error
        return status, head, found

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


def _headers(head: bytes) -> dict[str, str]:
    """Return the headers of an answer, by their names in small letters."""
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


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
