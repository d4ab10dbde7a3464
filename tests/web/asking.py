"""Ask a guarded application in this process, with any headers at all."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from kincap.web.access import SECRET_HEADER, Access

PORT = 8733
HOST = f"127.0.0.1:{PORT}"

Headers = Sequence[tuple[str, str]]


@dataclass
class Answer:
    """An application's answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Client:
    """Asks an application; headers are sent exactly as given."""

    app: Any
    access: Access

    @property
    def good(self) -> list[tuple[str, str]]:
        """The headers of the user's own page."""
        return [
            ("host", HOST),
            (SECRET_HEADER, self.access.secret),
            ("origin", f"http://{HOST}"),
        ]

    def ask(
        self,
        path: str,
        method: str = "GET",
        headers: Headers | None = None,
        body: bytes = b"",
        query: str = "",
    ) -> Answer:
        """Send one request."""
        sent_headers = self.good if headers is None else headers
        asked = _ask(self.app, path, method, sent_headers, body, query)
        # in a thread of its own: a browser that a test drives has a loop running in this one
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, asked).result()

    def post(self, path: str, body: object) -> Answer:
        """Send JSON as the page does."""
        headers = [*self.good, ("content-type", "application/json")]
        return self.ask(path, "POST", headers, json.dumps(body).encode())


async def _ask(
    app: Any, path: str, method: str, headers: Headers, body: bytes, query: str
) -> Answer:
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(key.encode(), value.encode("latin-1")) for key, value in headers],
        "server": ("127.0.0.1", PORT),
        "client": ("127.0.0.1", 50000),
    }
    await app(scope, receive, send)
    start = sent[0]
    return Answer(
        start["status"],
        {key.decode().lower(): value.decode() for key, value in start["headers"]},
        b"".join(message.get("body", b"") for message in sent[1:]),
    )


def without(headers: Headers, *names: str) -> list[tuple[str, str]]:
    """Return headers but for some."""
    return [(key, value) for key, value in headers if key not in names]


def with_value(headers: Headers, name: str, value: str) -> list[tuple[str, str]]:
    """Return headers with another value for one of them."""
    return [*without(headers, name), (name, value)]


STRANGERS = {
    "no secret": lambda good: without(good, SECRET_HEADER),
    "empty secret": lambda good: with_value(good, SECRET_HEADER, ""),
    "wrong secret": lambda good: with_value(good, SECRET_HEADER, "wrong"),
    "odd secret": lambda good: with_value(good, SECRET_HEADER, "\xff\xfe"),
    "two secrets": lambda good: [*good, *(item for item in good if item[0] == SECRET_HEADER)],
    "secret as a cookie": lambda good: [
        *without(good, SECRET_HEADER),
        ("cookie", f"{SECRET_HEADER}={dict(good)[SECRET_HEADER]}"),
    ],
    "no host": lambda good: without(good, "host"),
    "two hosts": lambda good: [*good, ("host", HOST)],
    "two hosts, one foreign": lambda good: [*good, ("host", "evil.example")],
    "foreign host": lambda good: with_value(good, "host", f"evil.example:{PORT}"),
    "host with our name as a part": lambda good: with_value(good, "host", f"{HOST}.evil.example"),
    "host of another port": lambda good: with_value(good, "host", "127.0.0.1:8734"),
    "foreign origin": lambda good: with_value(good, "origin", "http://evil.example"),
    "origin null": lambda good: with_value(good, "origin", "null"),
    "origin of another port": lambda good: with_value(good, "origin", "http://127.0.0.1:9999"),
    "origin https": lambda good: with_value(good, "origin", f"https://{HOST}"),
    "two origins": lambda good: [*good, ("origin", "http://evil.example")],
    "origin of our other name": lambda good: with_value(good, "origin", f"http://localhost:{PORT}"),
    "another site asks": lambda good: [*good, ("sec-fetch-site", "cross-site")],
    "another port asks": lambda good: [*good, ("sec-fetch-site", "same-site")],
}
"""Requests of strangers, made of the headers of the user's own page."""


def all_requests(app: Any, fill: dict[str, str]) -> list[tuple[str, str]]:
    """Return each method and path of an application without its guard.

    Args:
        app: Starlette's application.
        fill: A value for each parameter in its paths.
    """
    requests = []
    for route in app.routes:
        path = route.path
        for key, value in fill.items():
            path = path.replace("{" + key + "}", value).replace("{" + key + ":path}", value)
        assert "{" not in path, f"{route.path}: a parameter that this test does not fill"
        requests += [(method, path) for method in sorted(route.methods)]
    return requests
