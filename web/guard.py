"""Who may speak to the review server: one guard in front of every route, known or unknown.

The page shows pictures of people, and it can write. Another page that is open in the same browser,
or a name that an attacker points at 127.0.0.1, must get nothing out of it. So every request needs

* exactly one ``Host`` header, and it is ours (DNS rebinding sends another),
* no foreign ``Origin``, and our own one on whatever may change something and on sockets,
* no ``Sec-Fetch-Site`` that says another site asked (browsers set it, pages can't),
* the cookie. It is given once for the token in the printed address, and the answer is a redirect,
  so the token leaves the address bar.

A refusal comes before routing: without the cookie nobody learns which paths exist.
"""

import hmac
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECURITY_HEADERS: Final[dict[str, str]] = {
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'; object-src 'none'"
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

NEEDS_ADDRESS: Final = (
    "kincap review: paste the whole address that the command printed into the address bar "
    "(it carries a token, new at each start).\n"
)


class Access:
    """The secrets of one run of the server.

    Attributes:
        hosts: The ``Host`` values that are ours.
        cookie_name: Cookies don't know ports: the name does, so two servers don't collide.
    """

    def __init__(self, port: int) -> None:
        self.hosts: Final = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        self.cookie_name: Final = f"kincap_review_{port}"
        self.token: Final = secrets.token_urlsafe(32)
        # not the token itself: the address may stay in a history, the cookie's value never does
        self._cookie: Final = secrets.token_urlsafe(32)
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """Return a token that works once.

        The browser is opened with one of these: a command line can be read by others on the
        machine, and by the time they do, it is used up.
        """
        ticket = secrets.token_urlsafe(32)
        self._tickets.add(ticket)
        return ticket

    def redeem(self, token: str) -> bool:
        """Say whether a token opens the page; a ticket is used up by it."""
        for ticket in tuple(self._tickets):
            if _same(token, ticket):
                self._tickets.discard(ticket)
                return True
        return _same(token, self.token)

    def knows(self, cookie: str) -> bool:
        """Say whether this is the cookie that we gave."""
        return _same(cookie, self._cookie)

    def set_cookie(self) -> str:
        """Return the value of the ``Set-Cookie`` header."""
        return f"{self.cookie_name}={self._cookie}; Path=/; HttpOnly; SameSite=Strict"


class Guard:
    """ASGI middleware that lets only the user's own page through.

    Args:
        app: What is guarded, all of it.
        access: The secrets and names of this run.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app, self._access = app, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            # there is no socket here yet; when there is, it stands behind the same checks
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        answer = refusal or self._opening(scope)
        await (answer or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that isn't the user's own page's, None if it is."""
        hosts = _values(scope, b"host")
        if len(hosts) != 1 or hosts[0].lower() not in self._access.hosts:
            return PlainTextResponse("kincap review: this host is not served here\n", 421)
        safe = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        origins = _values(scope, b"origin")
        own = [f"http://{hosts[0].lower()}"]
        if origins != own and (origins or not safe):
            return PlainTextResponse("kincap review: only its own page may ask\n", 403)
        if not self._from_own_page(scope, safe):
            return PlainTextResponse("kincap review: only its own page may ask\n", 403)
        if not scope["path"].startswith("/"):
            return PlainTextResponse("kincap review: not a path\n", 400)
        if self._has_cookie(scope) or (safe and self._opens(scope)):
            return None
        return PlainTextResponse(NEEDS_ADDRESS, 401)

    def _from_own_page(self, scope: Scope, safe: bool) -> bool:
        """Check the browser's own word on who asks; other programs don't send it."""
        sites = _values(scope, b"sec-fetch-site")
        if all(site in ("same-origin", "none") for site in sites):
            return True
        # following a link to the page itself shows nothing to the page that had the link
        typed = _values(scope, b"sec-fetch-dest") == ["document"]
        return safe and typed and scope["path"] == "/"

    def _has_cookie(self, scope: Scope) -> bool:
        found = [
            value.strip()
            for header in _values(scope, b"cookie")
            for name, _, value in (part.partition("=") for part in header.split(";"))
            if name.strip() == self._access.cookie_name
        ]
        return len(found) == 1 and self._access.knows(found[0])

    def _opens(self, scope: Scope) -> bool:
        """Check the token of the printed address, which only the page's own path takes."""
        tokens = _query(scope).get("token", [])
        if scope["path"] != "/" or len(tokens) != 1 or not self._access.redeem(tokens[0]):
            return False
        scope["kincap_opened"] = True
        return True

    def _opening(self, scope: Scope) -> Response | None:
        """Return the redirect that takes the token out of the address bar."""
        if scope["path"] != "/" or "token" not in _query(scope):
            return None
        # `#clothing3/1234` behind the address is kept by the browser across the redirect
        answer = RedirectResponse("/", status_code=303)
        if scope.get("kincap_opened"):
            answer.headers["set-cookie"] = self._access.set_cookie()
        return answer


def _values(scope: Scope, name: bytes) -> list[str]:
    """Return every value of a header, as sent."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _query(scope: Scope) -> Mapping[str, list[str]]:
    return parse_qs(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)


def _same(given: str, expected: str) -> bool:
    """Compare secrets in constant time; any text may be given."""
    return hmac.compare_digest(given.encode(), expected.encode())


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
