"""The recorder on the page of sessions: a real daemon, a real review server, a real browser."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kincap.capture.daemon.discovery import DaemonFile, DaemonLock, find_daemon
from kincap.review.recorder.routes import STEERING
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind
from tests.capture.daemon.conftest import Place, place_in
from tests.review.axe import serious_findings
from tests.review.browser import Watched

LETTERS_PX = "parseFloat(getComputedStyle(document.getElementById('card-name')).fontSize)"
SMALLEST_LETTERS_PX = 768 / 8
"""Readable from three metres on a screen of this height."""


@dataclass
class Desk:
    """A daemon, the page of its recordings, and every address that the page asked for."""

    place: Place
    url: str
    watched: Watched
    asked: list[str]

    def state(self, text: str) -> None:
        self.watched.page.wait_for_selector(f"#d-state:has-text('{text}')")

    def says(self, text: str) -> None:
        self.watched.page.wait_for_selector(f"#d-said:has-text('{text}')")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Desk]:
    """Return a page of sessions beside a daemon that holds the simulator open."""
    with (
        pytest.MonkeyPatch.context() as patch,
        place_in(tmp_path_factory.mktemp("desk"), patch) as place,
    ):
        place.recordings.mkdir()  # review asks for a folder that is there
        server = place.begin("review", "--no-open", "--port", 0, "--recordings", place.recordings)
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        watched, asked = Watched(context.new_page()), []
        watched.page.on("request", lambda request: asked.append(request.url))
        yield Desk(place, url, watched, asked)
        context.close()


def test_a_session_is_recorded_from_the_page_of_sessions(desk: Desk):
    place, page, press = desk.place, desk.watched.page, desk.watched.page.keyboard.press
    page.goto(desk.url)
    page.wait_for_selector("h2:has-text('Nothing recorded yet')")
    assert page.is_hidden("#live")
    process = place.daemon("simulator:outfit=3")
    # it is found by itself, and live before anything is recorded
    desk.state("Ready")
    page.wait_for_selector("#live-picture[data-bodies='1']")
    press("q")
    desk.says("Nothing is being recorded.")
    press("s")
    desk.says("name first")
    page.keyboard.type("try1")
    press("Enter")
    desk.state("Recording")
    page.wait_for_selector("a.card:has-text('try1') .chip.recording")
    press("m")
    desk.says("Marked.")
    place.ask().post("/api/cue", {"name": "zoom", "phase": "begin", "text": "hands apart"})
    # a card is for the person in front of the sensor: no one is there to press a key
    page.wait_for_selector("#card-name:has-text('zoom')")
    assert page.evaluate(LETTERS_PX) > SMALLEST_LETTERS_PX
    assert page.is_hidden("#list-body")
    press("Escape")
    page.wait_for_selector("#list-body", state="visible")
    press("l")
    page.wait_for_selector("#list-body", state="hidden")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert serious_findings(page) == [], scheme
    press("l")
    assert serious_findings(page) == []
    page.click("#live-fold")
    assert page.is_hidden("#live-picture")
    assert page.is_visible("#d-state")
    press("m")
    desk.says("Marked.")
    page.click("button:has-text('Stop')")
    desk.state("Ready")
    desk.says("colour frames stored")
    page.wait_for_selector("a.card:has-text('try1'):not(:has(.chip))")
    with SessionReader(place.recordings / "try1") as session:
        assert (session.events["kind"] == EventKind.mark).sum() == 2
    # the daemon's own refusals, in its words
    page.fill("#f-session", "no/such name")
    page.press("#f-session", "Enter")
    desk.says("session name")
    assert_no_secret_came_here(desk)
    process.terminate()
    page.wait_for_selector("#live", state="hidden")
    assert process.wait(60) == 0
    # what was asked while it ended
    assert {
        one for one in desk.watched.complaints if "409" not in one and "503" not in one
    } == set()


def assert_no_secret_came_here(desk: Desk) -> None:
    """Nothing of the daemon's token or secret is in an answer or an address."""
    found = find_daemon()
    assert found is not None
    told = desk.watched.page.evaluate(
        """async () => {
          const { guardedFetch } = await import("/static/guarded.js");
          const answer = await guardedFetch("/api/daemon/status");
          return JSON.stringify([await answer.json(), [...answer.headers]]);
        }"""
    )
    assert json.loads(told)[0]["daemon"]["source"] == "simulator:outfit=3"
    assert found.token not in told
    assert not any(found.token in url for url in desk.asked)
    # every request went to the page's own server
    assert desk.watched.hosts == {desk.url.partition("//")[2].partition("/")[0]}


def test_without_a_daemon_every_request_says_so(client: Any):
    assert client.ask("/api/daemon/status").json() == {
        "schema": "kincap/review-daemon/1", "daemon": None, "problem": "",
    }  # fmt: skip
    assert client.ask("/api/daemon/picture", query="after=3").status == 204
    for what in STEERING:
        answer = client.post(f"/api/daemon/{what}", {})
        assert answer.status == 409
        assert "kincap daemon start" in answer.json()["error"]
    # ending the daemon, or pretending a cue, is not the page's
    for what in ("shutdown", "cue", "open", "sessions", "recordings/1"):
        assert client.post(f"/api/daemon/{what}", {}).status == 404


def test_a_daemon_of_other_recordings_or_of_another_machine_is_not_asked(
    client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    recordings = str(tmp_path / "recordings")
    with DaemonLock() as lock:
        elsewhere = [("http://192.0.2.7:8734", recordings), ("http://127.0.0.1.evil:1", recordings)]
        for url, folder in [*elsewhere, ("http://127.0.0.1:9", str(tmp_path / "others"))]:
            lock.announce(DaemonFile(url, "t", 1, folder, "kinect"))
            found = client.ask("/api/daemon/status").json()
            assert (found["daemon"], found["problem"]) == (None, "")
        # ours, but no one listens there
        lock.announce(DaemonFile("http://127.0.0.1:9", "t", 1, recordings, "kinect"))
        assert "does not answer" in client.ask("/api/daemon/status").json()["problem"]
        assert client.post("/api/daemon/stop", {}).status == 503
        assert client.ask("/api/daemon/picture").status == 503
