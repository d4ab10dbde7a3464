"""The first picture of a session, and the pixels of one that is looked at closely."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from kincap.core.jpeg import decode_jpeg, decode_small
from kincap.sessions.reader import SessionReader
from tests.review.browser import Watched

ZOOM = 1.4**9
SHARP_WITHIN = 200
"""Tenths of a second."""
PLACES = """([x, y]) => { const c = document.getElementById('picture');
const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
const at = (px, py) => { const i = 4 * (py * c.width + px); return [d[i], d[i + 1], d[i + 2]]; };
return { size: [c.width, c.height], colors: x.map((px, i) => at(px, y[i])) }; }"""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a simulated session of 1920 x 1080."""
    from kincap.capture.record import RecordSettings, record

    folder = tmp_path_factory.mktemp("pictures") / "recordings"
    source = "simulator:outfit=3,seed=1,frames=12,pace=fast"
    record(RecordSettings("sim", source=source, recordings=folder, shard_mib=64, report=False))
    return folder


def stored(recordings: Path, seq: int) -> bytes:
    with SessionReader(recordings / "sim") as reader:
        return bytes(reader.color_blob(seq))


@pytest.mark.parametrize("can_decode", [True, False], ids=["decoder", "no decoder"])
def test_what_is_looked_at_closely_has_all_its_pixels(
    watched: Watched, recordings: Path, serve: Any, can_decode: bool
):
    page = watched.page
    if not can_decode:
        page.add_init_script("delete window.ImageDecoder")
    page.goto(f"{serve(recordings).url}#sim/5")
    watched.at(5)
    data = stored(recordings, 5)
    whole = decode_jpeg(data, rgb=True).astype(int)
    half = np.repeat(np.repeat(decode_small(data, 2)[..., ::-1], 2, 0), 2, 1).astype(int)
    # the whole picture is on view: what is shown is the stored one, smaller
    size = page.evaluate("[picture.width, picture.height]")
    small = cv2.resize(whole.astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(small, (1920, 1080), interpolation=cv2.INTER_NEAREST).astype(int)
    shown, expected, _ = look(page, small, half, 1.0)
    assert np.median(np.abs(shown - expected)) <= 6
    for _ in range(9):
        page.keyboard.press("Shift+ArrowUp")
    # full pixels are decoded when the keys rest
    for _ in range(SHARP_WITHIN):
        page.wait_for_timeout(100)
        shown, expected, blurred = look(page, whole, half, ZOOM)
        if np.mean(np.abs(shown - expected)) < 0.5:
            break
    assert np.mean(np.abs(shown - expected)) < 0.5
    assert np.mean(np.abs(shown - blurred)) > 2
    assert watched.complaints == []


def look(
    page: Any, whole: np.ndarray, half: np.ndarray, zoom: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return colours on the screen, the stored ones there, and those of a half-sized picture."""
    width, height = page.evaluate("[picture.width, picture.height]")
    rng = np.random.default_rng(0)
    x, y = rng.integers(20, width - 20, 900), rng.integers(20, height - 20, 900)
    colors = page.evaluate(PLACES, [x.tolist(), y.tolist()])["colors"]
    rows, columns = whole.shape[:2]
    # the view is around the middle
    across = columns / 2 - columns / (2 * zoom) + (x + 0.5) * columns / (zoom * width)
    down = rows / 2 - rows / (2 * zoom) + (y + 0.5) * rows / (zoom * height)
    at = np.floor(down).astype(int), np.floor(across).astype(int)
    return np.array(colors), whole[at], half[at]


def test_the_picture_comes_before_the_bodies_are_read(
    watched: Watched, make_session: Any, serve: Any
):
    make_session("one", frames=60, dropped=range(20, 23))
    page = watched.page
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    # the long table of the time line and the bodies are held back, the frames' own times are not
    page.route(lambda url: "/timeline/" in url and "part=" not in url, hold)
    page.route("**/bodies/**", hold)
    page.goto(f"{serve(make_session.recordings).url}#one/10")
    bar = (
        "() => document.getElementById('picture').getContext('2d').getImageData(3, 3, 1, 1).data[3]"
    )
    page.wait_for_function(bar)
    page.wait_for_selector("#overlay[data-seq='10']")
    assert page.inner_text("#v-facts").startswith("57 frames")
    assert page.input_value("#v-frame") == "10"
    page.keyboard.press("End")
    page.wait_for_selector("#overlay[data-seq='59']")
    page.keyboard.press("f")
    watched.says("still being read")
    lanes = """() => { const c = document.getElementById('lanes');
      const d = c.getContext('2d').getImageData(200, 0, 1, c.height).data; let n = 0;
      for (let i = 4; i < d.length; i += 4) n += d[i] !== d[i - 4]; return n; }"""
    empty = page.evaluate(lanes)
    for one in held:
        one.continue_()
    page.wait_for_selector("#panel-frame:has-text('Person')")
    page.wait_for_function(f"n => ({lanes})() > n", arg=empty)
    assert watched.complaints == []
