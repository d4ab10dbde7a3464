"""One guard in front of every route of a page, known or unknown.

The pages show pictures of people, and they can write. Another page that is open in the same
browser, another program that serves a port of this machine, or a name that an attacker points at
127.0.0.1 must get nothing from them. So every request needs

* exactly one ``Host`` header, and it is ours (DNS rebinding sends another),
* no foreign ``Origin``, and our own one on whatever may change something,
* no ``Sec-Fetch-Site`` that says that another site asked (browsers set it, pages can't),
* the secret, as a header that only the page's own script sends (``access.py``).

Open without the secret are only the page's own files, which hold nothing of the person, and the
address that gives the secret for a token. A refusal comes before routing: without the secret, a
known path cannot be told from an unknown one. Web sockets are refused but on the paths that a page
names; there the first message carries the secret (``sockets.py``): browsers send no headers.
"""

from typing import Final

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import SECRET_HEADER, Access

SECURITY_HEADERS: Final[dict[str, str]] = {
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        # pictures are fetched with the secret and shown from memory
        "form-action 'self'; object-src 'none'; img-src 'self' blob:"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    # pictures of people: neither a proxy nor the browser's disk cache keeps them
    "cache-control": "no-store",
}

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
PAGE_PATH: Final = "/"
POLICY_VIOLATION: Final = 1008
"""Close code of a web socket that may not be used."""
OPEN_PATH: Final = "/open"


class Guard:
    """ASGI middleware that lets only the user's own page through.

    Args:
        app: What is guarded, all of it.
        access: The secrets and names of this run.
        files: Paths of the page's own files; they are served without the secret.
        sockets: Paths that take web sockets; what serves them asks for the secret.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        files: frozenset[str],
        sockets: frozenset[str] = frozenset(),
    ) -> None:
        self._app, self._access = app, access
        self._files = files | {PAGE_PATH}
        self._sockets = sockets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await (self._refusal(scope) or self._app)(scope, receive, _with_headers(send))
        elif self._takes_socket(scope):
            await self._app(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that isn't the user's own page's, None if it is."""
        command = self._access.command
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._access.hosts:
            return PlainTextResponse(f"{command}: this host is not served here\n", 421)
        safe = scope["method"] in SAFE_METHODS
        origins = _values(scope, b"origin")
        if origins != [f"http://{hosts[0].lower()}"] and (origins or not safe):
            return PlainTextResponse(f"{command}: only its own page may ask\n", 403)
        if not _from_own_page(scope, safe):
            return PlainTextResponse(f"{command}: only its own page may ask\n", 403)
        if not scope["path"].startswith("/"):
            return PlainTextResponse(f"{command}: not a path\n", 400)
        if self._is_open(scope, safe) or self._has_secret(scope):
            return None
        return PlainTextResponse(
            f"{command}: open the whole address that the command printed "
            "(it carries a token, new at each start)\n",
            401,
        )

    def _takes_socket(self, scope: Scope) -> bool:
        """Return True if a socket is the own page's or a program's, on a path for sockets."""
        hosts = _values(scope, b"host")
        if scope["path"] not in self._sockets or len(hosts) != 1:
            return False
        host = hosts[0].lower()
        # browsers always send an origin with a socket, other programs none
        is_own = _values(scope, b"origin") in ([], [f"http://{host}"])
        return host in self._access.hosts and is_own and _from_own_page(scope, safe=True)

    def _is_open(self, scope: Scope, safe: bool) -> bool:
        """Return True if a request needs no secret."""
        if scope["method"] == "POST":
            return bool(scope["path"] == OPEN_PATH)
        return safe and scope["path"] in self._files

    def _has_secret(self, scope: Scope) -> bool:
        found = _values(scope, SECRET_HEADER.encode())
        return len(found) == 1 and self._access.knows(found[0])


def _from_own_page(scope: Scope, safe: bool) -> bool:
    """Return True if the browser does not say that another site asks; other programs don't say."""
    sites = _values(scope, b"sec-fetch-site")
    if all(site in ("same-origin", "none") for site in sites):
        return True
    # following a link to the page itself shows nothing to the page that had the link
    typed = _values(scope, b"sec-fetch-dest") == ["document"]
    return safe and typed and scope["path"] == PAGE_PATH


def _values(scope: Scope, name: bytes) -> list[str]:
    """Return every value of a header, as sent."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _with_headers(send: Send) -> Send:
    """Return a sender that adds the security headers to every answer."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            given = [
                (key, value)
                for key, value in message.get("headers", [])
                if key.lower().decode("latin-1") not in SECURITY_HEADERS
            ]
            ours = [(key.encode(), value.encode()) for key, value in SECURITY_HEADERS.items()]
            message = {**message, "headers": given + ours}
        await send(message)

    return add
