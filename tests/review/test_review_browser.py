"""The page in a real browser, served by the real command, on a real and a simulated recording."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.sessions.edits.journal import load_edits
from tests.review.browser import Watched

CLIP = "ntu/S001C001P001R001A001_rgb.avi"
LOG = "kinect2_laban/Ges01_wavehand.csv"


@pytest.fixture(scope="module")
def recordings(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a real and a simulated session and a real log of bodies alone."""
    from kincap.capture.record import RecordSettings, record

    folder = tmp_path_factory.mktemp("review") / "recordings"
    sources = {
        "real1": f"ntu:{data_dir / CLIP}",
        "sim3": "simulator:outfit=3,frames=45,pace=fast",
        "log1": f"laban:{data_dir / LOG}",
    }
    for name, source in sources.items():
        record(RecordSettings(session=name, source=source, recordings=folder, shard_mib=64))
    return folder


def test_reject_undo_redo_reload_and_build(
    watched: Watched, recordings: Path, serve: Any, kincap: Callable[..., Any], tmp_path: Path
):
    served = serve(recordings)
    page, keyboard = watched.page, watched.page.keyboard
    page.goto(served.url)
    page.wait_for_selector("a.card:has-text('sim3')")
    assert page.url == served.base
    for image in page.query_selector_all("a.card img"):
        image.wait_for_element_state("stable")
        page.wait_for_function("image => image.complete && image.naturalWidth", arg=image)
        assert image.evaluate("image => image.decode().then(() => image.naturalWidth)") == 384

    page.click("a.card:has-text('real1')")
    watched.at(0)
    keyboard.press("ArrowRight")
    watched.at(1)
    keyboard.press("Shift+ArrowRight")
    watched.at(11)
    scrub(watched)
    keyboard.press("Home")
    watched.at(0)
    play(watched)

    watched.go(10)
    keyboard.press("[")
    watched.go(30)
    keyboard.press("]")
    keyboard.press("x")
    watched.says("Rejected frames 10 – 30. Saved.")
    assert load_edits(recordings / "real1").ranges() == [(10, 30, "reject")]
    keyboard.press("u")
    watched.says("Undone. Saved.")
    assert load_edits(recordings / "real1").ranges() == []
    keyboard.press("Shift+U")
    watched.says("Done again. Saved.")
    watched.go(20)
    keyboard.press("k")
    watched.says("Kept frame 20. Saved.")
    assert page.inner_text("#v-facts").endswith("20 rejected")
    page.wait_for_url("**/#real1/20")
    assert 1 <= watched.most_under_way() <= 3

    page.reload()
    watched.at(20)
    keyboard.press("3")
    ranges = [node.inner_text() for node in page.query_selector_all("#panel-decisions .reject b")]
    assert ranges == ["10 – 19", "21 – 30"]
    assert page.inner_text("#v-facts").endswith("20 rejected")
    assert watched.complaints == []
    assert watched.hosts == {f"127.0.0.1:{served.port}"}
    assert 1 <= watched.most_under_way() <= 3
    check_build(recordings, kincap, tmp_path)


def scrub(watched: Watched) -> None:
    """Drag along the time line: a frame near the place of the mouse is shown at the end."""
    page = watched.page
    box = page.query_selector("#playhead").bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.2 * box["width"], y)
    page.mouse.down()
    for step in range(20, 81, 3):
        page.mouse.move(box["x"] + step / 100 * box["width"], y)
    page.mouse.up()
    shown = int(page.get_attribute("#playhead", "aria-valuenow"))
    assert 75 <= shown <= 85
    watched.at(shown)


def play(watched: Watched) -> None:
    """Play for a moment: frames go by, and stop when told."""
    page = watched.page
    page.keyboard.press("Space")
    page.wait_for_selector("#v-play[aria-label='Pause']")
    page.wait_for_timeout(1200)
    page.keyboard.press("Space")
    page.wait_for_selector("#v-play[aria-label='Play']")
    page.wait_for_timeout(100)
    stopped = watched.now()
    assert 10 < stopped < 60
    page.wait_for_timeout(150)
    assert watched.now() == stopped


