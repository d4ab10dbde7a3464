"""The live page and its web socket: what programs and browsers get while a run goes on."""

import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect

from kincap.core.skeleton import KEYPOINTS_13
from kincap.predict.live.page import LivePage
from kincap.predict.outputs.frame_poses import FramePoses
from tests.predict.accuracy.test_end_to_end import person
from tests.predict.conftest import Waving
from tests.review.browser import FLAGS, chromium

IMAGE = np.full((480, 640, 3), 90, np.uint8)


def frame(number: int) -> FramePoses:
    return FramePoses(number, "", number / 30, (640, 480), (person(),))


@pytest.fixture
def page() -> Iterator[LivePage]:
    with LivePage("a test", 0) as page:
        yield page


@contextlib.contextmanager
def follow(page: LivePage, **more: Any) -> Iterator[ClientConnection]:
    url, _, token = page.address.url.partition("/?token=")
    with connect(url.replace("http", "ws") + "/live") as opening:
        opening.send(json.dumps({"token": token, **more}))
        yield opening


def test_a_program_gets_every_frame_as_a_line(page: LivePage):
    with follow(page) as opening:
        hello = json.loads(opening.recv(timeout=60))
        assert hello["keypoints"] == list(KEYPOINTS_13.points)
        for number in range(20):
            page.show(frame(number), IMAGE, {})
        lines = [json.loads(opening.recv(timeout=60)) for _ in range(20)]
    assert [line["frame"] for line in lines] == list(range(20))
    assert len(lines[0]["people"][0]["keypoints"]) == 13
    assert lines[-1]["fps"] > 0


def test_who_is_slow_misses_old_frames_and_is_told_how_many(page: LivePage):
    with follow(page, pictures=True) as opening:
        opening.recv(timeout=60)
        for number in range(50):
            page.show(frame(number), IMAGE, {})
        seen, missed = [], 0
        while not seen or seen[-1] < 49:
            data = opening.recv(timeout=60)
            if isinstance(data, bytes):
                assert data.startswith(b"\xff\xd8")
                continue
            line = json.loads(data)
            missed += line.get("missed", 0)
            seen += [line["frame"]] if "frame" in line else []
    assert len(seen) + missed == 50


def test_the_end_of_a_run_is_told():
    with LivePage("a test", 0) as page, follow(page) as opening:
        opening.recv(timeout=60)
        page.close()
        assert json.loads(opening.recv(timeout=60)) == {"ended": True}


def test_a_stalled_follower_does_not_hold_up_the_run(page: LivePage):
    with follow(page, pictures=True):
        began = time.monotonic()
        for number in range(300):
            page.show(frame(number), IMAGE, {})
        assert time.monotonic() - began < 5


def test_the_page_shows_the_person_in_a_real_browser(page: LivePage):
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path, is_over = chromium(), threading.Event()

    def run() -> None:
        number = 0
        while not is_over.wait(0.03):
            page.show(frame(number), IMAGE, {"dropped": 2})
            number += 1

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            tab = browser.new_page()
            complaints: list[str] = []
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on("console", lambda message: complaints.append(message.text))
            tab.goto(page.address.url)
            tab.wait_for_selector("#people li span")
            assert "token" not in tab.url
            assert tab.inner_text("#state") == "Live"
            assert "100 % sure" in tab.inner_text("#people")
            drawn = """() => { const c = document.getElementById("picture");
                const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
                let n = 0;
                for (let i = 0; i < d.length; i += 4) n += d[i] > 200 && d[i + 2] < 120;
                return n > 50; }"""
            tab.wait_for_function(drawn)
            is_over.set()
            thread.join()
            page.close()
            tab.wait_for_function(
                "() => document.getElementById('state').textContent.includes('ended')"
            )
            assert complaints == []
            browser.close()
    finally:
        is_over.set()
        thread.join()


def test_the_command_serves_a_camera_and_prints_lines(waving: Waving):
    words = ["predict", "simulator:frames=45", "--weights", str(waving.net), "--serve",
             "--port", "0", "--poses", "-", "--compare"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    found = next(
        filter(None, (re.search(r"http://(\S+)/\?token=(\S+)", s) for s in process.stderr))
    )
    with connect(f"ws://{found[1]}/live") as opening:
        opening.send(json.dumps({"token": found[2]}))
        assert json.loads(opening.recv(timeout=20))["schema"] == "kincap/live/1"
        line = json.loads(opening.recv(timeout=20))
        assert "PCK" in line["agreement"]
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    lines = [json.loads(text) for text in out.splitlines()]
    assert lines[-1]["frame"] > 20
