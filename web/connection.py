"""One connection to a page's server: what never arrives or is never read is cut off."""

import asyncio
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

MOST_CONNECTIONS: Final = 200

HEAD_LIMIT_BYTES: Final = 16_384


class BoundedConnection(H11Protocol):
    """A connection that is cut when a request does not arrive, or an answer is not read.

    The body of a request has its own limits where it is read (``json_body.py``).

    Attributes:
        head_time_s: Time for a request's first lines; a page sends them at once.
        unread_time_s: Time for the other side to take an answer that fills the buffers.
    """

    head_time_s: ClassVar[float] = 10.0
    unread_time_s: ClassVar[float] = 30.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._is_socket = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # uvicorn's own signature
        """Expect a request."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Take what arrived; as long as no request is complete, the time runs."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clocks."""
        self._stop_clocks()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Hand the connection over to a web socket, which has limits of its own."""
        self._is_socket = True
        self._stop_clocks()
        super().handle_websocket_upgrade(event)

    def pause_writing(self) -> None:
        """Wait for the other side to read."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(self.unread_time_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the other side has read."""
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()

    def _stop_clocks(self) -> None:
        for timer in (self._head_timer, self._unread_timer):
            if timer is not None:
                timer.cancel()
        self._head_timer = self._unread_timer = None

    def _watch_head(self) -> None:
        """Let the time run while no request is being answered, whatever arrives meanwhile."""
        if self._is_socket:
            return
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering and self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        elif not answering and self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_time_s, self._cut)

    def _cut(self) -> None:
        self._head_timer = None
        self.transport.abort()
