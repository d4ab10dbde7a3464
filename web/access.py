"""The secrets of one run of a server, and the names that it answers to.

Two kinds of secret. A *token* is part of the printed address: a person opens the page with it. The
*secret* is given for a token; the page keeps it in its session storage and sends it as a header. No
browser sends that header by itself, so following a link, loading a picture or opening another port
of this machine never discloses it. A cookie would not do: browsers send a cookie to every port of a
host.
"""

import hmac
import secrets
from typing import Final

LOOPBACK: Final = "127.0.0.1"
SECRET_HEADER: Final = "kincap-secret"


class Access:
    """The secrets of one run of a server.

    Args:
        port: The port that it listens on.
        command: What the person typed, such as ``kincap review``; refusals begin with it.

    Attributes:
        command: As given.
        hosts: The ``Host`` values that are ours.
        token: Opens the page, as often as the printed address is used.
        secret: What every other request carries.
    """

    def __init__(self, port: int, command: str) -> None:
        self.command: Final = command
        self.hosts: Final = frozenset({f"{LOOPBACK}:{port}", f"localhost:{port}"})
        self.token: Final = secrets.token_urlsafe(32)
        # not the token itself: an address may stay in a history, the secret never does
        self.secret: Final = secrets.token_urlsafe(32)
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """Return a token that works once.

        The browser is started with one of these: a command line can be read by others on the
        machine. By the time they read it, it is used up.
        """
        ticket = secrets.token_urlsafe(32)
        self._tickets.add(ticket)
        return ticket

    def redeem(self, token: str) -> bool:
        """Return True if a token opens the page; a ticket is used up by it."""
        for ticket in tuple(self._tickets):
            if _same(token, ticket):
                self._tickets.discard(ticket)
                return True
        return _same(token, self.token)

    def knows(self, secret: str) -> bool:
        """Return True if this is the secret that we gave."""
        return _same(secret, self.secret)


def _same(given: str, expected: str) -> bool:
    """Compare secrets in constant time; any text may be given."""
    return hmac.compare_digest(given.encode(errors="replace"), expected.encode())
