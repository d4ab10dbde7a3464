"""The preview: drawn as it should be, in a process of its own that a recording never feels."""

import io
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from kincap.capture.live.observers import LatestPicture, Picture
from kincap.capture.live.status import LiveStatus
from kincap.capture.operator.preview.preview import display_missing, previewed
from kincap.capture.operator.preview.preview_frame import (
    PreviewFrame,
    draw_frame,
    frame_of,
    read_frame,
)

from ..body_rows import row
from ..statuses import COUNTDOWN, DROPPING, GOOD, ON_CARD

GREY = cv2.imencode(".jpg", np.full((1080, 1920, 3), 90, np.uint8))[1].tobytes()


def picture(number: int = 0) -> Picture:
    """Return a grey picture with a person in it."""
    body = row((0.0, 2.5))
    places = body["joint_xyz_m"][0, 0, :, :2]
    body["joint_color_px"][0, 0] = [960, 900] + [500, -450] * places
    body["joint_state"][0, 0, 10] = 1
    return Picture(number, number, 0, GREY, body)


def test_a_frame_passes_through_a_pipe() -> None:
    frames = [frame_of(picture(), status) for status in (GOOD, ON_CARD, COUNTDOWN, DROPPING)]
    pipe = io.BytesIO()
    for frame in frames:
        frame.write(pipe)
    pipe.seek(0)
    back = [read_frame(pipe) for _ in range(5)]
    assert [frame and (frame.state, frame.big, frame.trouble) for frame in back] == [
        ("recording", "", ""), ("recording", "zoom 6", ""), ("starting", "3", ""),
        ("recording", "", "3.1 % dropped in 10 s"), None,
    ]  # fmt: skip
    assert back[0] is not None
    assert np.allclose(back[0].bodies, frames[0].bodies, equal_nan=True)
    assert read_frame(io.BytesIO(b"\xff" * 100)) is None
    assert read_frame(io.BytesIO(pipe.getvalue()[:50])) is None


def test_bones_words_and_trouble_are_drawn() -> None:
    plain = draw_frame(PreviewFrame(GREY))
    drawn = draw_frame(frame_of(picture(), DROPPING))
    card = draw_frame(frame_of(picture(), ON_CARD))
    assert plain is not None
    assert drawn is not None
    assert card is not None
    assert drawn.shape == (670, 960, 3)
    changed = (drawn != plain).any(axis=2)
    trunk = [960 / 2, (900 - 450 * 1.1) / 2]
    assert changed[round(trunk[1]), round(trunk[0]) - 3 : round(trunk[0]) + 4].any()
    assert ((drawn[505:530, :400] - [60, 60, 240]) == 0).all(axis=2).any()
    assert (card != plain).any(axis=2)[560:].sum() > 3 * changed[560:].sum()


@pytest.mark.parametrize("place", [np.nan, np.inf, -np.inf, 1e30, -1e30])
def test_joints_without_a_place_are_left_out(place: float) -> None:
    shown = picture()
    assert shown.bodies is not None
    shown.bodies["joint_color_px"][0, 0, :12] = place
    assert draw_frame(frame_of(shown, GOOD)) is not None
    assert draw_frame(PreviewFrame(b"no jpeg")) is None
    assert draw_frame(frame_of(replace(shown, bodies=None), GOOD)) is not None


def children() -> list[int]:
    """Return the windows' processes of this one."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "preview_window"], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return [int(pid) for pid in found.stdout.split()]


def wait_for(is_so: Callable[[], object], limit_s: float = 30) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.02)


def window_exists(display: str) -> bool:
    """Return True if the window is there."""
    done = subprocess.run(
        ["xwininfo", "-root", "-tree", "-display", display], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return '"kincap"' in done.stdout


@pytest.mark.skipif(shutil.which("xwininfo") is None, reason="no xwininfo to see windows with")
def test_the_window_shows_pictures_and_its_end_is_one_line(
    display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    latest, lines = LatestPicture(), list[str]()
    latest.put_color(0, 0, GREY)
    with previewed(latest.get, lambda: GOOD, lines.append):
        wait_for(lambda: lines or window_exists(display))
        assert lines == []
        (child,) = children()
        os.kill(child, signal.SIGKILL)
        for number in range(1, 1000):
            latest.put_color(number, number, GREY)
            if lines:
                break
            time.sleep(0.02)
        assert len(lines) == 1
        assert lines[0].startswith("preview: its process ended (code -9)")
        assert lines[0].endswith("recording goes on")
    assert children() == []


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="a display is always there")
def test_without_a_display_it_says_so_and_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    lines: list[str] = []
    with previewed(lambda: None, LiveStatus, lines.append):
        assert children() == []
    assert lines == ["preview: no display (DISPLAY is not set); recording goes on"]
    assert display_missing()


def test_a_display_that_is_not_there_ends_the_window_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":987")
    lines: list[str] = []
    with previewed(picture, lambda: GOOD, lines.append):
        wait_for(lambda: lines)
    assert lines == ["preview: its process ended (code -6: no window on :987?); recording goes on"]


def test_a_window_that_hangs_holds_nothing_up(
    display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    latest = LatestPicture()
    noise = np.random.default_rng(0).integers(0, 255, (1080, 1920, 3), np.uint8)
    large = cv2.imencode(".jpg", noise)[1].tobytes()
    lines: list[str] = []
    with previewed(latest.get, lambda: GOOD, lines.append):
        wait_for(children)
        os.kill(children()[0], signal.SIGSTOP)
        # much more than the pipe holds
        for number in range(30):
            put = time.monotonic()
            latest.put_color(number, number, large)
            assert time.monotonic() - put < 0.5
            time.sleep(0.02)
        ended = time.monotonic()
    assert time.monotonic() - ended < 3
    assert lines == []
    assert children() == []
