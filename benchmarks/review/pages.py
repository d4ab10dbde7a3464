"""A page in headless Chromium for ``benchmarks.review``, and what is measured in it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil

from .sessions import FULL, LONG

SECONDS: Final = 4.0
SETTLE_MS: Final = 6000
"""Whatever runs beside a page that was just opened is done."""
PRESSES_PER_S: Final = 60
"""About twice as many as a keyboard repeats."""
DRAG_PX: Final = 3
NEAR_PRESSES: Final = {LONG: 5, FULL: 0}
CHROMIUM: Final = "/usr/bin/chromium"
WATCH: Final = """
(() => {
  const small = new OffscreenCanvas(64, 36);
  const ctx = small.getContext("2d", { willReadFrequently: true });
  window.changes = [];
  let last = null;
  const look = (now) => {
    const picture = document.getElementById("picture");
    if (picture && picture.width > 1 && !picture.closest("[hidden]")) {
      ctx.drawImage(picture, 0, 0, 64, 36);
      let sum = 0;
      let seen = 0;
      const data = ctx.getImageData(0, 0, 64, 36).data;
      for (let i = 0; i < data.length; i += 4) {
        sum = (Math.imul(sum, 31) + data[i] + 7 * data[i + 1]) | 0;
        seen = Math.max(seen, data[i + 1]);
      }
      if (seen > 40 && sum !== last) {
        last = sum;
        window.changes.push(now);
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
"""Looks at each animation frame whether the picture's pixels have changed."""
SCROLL: Final = """([times, deltaX]) => {
  const head = document.getElementById("playhead");
  const box = head.getBoundingClientRect();
  const place = { clientX: box.left + 400, clientY: box.top + 30, cancelable: true };
  const took = [];
  for (let i = 0; i < times; i += 1) {
    const begun = performance.now();
    head.dispatchEvent(new WheelEvent("wheel", { ...place, deltaX: i % 2 ? deltaX : -deltaX }));
    took.push(performance.now() - begun);
  }
  return took.sort((a, b) => a - b)[times >> 1];
}"""
"""Scrolls a zoomed time line back and forth; the median time of drawing it, ms."""


@contextmanager
def server(recordings: Path, path: Path | None) -> Iterator[tuple[str, psutil.Process]]:
    """Start a page in a process of its own; give its address and process."""
    environment = dict(os.environ)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", "review", "--no-open", "--port", "0", "--recordings",
         str(recordings)],
        env=environment, cwd=recordings.parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip(), psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def chromium(playwright: Any) -> Iterator[Any]:
    """Start a browser without a graphics card."""
    browser = playwright.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
    )
    try:
        yield browser
    finally:
        browser.close()


def new_page(browser: Any) -> Any:
    """Return a page of a common screen in which changes of the picture are noticed."""
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(WATCH)
    return page


def open_times(browser: Any, recordings: Path, path: Path | None) -> dict[str, float]:
    """Return the seconds to the first picture, for each session.

    Once from a click in the list, once from the navigation to its permalink in a new tab.
    """
    found = {}
    for name in (LONG, FULL):
        with server(recordings, path) as (url, _process):
            page = new_page(browser)
            page.goto(url)
            page.wait_for_selector("a.card")
            page.evaluate("window.changes = []; window.began = performance.now()")
            page.evaluate(f"location.hash = '{name}/0'")
            page.wait_for_function("() => window.changes.length > 0")
            found[f"first_frame_s_{name}"] = (
                page.evaluate("window.changes[0] - window.began") / 1000
            )
            page.context.close()
        with server(recordings, path) as (url, _process):
            page = new_page(browser)
            page.goto(f"{url}#{name}/0")
            page.wait_for_function("() => window.changes.length > 0")
            # times in a page count from the navigation
            found[f"permalink_s_{name}"] = page.evaluate("window.changes[0]") / 1000
            page.context.close()
    return found


def rates(browser: Any, recordings: Path, path: Path | None) -> dict[str, float]:
    """Return pictures a second at 1920 x 1080, and what they cost the server."""
    with server(recordings, path) as (url, process):
        page = new_page(browser)
        sent: list[int] = []
        page.on("response", lambda answer: sent.append(1) if "/frames/" in answer.url else None)
        page.goto(f"{url}#{FULL}/0")
        page.wait_for_function("() => window.changes.length > 0")
        page.wait_for_timeout(SETTLE_MS)
        before, cpu = len(sent), sum(process.cpu_times()[:2])
        found = {
            "playing_per_s": _rate(page, lambda: _play(page)),
            "stepping_per_s": _rate(page, lambda: _step(page)),
        }
        frames = len(sent) - before
        spent = sum(process.cpu_times()[:2]) - cpu
        found["server_ms_per_frame"] = 1000 * spent / max(frames, 1)
        found["dragging_per_s"] = _rate(page, lambda: _drag(page))
        page.context.close()
    return found


def _rate(page: Any, act: Callable[[], None]) -> float:
    """Return how many different pictures a second are shown while something is done."""
    page.evaluate("window.changes = []")
    begun = time.monotonic()
    act()
    return float(page.evaluate("window.changes.length") / (time.monotonic() - begun))


def _play(page: Any) -> None:
    page.keyboard.press("Space")
    page.wait_for_timeout(1000 * SECONDS)
    page.keyboard.press("Space")


def _step(page: Any) -> None:
    begun = time.monotonic()
    presses = 0
    while (now := time.monotonic() - begun) < SECONDS:
        if now * PRESSES_PER_S < presses:
            time.sleep(presses / PRESSES_PER_S - now)
        page.keyboard.press("ArrowRight")
        presses += 1


def _drag(page: Any) -> None:
    box = page.query_selector("#playhead").bounding_box()
    across, y = box["width"] - 160, box["y"] + 30
    page.mouse.move(130, y)
    page.mouse.down()
    end, at = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        at = (at + DRAG_PX) % int(across)
        page.mouse.move(130 + at, y)
    page.mouse.up()


def scroll_times(browser: Any, recordings: Path, path: Path | None) -> dict[str, float]:
    """Return how long it takes to draw the time line while it is scrolled, ms.

    About 1,200 pixels show 8 % of a session (``wide``), then about 100 frames (``near``).
    """
    found = {}
    for name in (LONG, FULL):
        with server(recordings, path) as (url, _process):
            page = new_page(browser)
            page.goto(f"{url}#{name}/0")
            page.wait_for_function("() => window.changes.length > 0")
            page.wait_for_timeout(SETTLE_MS)
            for view, presses in (("wide", 5), ("near", NEAR_PRESSES[name])):
                for _ in range(presses):
                    page.keyboard.press("ArrowUp")
                found[f"scroll_{view}_ms_{name}"] = float(page.evaluate(SCROLL, [60, 40]))
            page.context.close()
    return found
