"""JSON objects that a page sends: small, complete within seconds, checked."""

import asyncio
import json
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

BODY_LIMIT_BYTES: Final = 4096
BODY_TIME_S: Final = 10.0


async def read_json(
    request: Request, time_s: float = BODY_TIME_S, most: int = BODY_LIMIT_BYTES
) -> dict[str, Any]:
    """Read a small JSON object; anything else is refused before it is held in memory.

    Args:
        request: Its body is read.
        time_s: Time for the whole of it to arrive.
        most: The largest size that is read, bytes.

    Raises:
        HTTPException: It is another kind of content, too large, too slow or not a JSON object.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "expected content-type: application/json")
    try:
        async with asyncio.timeout(time_s):
            body = await _read(request, most)
    except TimeoutError as error:
        raise HTTPException(408, f"body: not complete after {time_s:g} s") from error
    except ClientDisconnect as error:
        raise HTTPException(400, "body: cut off") from error
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "body: not valid JSON") from error
    if not isinstance(found, dict):
        raise HTTPException(400, "body: expected a JSON object")
    return found


async def _read(request: Request, most: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise HTTPException(413, f"body: more than {most} bytes")
    return bytes(body)
