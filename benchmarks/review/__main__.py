"""Speed of the review page beside an earlier one: python -m benchmarks.review [FOLDER].

Both pages show the same two sessions in headless Chromium: 20,000 frames of 480 x 270, and frames
of 1920 x 1080. A script in the page looks at each animation frame whether the picture's pixels have
changed. Printed as JSON, for each page: the time from navigation to the first picture, pictures a
second while playing, stepping and dragging, the server's CPU time for each frame that it sent, and
its memory before and after many frames. FOLDER keeps the sessions for the next run.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

from ..arguments import folder_argument
from .sessions import FULL, LONG, earlier_kincap, make_sessions

FRAMES: Final = 20_000
RUNS: Final = 3
SECONDS: Final = 4.0
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


def measure(browser: Any, recordings: Path, path: Path | None) -> dict[str, Any]:
    """Return the figures of one page."""
    opened: dict[str, list[float]] = {LONG: [], FULL: []}
    figures: dict[str, Any] = {}
    for _ in range(RUNS):
        for name in opened:
            with server(recordings, path) as (url, _process):
                page = _page(browser)
                page.goto(url)
                page.wait_for_selector("a.card")
                page.evaluate("window.changes = []; window.began = performance.now()")
                page.evaluate(f"location.hash = '{name}/0'")
                page.wait_for_function("() => window.changes.length > 0")
                opened[name].append(page.evaluate("window.changes[0] - window.began") / 1000)
                page.context.close()
    figures["first_frame_s"] = {name: round(median(times), 3) for name, times in opened.items()}
    with server(recordings, path) as (url, process):
        page = _page(browser)
        sent = []
        page.on("response", lambda answer: sent.append(1) if "/frames/" in answer.url else None)
        page.goto(f"{url}#{FULL}/0")
        page.wait_for_function("() => window.changes.length > 0")
        page.wait_for_timeout(6000)  # whatever runs beside the page is done
        before, cpu = len(sent), sum(process.cpu_times()[:2])
        figures["playing_per_s"] = _rate(page, lambda: _play(page))
        figures["stepping_per_s"] = _rate(page, lambda: _step(page))
        frames = len(sent) - before
        figures["server_ms_per_frame"] = round(
            1000 * (sum(process.cpu_times()[:2]) - cpu) / max(frames, 1), 2
        )
        figures["dragging_per_s"] = _rate(page, lambda: _drag(page))
        figures["server_mib"] = round(process.memory_info().rss / (1 << 20))
        page.context.close()
    return figures


def _page(browser: Any) -> Any:
    page = browser.new_context(viewport={"width": 1366, "height": 768}).new_page()
    page.set_default_timeout(60_000)
    page.add_init_script(WATCH)
    return page


def _rate(page: Any, act: Any) -> float:
    """Return how many different pictures a second are shown while something is done."""
    page.evaluate("window.changes = []")
    begun = time.monotonic()
    act()
    return round(page.evaluate("window.changes.length") / (time.monotonic() - begun), 1)


def _play(page: Any) -> None:
    page.keyboard.press("Space")
    page.wait_for_timeout(1000 * SECONDS)
    page.keyboard.press("Space")


def _step(page: Any) -> None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        page.keyboard.press("ArrowRight")


def _drag(page: Any) -> None:
    box = page.query_selector("#playhead").bounding_box()
    across, y = box["width"] - 160, box["y"] + 30
    page.mouse.move(130, y)
    page.mouse.down()
    end, at = time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        at = (at + 3) % int(across)
        page.mouse.move(130 + at, y)
    page.mouse.up()


def flat_memory(recordings: Path, changes: int = 10_000) -> dict[str, int]:
    """Return the server's memory after few and after many frames, MiB; no browser."""
    from kincap.review.session_list import SessionList

    sessions = SessionList(recordings)
    own, found = psutil.Process(), {}
    seqs = range(0, FRAMES)
    for done in range(changes):
        sessions.frame(LONG, seqs[done * 7 % FRAMES])
        sessions.bodies(LONG, done * 7 % FRAMES // 256 * 256)
        if done in (changes // 10, changes - 1):
            found[f"after_{done + 1}"] = own.memory_info().rss >> 20
    sessions.close()
    return found


def main() -> None:
    """Make the sessions, measure both pages and print the figures as JSON."""
    from playwright.sync_api import sync_playwright

    kept = folder_argument("where the sessions are kept; else they are deleted")
    folder = kept or Path(tempfile.mkdtemp(prefix="kincap-review-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        recordings = make_sessions(folder.absolute(), FRAMES)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            figures = {
                "earlier": measure(browser, recordings, earlier_kincap(folder.absolute())),
                "now": measure(browser, recordings, None),
                "memory_mib": flat_memory(recordings),
            }
            browser.close()
        print(json.dumps(figures, indent=1))
    finally:
        if kept is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
