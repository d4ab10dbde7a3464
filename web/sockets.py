"""Admission to a web socket: the first message carries the secret, not a header."""

import asyncio
import json
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect

from .access import Access
from .guard import POLICY_VIOLATION

MESSAGE_LIMIT_BYTES: Final = 4096
FIRST_MESSAGE_S: Final = 10.0


async def admit(
    socket: WebSocket, access: Access, time_s: float = FIRST_MESSAGE_S
) -> dict[str, Any] | None:
    """Accept a socket and wait for its first message; nothing is sent before that.

    Args:
        socket: Not accepted yet; the guard has checked where it comes from.
        access: The secrets of this run.
        time_s: Time for the first message.

    Returns:
        The message, a JSON object with ``secret`` (of the page) or ``token`` (of the printed
        address); None if it was wrong or missing, then the socket is closed.
    """
    await socket.accept()
    try:
        async with asyncio.timeout(time_s):
            text = await socket.receive_text()
    except (TimeoutError, KeyError):  # a binary message has no text
        await socket.close(POLICY_VIOLATION)
        return None
    except WebSocketDisconnect:
        return None
    message = _read(text)
    if message is None or not _is_known(message, access):
        await socket.close(POLICY_VIOLATION)
        return None
    return message


def _read(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_known(message: dict[str, Any], access: Access) -> bool:
    secret, token = message.get("secret"), message.get("token")
    if isinstance(secret, str):
        return access.knows(secret)
    return isinstance(token, str) and access.redeem(token)