def check_build(recordings: Path, kincap: Callable[..., Any], tmp_path: Path) -> None:
    """Build from the reviewed session: what was rejected is not in it, what was kept again is."""
    from kincap.dataset.kinect13.reader import open_kinect13

    out = tmp_path / "kinect13.h5"
    built = kincap(
        *("build", "--out", out, "--recordings", recordings, "--sessions", "real1"),
        *("--size", 32, "--val", 0.2, "--json"),
    )
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["rejected"]["edits"] == 20
    data = open_kinect13(out)
    seqs = np.concatenate([data.split(name).color_seq for name in data.splits])
    assert not np.isin([*range(10, 20), *range(21, 31)], seqs).any()
    assert 20 in seqs


def test_a_simulated_session_by_its_permalink(watched: Watched, recordings: Path, serve: Any):
    served = serve(recordings)
    page = watched.page
    page.goto(f"{served.url}#sim3/25")
    watched.at(25)
    for key in "jpnz":
        page.keyboard.press(key)
    page.keyboard.press("i")
    page.wait_for_selector("#panel", state="hidden")
    page.keyboard.press("?")
    shown = page.inner_text("#keys")
    for words in (
        "Play or pause",
        "Reject the range",
        "Undo the last decision",
        "Follow the person",
    ):
        assert words in shown
    page.keyboard.press("Escape")
    page.wait_for_selector("#keys", state="hidden")
    page.evaluate("location.hash = '#sim3/40'")
    watched.at(40)
    page.evaluate("location.hash = '#sim3/4000'")
    watched.says("There is no frame 4000; this is the nearest one, 44.")
    page.keyboard.press("Home")
    watched.at(0)
    page.keyboard.press("g")
    page.keyboard.type("99999")
    page.keyboard.press("Enter")
    watched.says("There is no frame 99999; this is the nearest one, 44.")
    page.keyboard.press("Escape")
    page.wait_for_selector("a.card")
    page.keyboard.press("/")
    page.keyboard.type("sim")
    page.wait_for_selector("a.card:has-text('real1')", state="detached")
    page.keyboard.press("Enter")
    watched.at(0)
    assert watched.complaints == []


def test_words_of_a_session_never_become_markup(watched: Watched, make_session: Any, serve: Any):
    bad = "<img src=x onerror=alert(1)>"
    make_session("one", frames=5, dropped=range(0), outfit=bad, note=bad, subject=bad, tags=[bad])
    page = watched.page
    page.goto(serve(make_session.recordings).url)
    page.wait_for_selector("a.card")
    assert page.inner_text(".tags") == bad
    assert len(page.query_selector_all("#list-body img")) == 1
    page.click("a.card")
    watched.at(0)
    assert bad in page.inner_text("#v-facts")
    assert page.inner_text("#panel").count(bad) == 2
    assert page.query_selector("#viewer img") is None
    assert watched.complaints == []


def test_unmirror_turns_the_picture_and_the_joints(watched: Watched, make_session: Any, serve: Any):
    make_session("one", frames=30, dropped=range(0))
    page = watched.page
    page.goto(f"{serve(make_session.recordings).url}#one/20")
    watched.at(20)
    bar, wall = watched.pixel(0.1, 0.5), watched.pixel(0.9, 0.5)
    assert np.abs(np.subtract(bar, wall)).max() > 50
    page.keyboard.press("m")
    page.wait_for_selector("[data-toggle=unmirror][aria-pressed=true]")
    page.wait_for_timeout(100)
    assert np.allclose(watched.pixel(0.9, 0.5), bar, atol=6)
    assert np.allclose(watched.pixel(0.1, 0.5), wall, atol=6)
    drawn = """() => { const c = document.getElementById('overlay'); const w = c.width;
      const data = c.getContext('2d').getImageData(0, 0, w, c.height).data; const x = [];
      for (let i = 0; i < data.length / 4; i += 1) if (data[4 * i + 3]) x.push((i % w) / w);
      return x.reduce((a, b) => a + b, 0) / x.length; }"""
    # the joints of frame 20 are at x = 120 of 320
    assert page.evaluate(drawn) == pytest.approx(1 - 120.5 / 320, abs=0.01)
    page.keyboard.press("m")
    page.wait_for_timeout(100)
    assert page.evaluate(drawn) == pytest.approx(120.5 / 320, abs=0.01)
    assert watched.complaints == []


