"""Memory of browser and server while many frames are looked at, for ``benchmarks.review``.

The browser is driven by the few commands that are needed and no more: a driver that listens to the
network keeps every answer in the page's process, and the memory would be that of the driver.
"""

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
from websockets.sync.client import ClientConnection, connect

from .pages import CHROMIUM, SETTLE_MS, WATCH, server
from .sessions import LONG

WAIT_S: Final = 60.0
MIB: Final = 1 << 20
STEP: Final = """(count) => new Promise((resolve) => {
  const key = { key: "ArrowRight", code: "ArrowRight" };
  const press = () => {
    for (let i = 0; i < 2; i += 1) {
      document.body.dispatchEvent(new KeyboardEvent("keydown", { ...key, bubbles: true }));
    }
    count -= 2;
    if (count > 0) requestAnimationFrame(press);
    else resolve();
  };
  press();
})"""
"""Changes the frame ``count`` times, twice in each animation frame."""


class Tab:
    """A tab of a browser that was started for it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._sent = 0

    def send(self, method: str, **asked: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol and return its result."""
        self._sent += 1
        self._socket.send(json.dumps({"id": self._sent, "method": method, "params": asked}))
        while True:
            answer = json.loads(self._socket.recv(timeout=10 * WAIT_S))
            if answer.get("id") == self._sent:
                return dict(answer["result"])

    def run(self, expression: str) -> Any:
        """Return what a script's expression gives, awaited."""
        found = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + WAIT_S
        while not self.run(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.1)


@contextmanager
def tab() -> Iterator[tuple[Tab, psutil.Process]]:
    """Start a browser with one tab; give the tab and the browser's process."""
    with tempfile.TemporaryDirectory(
        prefix="kincap-chromium-", ignore_cleanup_errors=True
    ) as profile:
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"]
        window = ["--window-size=1366,768", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(
            [CHROMIUM, *flags, *window],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            line = next(line for line in process.stderr if "DevTools listening on" in line)
            address = line.split()[-1].removeprefix("ws://").partition("/")[0]
            with connect(_tab_address(address), max_size=None) as socket:
                yield Tab(socket), psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


def _tab_address(address: str) -> str:
    """Return the address of the DevTools of a browser's tab."""
    import urllib.request

    with urllib.request.urlopen(f"http://{address}/json/list") as answer:
        (found,) = [one for one in json.load(answer) if one["type"] == "page"]
    return str(found["webSocketDebuggerUrl"])


def browser_memory(recordings: Path, changes: int, parts: int = 10) -> dict[str, list[float]]:
    """Return the browser's memory while the frame is changed many times, MiB.

    Returns:
        ``js_heap_mib`` after a forced collection, and ``renderer_mib``, what the page's process
        holds for itself alone, pictures included: before, and after each part of the changes.
    """
    found: dict[str, list[float]] = {"js_heap_mib": [], "renderer_mib": []}
    with server(recordings, None) as (url, _process), tab() as (page, browser):
        page.send("Page.enable")
        page.send("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        page.send("Page.navigate", url=f"{url}#{LONG}/0")
        page.wait_for("window.changes?.length > 0")
        time.sleep(SETTLE_MS / 1000)
        for part in range(parts + 1):
            if part:
                page.run(f"({STEP})({changes // parts})")
                time.sleep(0.5)
            page.send("HeapProfiler.collectGarbage")
            heap = page.send("Runtime.getHeapUsage")["usedSize"]
            found["js_heap_mib"].append(round(heap / MIB, 2))
            found["renderer_mib"].append(round(_renderer_bytes(browser) / MIB, 1))
        found["pictures_shown"] = [page.run("window.changes.length")]
    return found


def _renderer_bytes(browser: psutil.Process) -> int:
    """Return what a browser's largest renderer holds for itself alone."""
    sizes = [0]
    for process in browser.children(recursive=True):
        try:
            if "--type=renderer" in process.cmdline():
                sizes.append(process.memory_full_info().uss)
        except psutil.Error:
            continue
    return max(sizes)


def server_memory(recordings: Path, frames: int, changes: int, parts: int = 10) -> list[float]:
    """Return the server's memory while many frames are asked for, MiB; no browser.

    Args:
        recordings: The folder of the sessions.
        frames: Of the long session.
        changes: How many frames are asked for, with their people.
        parts: How many figures are returned.
    """
    from kincap.review.session_list import SessionList

    sessions = SessionList(recordings)
    own, found = psutil.Process(), []
    each = changes // parts
    for done in range(changes):
        sessions.frame(LONG, done * 7 % frames)
        sessions.bodies(LONG, done * 7 % frames // 256 * 256)
        if done % each == each - 1:
            found.append(round(own.memory_info().rss / MIB, 1))
    sessions.close()
    return found
