"""The live page of ``kincap predict --serve``, and the web socket that programs read."""

import json
import time
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from ...core.closing import Closing
from ...core.errors import MissingPartError
from ...core.skeleton import KEYPOINTS_13, Skeleton, side_of
from ...engines.engine import Images
from ...web.access import Access
from ...web.app import guarded_app
from ...web.server import PageAddress, PageServer
from ...web.sockets import admit
from ...web.static_files import PageFiles
from ...web.threads import WorkerThreads
from ..outputs.frame_poses import FramePoses
from .feed import Follower, PoseFeed

COMMAND: Final = "kincap predict"
DEFAULT_PORT: Final = 8735
STATIC_FOLDER: Final = Path(__file__).with_name("static")
SOCKET_PATH: Final = "/live"
SCHEMA: Final = "kincap/live/1"
_MOST_FOLLOWERS: Final = 16
_TRY_AGAIN_LATER: Final = 1013
_RATE_FRAMES: Final = 30


class LivePage(Closing):
    """Serves the frames of a run while it lasts, in threads of its own.

    Args:
        source: As the user wrote it.
        port: None takes the usual port, or a free one where that is in use.
        skeleton: The keypoints.

    Raises:
        MissingPartError: The library websockets is missing.
        KincapError: The port that was asked for can't be taken.
    """

    def __init__(
        self, source: str, port: int | None = None, skeleton: Skeleton = KEYPOINTS_13
    ) -> None:
        # the server loads it by name, and says nothing useful where it is missing
        if find_spec("websockets") is None:
            raise MissingPartError("--serve needs websockets; pip install 'kincap[predict]'")
        self._feed = PoseFeed(_hello(source, skeleton))
        self._times: deque[float] = deque(maxlen=_RATE_FRAMES)
        self._server = PageServer(
            lambda access: make_app(self._feed, access), COMMAND, DEFAULT_PORT, port, sockets=True
        )
        self._server.start()

    @property
    def address(self) -> PageAddress:
        """The address of the page."""
        return self._server.address

    def show(self, frame: FramePoses, image: Images, more: dict[str, Any]) -> None:
        """Hand a frame to all who follow.

        Args:
            frame: Its people.
            image: (H, W, 3) uint8, RGB; not changed afterwards.
            more: Further keys of the line.
        """
        self._times.append(time.monotonic())
        spent = self._times[-1] - self._times[0]
        rate = (len(self._times) - 1) / spent if spent > 0 else None
        fps = None if rate is None else round(rate, 1)
        self._feed.publish(frame, image, {"fps": fps, **more})

    def close(self) -> None:
        """Say that the run has ended, and free the port."""
        self._feed.end()
        self._server.close()


def make_app(feed: PoseFeed, access: Access) -> ASGIApp:
    """Return the whole application: the page and its socket under the guard."""
    from starlette.routing import WebSocketRoute

    routes = [WebSocketRoute(SOCKET_PATH, _endpoint(feed, access))]
    return guarded_app(routes, PageFiles(STATIC_FOLDER), access, _error_answer)


def _endpoint(feed: PoseFeed, access: Access) -> Callable[[WebSocket], Any]:
    threads = WorkerThreads()

    async def follow(socket: WebSocket) -> None:
        asked = await admit(socket, access)
        if asked is None:
            return
        if feed.count() >= _MOST_FOLLOWERS:
            await socket.close(_TRY_AGAIN_LATER)
            return
        follower = feed.follow(wants_pictures=asked.get("pictures") is True)
        try:
            await socket.send_text(json.dumps(feed.hello))
            await _send_frames(socket, follower, threads)
            await socket.send_text(json.dumps({"ended": True}))
            await socket.close()
        except (WebSocketDisconnect, RuntimeError):
            return  # who follows has gone
        finally:
            feed.leave(follower)

    return follow


async def _send_frames(socket: WebSocket, follower: Follower, threads: WorkerThreads) -> None:
    """Send frames until the run ends; a picture follows its line."""
    while True:
        frame = follower.take()
        if frame is None:
            if follower.is_ended:
                return
            await follower.news.wait()
            continue
        if follower.missed:
            await socket.send_text(json.dumps({"missed": follower.missed}))
            follower.missed = 0
        await socket.send_text(frame.line)
        if follower.wants_pictures:
            await socket.send_bytes(await threads.run(frame.jpeg))


def _hello(source: str, skeleton: Skeleton) -> dict[str, Any]:
    """Return the first message."""
    return {
        "schema": SCHEMA,
        "source": source,
        "keypoints": list(skeleton.points),
        "sides": [side_of(name) for name in skeleton.points],
        "limbs": [list(bone) for bone in skeleton.bone_indices],
    }


def _error_answer(error: Exception) -> tuple[int, str]:
    return 500, f"{type(error).__name__}: {error}"
