"""The page of all sessions in a real browser: finding, choosing several, what is warned of."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.report.quality import load_quality
from kincap.sessions.edits.journal import load_edits
from tests.review.axe import serious_findings
from tests.review.browser import Watched
from tests.review.conftest import SessionMaker, serving

MARKUP = "<img src=x onerror=alert(1)>"
ALIKE = "simulator:outfit=2,frames=40,pace=fast"


@dataclass
class Listed:
    """The page of sessions, and what makes them."""

    make: SessionMaker
    watched: Watched
    url: str

    def names(self) -> list[str]:
        """Return the sessions that are shown, in their order."""
        return list(
            self.watched.page.evaluate(
                "() => [...document.querySelectorAll('a.card')].map((card) => card.dataset.name)"
            )
        )

    def choose(self, *names: str) -> None:
        for name in names:
            self.watched.page.check(f"input[aria-label='Choose {name}']")

    def result(self, text: str) -> None:
        self.watched.page.wait_for_selector(f"#list-result:has-text('{text}')")


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Listed]:
    """Return the page of four small sessions, and of two that show one outfit by two names."""
    recordings = tmp_path_factory.mktemp("listed") / "recordings"
    make = SessionMaker(recordings)
    make("clothing2", frames=12, dropped=range(3, 5), subject="anna", outfit="red coat", tags=["a"])
    make("clothing10", frames=30, dropped=range(0), subject="ben", outfit="red coat")
    make("walk", frames=20, dropped=range(0), subject="anna", note=MARKUP, tags=[MARKUP])
    for name in ("shirt", "jumper"):
        record(RecordSettings(name, recordings, ALIKE, shard_mib=64, outfit=name))
    with serving(recordings) as served:
        context = browser.new_context(viewport={"width": 1366, "height": 768})
        watched = Watched(context.new_page())
        watched.page.goto(served.url)
        watched.page.wait_for_selector("a.card:has-text('walk') img[src^=blob]")
        yield Listed(make, watched, served.url)
        context.close()


def test_sessions_are_searched_filtered_and_sorted(listed: Listed):
    page = listed.watched.page
    assert set(listed.names()) == {"clothing2", "clothing10", "walk", "shirt", "jumper"}
    page.keyboard.press("/")
    page.keyboard.type("COAT anna")
    assert listed.names() == ["clothing2"]
    assert page.inner_text("#list-summary").startswith("1 of 5 sessions · 10 frames, 10 kept")
    page.keyboard.press("Escape")
    page.select_option("#list-subject", "anna")
    assert set(listed.names()) == {"clothing2", "walk"}
    page.select_option("#list-tag", "a")
    assert listed.names() == ["clothing2"]
    page.select_option("#list-outfit", "shirt")
    page.wait_for_selector("#list-body:has-text('No session matches')")
    for name in ("subject", "tag", "outfit"):
        page.select_option(f"#list-{name}", "")
    page.select_option("#list-sort", "name")
    assert listed.names() == ["clothing2", "clothing10", "jumper", "shirt", "walk"]
    page.select_option("#list-sort", "length")
    assert listed.names()[0] in ("shirt", "jumper")
    page.select_option("#list-sort", "most lost")
    assert listed.names()[0] == "clothing2"
    page.select_option("#list-sort", "name")
    # without a mouse
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector("#v-name:has-text('clothing10')")
    page.keyboard.press("Escape")
    page.wait_for_selector("a.card:has-text('clothing10')")


def test_several_sessions_are_tagged_noted_verified_and_reported(listed: Listed):
    page, recordings = listed.watched.page, listed.make.recordings
    listed.choose("clothing2", "walk")
    assert page.inner_text("#list-chosen-count") == "2 sessions chosen"
    page.fill("#list-words", "day 1")
    page.click("#list-chosen button:has-text('Tag')")
    listed.result("walk: done")
    page.wait_for_selector("a.card:has-text('clothing2') .tags:has-text('day 1')")
    page.fill("#list-words", MARKUP)
    page.click("#list-chosen button:has-text('Note')")
    listed.result("clothing2: done")
    page.click("#list-chosen button:has-text('Verify')")
    page.wait_for_selector("a.card:has-text('walk') .marks:has-text('verified: undamaged')")
    page.click("#list-chosen button:has-text('Report')")
    page.wait_for_selector("a.card:has-text('walk') .quality[title]")
    cards = page.query_selector_all("a.card:has(.verdict)")
    assert cards
    for card in cards:
        text = card.inner_text()
        quality = card.query_selector(".quality[title]").inner_text()
        assert text.count(quality) == 1, text
    page.click("#list-chosen button:has-text('Coverage')")
    page.wait_for_selector("#list-result img[alt='Coverage of walk']")
    for name in ("clothing2", "walk"):
        edits = load_edits(recordings / name)
        assert "day 1" in str(edits.tags())
        assert len(edits.tags()) == 1
        assert edits.notes()[0]["note"] == MARKUP
        assert load_quality(recordings / name) is not None
    assert not load_edits(recordings / "clothing10").tags()
    page.select_option("#list-tag", "day 1")
    assert set(listed.names()) == {"clothing2", "walk"}
    page.select_option("#list-tag", "")
    # what people write is text, wherever it is shown
    page.wait_for_selector(f"a.card:has-text('walk') .tags:has-text('{MARKUP}')")
    assert page.query_selector("#list-body img[src=x]") is None
    page.click("#list-none")
    assert page.is_hidden("#list-chosen")
    page.click("#list-result button")


def test_outfits_that_look_alike_are_warned_of(listed: Listed):
    page = listed.watched.page
    warning = page.wait_for_selector("#list-alike .warning:has-text('outfit')")
    assert {"shirt", "jumper"} <= set(warning.inner_text().replace(":", " ").split())
    page.click("#list-alike .warning a:has-text('shirt')")
    page.wait_for_selector("#v-name:has-text('shirt')")
    page.go_back()
    page.wait_for_selector("a.card:has-text('shirt')")


def test_no_serious_finding_of_axe(listed: Listed):
    page = listed.watched.page
    listed.choose("walk")
    page.click("#list-chosen button:has-text('Verify')")
    listed.result("undamaged")
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        assert serious_findings(page) == [], scheme
        page.keyboard.press("?")
        assert serious_findings(page) == [], scheme
        page.keyboard.press("?")
    page.click("#list-none")
    page.click("#list-result button")


def test_a_narrow_window_does_not_break_it(listed: Listed):
    page = listed.watched.page
    outside = """() => [...document.querySelectorAll("button, input, select, a.card, h2")]
      .filter((node) => node.offsetParent && !node.closest(".unseen"))
      .filter((node) => { const box = node.getBoundingClientRect();
        return box.width > 0 && (box.left < -1 || box.right > window.innerWidth + 1); })
      .map((node) => node.outerHTML.slice(0, 90))"""
    listed.choose("walk")
    for width in (700, 360):
        page.set_viewport_size({"width": width, "height": 700})
        assert page.evaluate(outside) == [], width
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), width
    page.click("#list-none")
    page.click("a.card:has-text('walk')")
    listed.watched.at(0)
    assert page.evaluate(outside) == []
    page.keyboard.press("x")
    listed.watched.says("Rejected frame 0. Saved.")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 1366, "height": 768})
    page.wait_for_selector("a.card:has-text('walk') .rejected")


def test_what_changes_beside_the_page_is_noticed(listed: Listed):
    page, recordings = listed.watched.page, listed.make.recordings
    listed.choose("clothing10")
    shutil.rmtree(recordings / "clothing10")
    page.wait_for_selector("a.card:has-text('clothing10')", state="detached")
    assert page.is_hidden("#list-chosen")
    listed.make("later", frames=6, dropped=range(0))
    page.wait_for_selector("a.card:has-text('later')")
    # a shard is missing: the rest is shown, and the page names it
    (recordings / "later" / "000000.h5").rename(recordings / "later" / "000001.h5")
    page.goto(f"{page.url.partition('#')[0]}#later/2")
    listed.watched.at(2)
    assert page.inner_text("#v-missing") == "000000.h5: the file is missing"
    shutil.rmtree(recordings / "later")
    page.wait_for_selector("#v-notice:has-text('deleted')")
    assert [one for one in listed.watched.complaints if "404" not in one] == []
    # no request of any of these tests has left the machine
    assert listed.watched.hosts == {listed.url.partition("//")[2].partition("/")[0]}
