"""Speed of the review page beside an earlier one: python -m benchmarks.review [FOLDER].

Both pages show the same two sessions in headless Chromium: 20,000 frames of 480 x 270, and frames
of 1920 x 1080. A script in the page looks at each animation frame whether the picture's pixels have
changed. The pages take turns; printed as JSON are, for each, the medians over the rounds: the time
from a click in the list to the first picture, pictures a second while playing, stepping (the arrow
key, 60 times a second) and dragging, the server's CPU time for each frame that it sent, and the
time of drawing a scrolled time line. Then, for this page alone: the memory of browser and server
while the frame is changed 10,000 times. FOLDER keeps the sessions for the next run.
"""

import argparse
import json
import os
import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Final

from .memory import browser_memory, server_memory
from .pages import chromium, open_times, rates, scroll_times
from .sessions import earlier_kincap, make_sessions

FRAMES: Final = 20_000
ROUNDS: Final = {"open": 5, "rates": 3, "scroll": 1}
MEASURES: Final = {"open": open_times, "rates": rates, "scroll": scroll_times}
CHANGES: Final = 10_000
PARTS: Final = [*MEASURES, "memory"]


def compare(playwright: Any, recordings: Path, earlier: Path, parts: list[str]) -> dict[str, Any]:
    """Return the medians of both pages, which take turns."""
    pages = {"earlier": earlier, "now": None}
    seen: dict[str, dict[str, list[float]]] = {page: {} for page in pages}
    with chromium(playwright) as browser:
        for measure, function in MEASURES.items():
            for _ in range(ROUNDS[measure] if measure in parts else 0):
                for page, path in pages.items():
                    for name, value in function(browser, recordings, path).items():
                        seen[page].setdefault(name, []).append(value)
    return {
        page: {
            name: {"median": round(median(values), 3), "all": [round(one, 3) for one in values]}
            for name, values in found.items()
        }
        for page, found in seen.items()
    }


def main() -> None:
    """Make the sessions, measure both pages and print the figures as JSON."""
    from playwright.sync_api import sync_playwright

    about = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=about)
    parser.add_argument("folder", nargs="?", type=Path, help="where the sessions are kept")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured")
    asked = parser.parse_args()
    kept: Path | None = asked.folder
    folder = kept or Path(tempfile.mkdtemp(prefix="kincap-review-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        recordings = make_sessions(folder.absolute(), FRAMES)
        load = os.getloadavg()[0]
        with sync_playwright() as playwright:
            earlier = earlier_kincap(folder.absolute())
            figures = compare(playwright, recordings, earlier, asked.parts)
        if "memory" in asked.parts:
            figures["browser_memory"] = browser_memory(recordings, CHANGES)
            figures["server_memory_mib"] = server_memory(recordings, FRAMES, CHANGES)
        figures["load"] = [round(load, 1), round(os.getloadavg()[0], 1)]
        print(json.dumps(figures, indent=1))
    finally:
        if kept is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
