"""The page of a session in a real browser: looking closely, finding, correcting and deciding."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from kincap.sessions.edits.journal import load_edits
from tests.review.axe import serious_findings
from tests.review.browser import Watched


def opened(watched: Watched, make_session: Any, serve: Any, **about: Any) -> Path:
    """Open frame 10 of a small session; return its folder."""
    folder = make_session("one", frames=60, dropped=range(20, 23), **about)
    watched.page.goto(f"{serve(make_session.recordings).url}#one/10")
    watched.at(10)
    return Path(folder)


def test_keypoints_are_corrected_by_keyboard_and_mouse(
    watched: Watched, make_session: Any, serve: Any
):
    folder = opened(watched, make_session, serve)
    page, press = watched.page, watched.page.keyboard.press
    # the head is the first keypoint, joint 3 of the 25: it is at (110, 3) in frame 10
    press("o")
    watched.says("head: drag it")
    press("ArrowRight")
    press("Shift+ArrowDown")
    watched.says("Moved head in frame 10. Saved.")
    assert labels(folder) == [("move", 10, "head", [111, 13])]
    press("v")
    watched.says("head is occluded in frame 10. Saved.")
    press("Escape")
    drag_keypoint(watched, (111, 13), (160, 90))
    watched.says("Moved head in frame 10. Saved.")
    (x, y) = labels(folder)[-1][3]
    assert abs(x - 160) < 1
    assert abs(y - 90) < 1

    watched.go(14)
    drag_keypoint(watched, (114, 3), (164, 50))
    watched.says("Moved head in frame 14. Saved.")
    watched.go(12)
    press("l")
    watched.says("Interpolated head in frames 11 – 13. Saved.")
    assert [one[1] for one in labels(folder)[-3:]] == [11, 12, 13]
    middle = labels(folder)[-2][3]
    assert abs(middle[0] - 162) < 1
    assert abs(middle[1] - 70) < 1
    watched.go(15)
    press("c")
    watched.says("Copied head from the frame before. Saved.")
    press("Escape")
    press("w")
    watched.says("Exchanged left and right in frame 15. Saved.")
    page.click("#tab-decisions")
    assert "sides exchanged 15" in page.inner_text("#panel-decisions")
    for _ in range(7):
        press("u")
        watched.says("Undone. Saved.")
        page.evaluate("document.getElementById('v-toast').textContent = ''")
    assert labels(folder) == []
    press("Shift+U")
    watched.says("Done again. Saved.")
    assert len(labels(folder)) == 1
    assert watched.complaints == []


def labels(folder: Path) -> list[tuple[Any, ...]]:
    """Return the decisions about joints that are in force."""
    return [
        (one["op"], one.get("seq"), one.get("keypoint"), one.get("xy_px"))
        for one in load_edits(folder).labels
    ]


def drag_keypoint(watched: Watched, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse between two places of the stored picture of 320 x 180 pixels."""
    box = watched.page.query_selector("#overlay").bounding_box()
    at = [
        (box["x"] + (x + 0.5) / 320 * box["width"], box["y"] + (y + 0.5) / 180 * box["height"])
        for x, y in (begin, end)
    ]
    watched.page.mouse.move(*at[0])
    watched.page.mouse.down()
    watched.page.mouse.move(*at[1], steps=4)
    watched.page.mouse.up()


def test_ranges_are_trimmed_tagged_and_noted_and_another_window_sees_it(
    watched: Watched, make_session: Any, serve: Any, browser: Any
):
    folder = opened(watched, make_session, serve)
    page, press = watched.page, watched.page.keyboard.press
    other = Watched(page.context.new_page())
    other.page.goto(page.url)
    other.at(10)
    press("{")
    watched.says("The session begins at frame 10. Saved.")
    watched.go(50)
    press("}")
    watched.says("The session ends at frame 50. Saved.")
    assert load_edits(folder).trim == (10, 50)
    press("t")
    page.keyboard.type("good <b>one</b>")
    press("Enter")
    watched.says("Tagged the whole session: good <b>one</b>. Saved.")
    watched.go(30)
    press("[")
    press("a")
    page.keyboard.type("the arm is behind the chair")
    press("Enter")
    watched.says("Noted. Saved.")
    press("3")
    shown = page.inner_text("#panel-decisions")
    for words in ("keeps 10 – 50", "good <b>one</b>", "behind the chair"):
        assert words in shown
    press("g")
    page.keyboard.type("0:01.5")
    press("Enter")
    page.wait_for_selector("#playhead[aria-valuetext$='0:01.50']")
    # both windows decide: neither loses anything, and each sees the other's
    other.page.keyboard.press("3")
    other.page.wait_for_selector("#panel-decisions:has-text('behind the chair')")
    other.page.keyboard.press("x")
    other.says("Rejected frame 10. Saved.")
    page.wait_for_selector("#panel-decisions .reject:has-text('0 – 10')")
    assert watched.complaints == other.complaints == []


