"""A page in a real browser, and everything that it complained about or asked for."""

import os
import shutil
from dataclasses import dataclass, field
from typing import Any

import pytest

FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
WAIT_MS = 15_000


def chromium() -> str:
    """Return the browser's path, or skip."""
    named = os.environ.get("KINCAP_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = named or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no chromium here; install it, or name it in KINCAP_CHROMIUM")
    return found


@dataclass
class Watched:
    """A page, and everything it complained about or asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    under_way: set[Any] = field(default_factory=set)
    most_under_way: int = 0

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)
        self.page.on("requestfinished", lambda request: self.under_way.discard(request))
        self.page.on("requestfailed", lambda request: self.under_way.discard(request))

    def _console(self, message: Any) -> None:
        # reading pixels back is this test's own doing
        if message.type in ("error", "warning") and "readback" not in message.text:
            self.complaints.append(message.text)

    def _request(self, request: Any) -> None:
        if request.is_navigation_request():
            self.under_way.clear()  # those of the page before end with it
        self.hosts.add(request.url.partition("//")[2].partition("/")[0])
        if "/frames/" in request.url:
            self.under_way.add(request)
            self.most_under_way = max(self.most_under_way, len(self.under_way))

    def at(self, seq: int) -> None:
        """Wait until a frame with its joints is on the screen."""
        self.page.wait_for_selector(f'#overlay[data-seq="{seq}"]')

    def now(self) -> int:
        return int(self.page.get_attribute("#overlay", "data-seq"))

    def go(self, seq: int) -> None:
        """Go to a frame by the keyboard."""
        self.page.keyboard.press("g")
        self.page.keyboard.type(str(seq))
        self.page.keyboard.press("Enter")
        self.at(seq)

    def says(self, text: str) -> None:
        self.page.wait_for_selector(f"#v-toast:has-text('{text}')")

    def pixel(self, across: float, down: float) -> list[int]:
        """Return the picture's colour at a place given in shares of its size."""
        return self.page.evaluate(
            """([x, y]) => { const c = document.getElementById('picture');
            return [...c.getContext('2d').getImageData(
              Math.floor(x * c.width), Math.floor(y * c.height), 1, 1).data].slice(0, 3); }""",
            [across, down],
        )
