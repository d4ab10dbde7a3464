"""The newest frames of a run, for all who follow it. Nothing here holds the run up.

A follower that is slow misses frames, and is told how many; its delay never grows.
"""

import asyncio
import json
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np

from ...engines.engine import Images
from ..outputs.frame_poses import FramePoses

_MOST_LINES: Final = 60
"""Lines that wait for one follower; about two seconds of a camera."""
_WIDEST_PX: Final = 960
_JPEG_QUALITY: Final = 80


class LiveFrame:
    """One frame as followers get it.

    Args:
        line: JSON text of its people.
        image: (H, W, 3) uint8, RGB.
    """

    def __init__(self, line: str, image: Images) -> None:
        self.line = line
        self._image = image
        self._lock = threading.Lock()
        self._jpeg: bytes | None = None

    def jpeg(self) -> bytes:
        """Return the picture, at most ``_WIDEST_PX`` wide; it is encoded once for all followers."""
        with self._lock:
            if self._jpeg is None:
                self._jpeg = _encoded(self._image) if self._image.size else b""
            return self._jpeg


@dataclass(eq=False)
class Follower:
    """One who follows a run; used in the loop of the server.

    Attributes:
        loop: The server's.
        wants_pictures: True if only the newest frame is of use, with its picture.
        news: Set when there is something to take.
        waiting: Frames that were not taken yet.
        missed: Frames that were dropped since the last one that was taken.
        is_ended: True when the run has ended.
    """

    loop: asyncio.AbstractEventLoop
    wants_pictures: bool
    news: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: deque[LiveFrame] = field(default_factory=deque)
    missed: int = 0
    is_ended: bool = False

    def take(self) -> LiveFrame | None:
        """Return the next frame, None if there is none yet."""
        if not self.waiting:
            self.news.clear()
            return None
        return self.waiting.popleft()

    def add(self, frame: LiveFrame) -> None:
        """Take a frame in; called in the loop."""
        most = 1 if self.wants_pictures else _MOST_LINES
        while len(self.waiting) >= most:
            self.waiting.popleft()
            self.missed += 1
        self.waiting.append(frame)
        self.news.set()

    def end(self) -> None:
        """Wake up for the last time; called in the loop."""
        self.is_ended = True
        self.news.set()


class PoseFeed:
    """Hands the frames of a run to its followers.

    Args:
        hello: What a follower is told first: the source, the keypoints, the limbs.
    """

    def __init__(self, hello: dict[str, Any]) -> None:
        self.hello = hello
        self._followers: set[Follower] = set()
        self._lock = threading.Lock()
        self._newest: LiveFrame | None = None
        self._is_ended = False

    def publish(self, frame: FramePoses, image: Images, more: dict[str, Any]) -> None:
        """Hand a frame out; called by the run.

        Args:
            frame: Its people.
            image: (H, W, 3) uint8, RGB; not changed afterwards.
            more: Further keys of the line, such as the frame rate.
        """
        line = json.dumps({**frame.to_json(), **more}, separators=(",", ":"))
        made = LiveFrame(line, image)
        with self._lock:
            self._newest = made
            followers = list(self._followers)
        for one in followers:
            _tell(one, one.add, made)

    def end(self) -> None:
        """Tell all followers that the run has ended."""
        with self._lock:
            self._is_ended = True
            followers = list(self._followers)
        for one in followers:
            _tell(one, one.end)

    def follow(self, *, wants_pictures: bool) -> Follower:
        """Return a new follower, who gets the newest frame at once; called in the server's loop."""
        follower = Follower(asyncio.get_running_loop(), wants_pictures)
        with self._lock:
            if self._newest is not None:
                follower.add(self._newest)
            if self._is_ended:
                follower.end()
            self._followers.add(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        """Forget a follower."""
        with self._lock:
            self._followers.discard(follower)

    def count(self) -> int:
        """Return the number of followers."""
        return len(self._followers)


def _tell(follower: Follower, call: Any, *args: Any) -> None:
    try:
        follower.loop.call_soon_threadsafe(call, *args)
    except RuntimeError:
        return  # the server's loop has ended


def _encoded(image: Images) -> bytes:
    height, width = image.shape[:2]
    if width > _WIDEST_PX:
        size = (_WIDEST_PX, max(1, round(height * _WIDEST_PX / width)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes() if done else b""