def test_the_picture_and_the_time_line_zoom_and_the_skeleton_turns(
    watched: Watched, make_session: Any, serve: Any
):
    opened(watched, make_session, serve)
    page, press = watched.page, watched.page.keyboard.press
    before = watched.pixel(0.9, 0.5)
    for _ in range(6):
        press("Shift+ArrowUp")
    for _ in range(30):
        press("Control+ArrowLeft")
    # the bar of frame 10 ends at x = 55 of 320: zoomed 7.5 times, it fills the view
    page.wait_for_timeout(100)
    assert abs(watched.pixel(0.9, 0.5)[0] - before[0]) > 50
    press("9")
    page.wait_for_timeout(100)
    assert watched.pixel(0.9, 0.5) == before

    press("d")
    inked = """() => { const c = document.getElementById('space');
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      let s = 0; for (let i = 3; i < d.length; i += 4) s += d[i] ? i % 9973 : 0; return s; }"""
    sides = set()
    for _ in range(4):
        press("r")
        sides.add(page.evaluate(inked))
    assert len(sides) == 4
    press(">")
    assert page.evaluate(inked) not in sides

    lanes = """() => { const c = document.getElementById('lanes');
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return [...d].reduce((a, b) => a + b); }"""
    page.wait_for_timeout(1000)  # the lanes of what the checks found come by themselves
    seen = [page.evaluate(lanes)]
    for key in ("ArrowUp", "ArrowUp", "0"):
        press(key)
        seen.append(page.evaluate(lanes))
    assert seen[0] != seen[1] != seen[2] != seen[3]
    assert watched.complaints == []


def test_a_frame_is_saved_as_a_picture_with_its_joints(
    watched: Watched, make_session: Any, serve: Any
):
    held: list[Any] = []
    watched.page.route("**/bodies/*", lambda route: held.append(route))
    opened(watched, make_session, serve)
    with watched.page.expect_download() as coming:
        watched.page.keyboard.press("Shift+P")
        watched.page.wait_for_timeout(200)
        # the picture is on the screen before the joints: both are saved
        for route in held:
            route.continue_()
        watched.page.unroute("**/bodies/*")
    assert coming.value.suggested_filename == "one-10.png"
    import cv2

    image = cv2.imread(str(coming.value.path()))
    assert image.shape == (180, 320, 3)
    # the joints of frame 10 are at x = 110, on a wall of plain grey
    assert image[2:22, 100:120].std() > image[100:120, 200:220].std() + 10


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_serious_finding_of_axe(watched: Watched, make_session: Any, serve: Any, scheme: str):
    watched.page.emulate_media(color_scheme=scheme)
    opened(watched, make_session, serve, tags=["a"])
    page = watched.page
    page.keyboard.press("d")
    found = []
    for key in "1234?":
        page.keyboard.press(key)
        page.wait_for_timeout(150)
        found += [(key, *one) for one in serious_findings(page)]
    assert found == [], json.dumps(found, indent=1)
    ratios = page.evaluate(CONTRASTS)
    assert {name: ratio for name, ratio in ratios.items() if ratio < 3} == {}
    unnamed = page.evaluate(
        "() => [...document.querySelectorAll('#viewer canvas')].filter((c) =>"
        " !c.getAttribute('aria-label') && c.getAttribute('aria-hidden') !== 'true').length"
    )
    assert unnamed == 0


