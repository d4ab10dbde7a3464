"""The daemon's page in a real browser: look, start, steer, by mouse and keyboard."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kincap.capture.daemon.discovery import find_daemon
from tests.review.browser import FLAGS, Watched, chromium

from .conftest import Place, wait_until

STATIC = Path(__file__).parents[3] / "capture" / "daemon" / "static"

UNNAMED = """() => [...document.querySelectorAll("button, input, canvas, section, [role]")]
  .filter((node) => !node.closest("[hidden]") && node.id !== "d-state")
  .filter((node) => !(node.getAttribute("aria-label") || node.labels?.length
    || node.textContent.trim() || node.getAttribute("role") === "status"))
  .map((node) => node.outerHTML.slice(0, 80))"""
"""Everything that a screen reader would find without a name."""


LETTERS_PX = "parseFloat(getComputedStyle(document.getElementById('card-name')).fontSize)"


@pytest.fixture
def page(place: Place) -> Iterator[Watched]:
    """Return the page of a running daemon."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = chromium()
    place.daemon()
    found = find_daemon()
    assert found is not None
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        watched = Watched(browser.new_page(viewport={"width": 1366, "height": 768}))
        watched.page.goto(found.page)
        yield watched
        browser.close()


def test_a_session_is_started_steered_and_ended_from_the_page(place: Place, page: Watched) -> None:
    tab: Any = page.page
    tab.wait_for_selector("#d-state:has-text('Ready')")
    assert "token" not in tab.url
    # the sensor is live before anything is recorded
    tab.wait_for_selector("#live-picture[data-bodies='1']")
    tab.keyboard.press("s")
    tab.wait_for_selector("#d-said:has-text('name first')")
    tab.keyboard.type("clothing1")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#d-state:has-text('Recording')")
    wait_until(lambda: place.frames() > 5)
    assert place.status()["live"]["session"] == "clothing1"
    assert tab.evaluate(UNNAMED) == []
    tab.keyboard.press("m")
    tab.wait_for_selector("#d-said:has-text('Marked.')")
    tab.keyboard.press(" ")
    tab.wait_for_selector("#d-state:has-text('Paused')")
    tab.keyboard.press(" ")
    tab.wait_for_selector("#d-state:has-text('Recording')")
    place.ask().post("/api/cue", {"name": "zoom", "phase": "begin", "text": "hands apart"})
    tab.wait_for_selector("#card-name:has-text('zoom')")
    # readable from three metres: an eighth of the height
    assert tab.evaluate(LETTERS_PX) > 768 / 8
    tab.click("button:has-text('Retake')")
    tab.wait_for_selector("#d-session:has-text('take 2')")
    tab.keyboard.press("?")
    tab.wait_for_selector("#keys[open]")
    tab.keyboard.press("Escape")
    tab.keyboard.press("q")
    tab.wait_for_selector("#d-state:has-text('Ready')")
    tab.wait_for_selector("#sessions:has-text('clothing1')")
    assert place.status()["last"]["exit_code"] == 0
    place.unplug()
    tab.wait_for_selector("#d-state:has-text('Sensor lost')")
    assert tab.is_disabled("#d-start")
    assert page.complaints == []
    assert {host.partition(":")[0] for host in page.hosts} == {"127.0.0.1"}


def test_the_page_loads_nothing_from_outside_and_builds_no_markup_from_data() -> None:
    shared = STATIC.parents[2] / "web" / "static" / "live"
    files = {path.name: path.read_text() for one in (STATIC, shared) for path in one.iterdir()}
    assert {"index.html", "main.js", "daemon.css", "recorder.js"} <= set(files)
    for name, text in files.items():
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert word not in text, name
        assert "http:" not in text, name
        assert "https:" not in text, name
        assert "style=" not in text, name
        assert " fetch(" not in text, name
