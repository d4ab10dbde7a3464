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
WAIT_MS = 45_000


def chromium() -> str:
    """Return the browser's path, or skip."""
    named = os.environ.get("KINCAP_CHROMIUM")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = named or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("no chromium here; install it, or name it in KINCAP_CHROMIUM")
    return found


COUNT_FRAMES = """
(() => {
  const fetched = window.fetch;
  let underWay = 0;
  window.mostFramesUnderWay = 0;
  window.fetch = (url, options) => {
    const answer = fetched(url, options);
    if (!String(url).includes("/frames/")) return answer;
    underWay += 1;
    window.mostFramesUnderWay = Math.max(window.mostFramesUnderWay, underWay);
    let isOver = false;
    const over = () => { if (!isOver) { isOver = true; underWay -= 1; } };
    options?.signal?.addEventListener("abort", over);
    answer.then(over, over);
    return answer;
  };
})();
"""
"""Counts in the page itself: the browser reports the end of an aborted request late."""


@dataclass
class Watched:
    """A page, and everything it complained about or asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._request)
        self.page.add_init_script(COUNT_FRAMES)

    def _console(self, message: Any) -> None:
        # reading pixels back is this test's own doing
        if message.type in ("error", "warning") and "readback" not in message.text:
            self.complaints.append(message.text)

    def _request(self, request: Any) -> None:
        self.hosts.add(request.url.partition("//")[2].partition("/")[0])

    def most_under_way(self) -> int:
        """Return how many frames the page has asked for at a time since it was loaded."""
        return int(self.page.evaluate("window.mostFramesUnderWay"))

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