CONTRASTS = """async () => {
  const { theme } = await import("/static/theme.js");
  const style = theme();
  const light = (hex) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const surface = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();
  const found = {};
  for (const name of ["inferred", "reject", "drop", "head", "mark"]) {
    found[`${name} on a lane`] = ratio(style[name], style.faint);
  }
  for (const [name, color] of Object.entries(style.groups)) {
    found[`group ${name} on a lane`] = ratio(color, style.faint);
  }
  const words = [["muted", surface], ["text", style["take-even"]], ["text", style["take-odd"]],
    ["text", style["index-even"]], ["text", style["index-odd"]], ["on-reject", style.reject]];
  // words need more than marks
  for (const [name, ground] of words) {
    found[`${name} as words on ${ground}`] = ratio(style[name], ground) / 1.5;
  }
  return found;
}"""
"""The contrast of what is drawn on the canvases, which axe cannot see; words count by 4.5 to 3."""


def told_below(watched: Watched, share: float, begin: str) -> set[str]:
    """Return what all lanes at a place say that begins with these words, once one says so."""
    page = watched.page
    for _ in range(40):
        box = page.query_selector("#playhead").bounding_box()
        told: set[str] = set()
        for y in range(26, int(box["height"]), 4):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + y)
            told.update(page.inner_text("#v-tip").splitlines())
        found = {line for line in told if line.startswith(begin)}
        # the lanes of the server come after those of the findings
        if found and page.query_selector("#playhead").bounding_box() == box:
            return found
        page.wait_for_timeout(100)
    raise AssertionError(f"no lane says {begin}")


@pytest.mark.parametrize(("key", "shown"), [("2", "#find-total"), ("4", "#build-total")])
def test_a_tab_that_is_open_shows_the_next_session_too(
    watched: Watched, make_session: Any, serve: Any, key: str, shown: str
):
    make_session("two", frames=40)
    opened(watched, make_session, serve)
    page = watched.page
    page.keyboard.press(key)
    settled = f"{shown}:text-matches('[0-9]+ '):not(:has-text('still checking'))"
    one = page.wait_for_selector(settled).inner_text()
    page.evaluate("location.hash = '#two/5'")
    watched.at(5)
    two = page.wait_for_selector(settled).inner_text()
    assert two != one
    # and one that is opened while the panel is away, when that comes back
    page.keyboard.press("i")
    page.evaluate("location.hash = '#one/5'")
    page.wait_for_selector("#v-name:has-text('one')")
    watched.at(5)
    page.keyboard.press("i")
    page.wait_for_function(
        "([shown, text]) => document.querySelector(shown).innerText === text", arg=[shown, one]
    )


def test_suspects_are_found_filtered_and_rejected_together(
    watched: Watched, serve: Any, tmp_path: Path
):
    from kincap.capture.record import RecordSettings, record

    source = "simulator:frames=90,pace=fast,faults=crossed_arms@0.4-1.4+low_light@1.6-3"
    record(RecordSettings("arms", source=source, recordings=tmp_path, shard_mib=64))
    page, press = watched.page, watched.page.keyboard.press
    page.goto(f"{serve(tmp_path).url}#arms/0")
    watched.at(0)
    press("2")
    page.wait_for_selector("#find-total:has-text('place'):not(:has-text('still checking'))")
    dark = told_below(watched, 0.85, "low light")
    assert len(dark) == 1
    assert re.fullmatch(r"low light: .* \(frames \d+ – \d+\)", dark.pop())
    page.mouse.move(400, 200)
    press("s")
    watched.says("1 of ")
    page.wait_for_selector("#find-list [aria-current=true]")
    page.wait_for_selector("#overlay:not([data-seq='0'])")
    press("/")
    page.keyboard.type("reason:nothing_like_it")
    page.wait_for_selector("#find-total.problem")
    before = watched.now()
    press("Enter")
    page.wait_for_timeout(200)
    assert watched.now() == before
    press("/")
    press("Escape")
    page.wait_for_selector("#find-list li")
    press("Escape")
    press("q")
    page.wait_for_selector("#sheet .tile img[src^=blob]")
    press("a")
    press("x")
    watched.says("Rejected ")
    assert load_edits(tmp_path / "arms").ranges()
    press("4")
    page.wait_for_selector("#build-counts button:has-text('edits')")
    assert all("400" in text for text in watched.complaints)