def test_a_damaged_frame_is_shown_as_damaged_and_the_next_one_plays(
    watched: Watched, make_session: Any, serve: Any
):
    folder = make_session("one", frames=30, dropped=range(0))
    path = folder / "000000.h5"
    path.chmod(0o600)
    data = path.read_bytes()
    at = data.index(b"\xff\xd8\xff", 70_000)
    path.write_bytes(data[: at + 900] + bytes([data[at + 900] ^ 1]) + data[at + 901 :])
    page = watched.page
    page.goto(f"{serve(make_session.recordings).url}#one/0")
    page.wait_for_selector("#v-notice:has-text('Frame 0 is damaged')")
    page.keyboard.press("ArrowRight")
    watched.at(1)
    page.wait_for_selector("#v-notice", state="hidden")
    # the browser itself logs the refusal; nothing else may be wrong
    assert all("422" in text for text in watched.complaints)


def test_an_empty_folder_says_what_to_type(watched: Watched, serve: Any, tmp_path: Path):
    page = watched.page
    page.goto(serve(Path("recordings")).url)
    page.wait_for_selector("text=/^kincap record --session clothing1$/")
    (tmp_path / "my films").mkdir()
    page.goto(serve(tmp_path / "my films").url)
    page.wait_for_selector(f"text=kincap record --session clothing1 --recordings '{tmp_path}")
    assert watched.complaints == []
    page.goto(f"{page.url}#nobody/3")
    page.wait_for_selector("#v-notice:has-text('no such session')")


def test_a_session_grows_while_it_is_recorded(
    watched: Watched, serve: Any, tmp_path: Path, kincap: Callable[..., Any]
):
    recordings = tmp_path / "recordings"
    source = "simulator:outfit=2,pace=live"
    recorder = threading.Thread(
        target=kincap,
        args=("record", "--session", "live", "--source", source, "--duration", 5),
    )
    served = serve(recordings)
    recorder.start()
    try:
        page = watched.page
        page.goto(served.url)
        page.wait_for_selector("a.card:has-text('live') .chip.recording")
        page.click("a.card:has-text('live')")
        watched.at(0)
        page.keyboard.press("End")
        page.wait_for_timeout(200)
        early = watched.now()
        for _ in range(40):
            page.wait_for_timeout(250)
            page.keyboard.press("End")
            if watched.now() > early + 15:
                break
        assert watched.now() > early + 15
        assert page.inner_text("#v-state") == "recording"
        page.wait_for_selector("#v-state.sealed", state="attached")
    finally:
        recorder.join()
    assert watched.complaints == []


def test_a_minute_is_written_as_one(watched: Watched, serve: Any, tmp_path: Path):
    """A session of 59.9 s was shown as 0:60."""
    from kincap.capture.record import RecordSettings, record

    source = "simulator:frames=60,fps=1,pace=fast"
    made = record(RecordSettings("minute", source=source, recordings=tmp_path, shard_mib=64))
    assert 58 < made.duration_s < 61
    watched.page.goto(serve(tmp_path).url)
    watched.page.wait_for_selector("a.card:has-text('minute')")
    assert "0:60" not in watched.page.inner_text("a.card")
    texts = watched.page.evaluate(
        """async () => { const { clockText } = await import("/static/dom.js");
        return [[59.97, 0], [119.6, 0], [59.996, 2], [59.97, 2], [3.4, 0], [0, 2]].map(
          ([seconds, digits]) => clockText(seconds, digits)); }"""
    )
    assert texts == ["1:00", "2:00", "1:00.00", "0:59.97", "0:03", "0:00.00"]


def test_a_log_of_bodies_alone_is_shown_on_an_empty_stage(
    watched: Watched, recordings: Path, serve: Any
):
    served, page = serve(recordings), watched.page
    page.goto(served.url)
    page.click("a.card:has-text('log1')")
    watched.at(0)
    assert "bodies alone, no pictures" in page.inner_text("#v-facts")
    watched.go(120)
    assert max(watched.pixel(0.1, 0.1)) < 60
    drawn = page.evaluate(
        """() => { const c = document.getElementById('overlay');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 128; return n; }"""
    )
    assert drawn > 1000
    page.keyboard.press("z")
    page.keyboard.press("ArrowRight")
    watched.at(121)
    assert watched.complaints == []
