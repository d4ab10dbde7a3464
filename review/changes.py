"""Changes since a page last asked: a request that is answered when something differs."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from typing import Any, Final

from ..web.threads import WorkerThreads

WAIT_S: Final = 20.0
"""A request is answered after this time at the latest."""
LOOK_S: Final = 0.4
"""Time between two looks at the folders."""

Marks = dict[str, dict[str, str]]


class ChangeWatch:
    """Looks at all sessions while a page waits; several pages share a look.

    Args:
        look: Returns the marks of all sessions by name.
        threads: Where it is called.
    """

    def __init__(self, look: Callable[[], Marks], threads: WorkerThreads) -> None:
        self._look, self._threads = look, threads
        self._looking: asyncio.Task[Marks] | None = None

    async def wait(self, token: str, wait_s: float = WAIT_S) -> dict[str, Any]:
        """Return the marks of all sessions when they are not those of a token.

        Args:
            token: Of an earlier answer; any other text is answered at once.
            wait_s: Time after which the answer comes in any case.
        """
        end = asyncio.get_running_loop().time() + wait_s
        while True:
            marks = await self._marks()
            now = hashlib.sha256(json.dumps(marks, sort_keys=True).encode()).hexdigest()[:16]
            if now != token or asyncio.get_running_loop().time() >= end:
                return {"schema": "kincap/review-changes/1", "token": now, "sessions": marks}
            await asyncio.sleep(LOOK_S)

    async def _marks(self) -> Marks:
        """Take a look, or wait for the one that another page has begun."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.ensure_future(self._threads.run(self._look))
        return await asyncio.shield(self._looking)
