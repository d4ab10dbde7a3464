"""The HTML report of a build: one file, with the counts of the build, safe to open anywhere."""

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.filters import REASONS
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.dataset.public.plan import REASONS as PUBLIC_REASONS
from kincap.dataset.report_page import markup
from kincap.dataset.report_page.command import command_of
from kincap.dataset.report_page.heat_maps import arm_coverage
from kincap.dataset.report_page.meanings import MEANINGS
from kincap.dataset.report_page.split_check import compare_splits
from kincap.sessions.edits.journal import add_edit
from tests.dataset.conftest import Body, Frame, Sessions
from tests.review.browser import FLAGS, chromium

Run = Callable[..., subprocess.CompletedProcess[str]]
EVIL = '<script>alert("x")</script><img src=http://evil.example/x>'


class Page(HTMLParser):
    """What a report consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.images: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.tags.append(tag)
        self.links += [said[name] or "" for name in ("href", "src", "action") if name in said]
        if tag == "img":
            self.images.append((said["src"] or "", said["alt"] or ""))

    def handle_data(self, data: str) -> None:
        self.text += data + "\n"


@pytest.fixture
def settings(sessions: Sessions, walk) -> BuildSettings:
    """Return the settings of a small build in which candidates are left out for many reasons."""
    far = [Frame((Body(depth_m=4.5),), take=1)] * 6
    nobody = [Frame((), take=1)] * 6
    guessed = [Frame((Body(inferred=("ShoulderLeft", "ShoulderRight")),), take=1)]
    sessions("train1", [*walk(40), *far, *nobody, *guessed], outfit=EVIL)
    add_edit(sessions.recordings / "train1", "reject", 3, 4)
    sessions("val1", walk(8), outfit="blue")
    return BuildSettings(
        out=sessions.recordings.parent / "set.h5",
        recordings=sessions.recordings, size=32, workers=1, val="val1",
    )  # fmt: skip


def report_of(settings: BuildSettings) -> str:
    done = build(settings)
    assert done.report == settings.out.with_name("set.h5.html")
    return done.report.read_text(encoding="utf-8")


def test_it_is_one_file_without_scripts_links_or_markup_of_others(settings) -> None:
    text = report_of(settings)
    page = Page(text)
    assert {"script", "link", "iframe", "object"} & set(page.tags) == set()
    assert all(link.startswith(("data:image/", "#")) for link in page.links)
    assert "default-src 'none'" in text
    assert EVIL not in text
    assert EVIL in page.text
    assert len(text) < 2_000_000


def test_it_has_the_counts_of_the_build_and_examples_of_every_reason(settings) -> None:
    done = build(settings)
    page = Page(done.report.read_text(encoding="utf-8"))
    why = {reason: count for reason, count in done.rejected.items() if count}
    assert {"edits", "no_body", "range", "tracking"} <= set(why)
    for reason, count in why.items():
        assert re.search(rf"\b{reason}\s*{count}\s*{done.rejected_all[reason]}\b", page.text)
        examples = [alt for _, alt in page.images if alt.startswith("train1, frame ")]
        assert len(examples) >= len(why)
    kept = [alt for _, alt in page.images if alt.startswith(("train: ", "val: "))]
    assert len(kept) == 15
    assert f"{done.kept}\nrows\n" in page.text
    assert done.sha256 in page.text
    for title in ("Leak check", "Coverage", "Settings", "How to make it again", "Keypoints"):
        assert title in page.text
    with open_kinect13(settings.out) as dataset:
        grid = arm_coverage(dataset)
    assert grid.frames == done.kept
    limbs = ("r_wrist", "l_wrist", "r_elbow", "l_elbow")
    reach = [markup.percent(grid.visited_share(limb)) for limb in limbs]
    assert re.search(r"share of its reach\s*" + r"\s*".join(reach), page.text)


def test_only_its_date_differs_between_two_builds_of_the_same(settings) -> None:
    first, second = report_of(settings), report_of(replace(settings, restart=True))
    date = re.compile(r"Made \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by")
    assert date.sub("", first) == date.sub("", second)
    assert date.search(first)


def test_it_is_made_where_it_is_asked_for_or_not_at_all(settings, tmp_path) -> None:
    place = tmp_path / "elsewhere.html"
    assert build(replace(settings, report=place)).report == place
    assert place.is_file()
    assert not settings.out.with_name("set.h5.html").exists()
    done = build(replace(settings, with_report=False))
    assert done.report is None
    assert not settings.out.with_name("set.h5.html").exists()
    for bad in ("x.txt", "no/where.html", "set.h5.json"):
        with pytest.raises(DatasetError, match="--report"):
            build(replace(settings, report=tmp_path / bad))
    with pytest.raises(DatasetError, match="--report.*--no-report"):
        build(replace(settings, report=place, with_report=False))
    mine = tmp_path / "mine.html"
    mine.write_text("<p>my notes</p>")
    with pytest.raises(DatasetError, match="mine.html: the file exists and is not a report"):
        build(replace(settings, report=mine))
    assert mine.read_text() == "<p>my notes</p>"


def test_the_leak_check_finds_a_frame_that_is_in_two_splits(settings, tmp_path) -> None:
    build(settings)
    with open_kinect13(settings.out) as dataset:
        (clean,) = compare_splits(dataset)
        train = dataset.split("train")
        columns = {
            name: getattr(train, name).copy()
            for name in ("keypoints_px", "visibility", "weight", "keypoint_quality",
                         "bbox_xyxy_px", "session", "cue", "color_seq", "tracking_id", "take",
                         "slot", "time_s", "pair_residual_ms", "quality")
        }  # fmt: skip
        images = train.images(range(len(train)))
        meta = dataset.meta
    assert (clean.first, clean.second) == ("train", "val")
    assert (clean.same_frames, clean.sessions, clean.outfits) == (0, [], [])
    rest = {name: values[10:] for name, values in columns.items()}
    some = {name: values[8:12] for name, values in columns.items()}
    leaky = tmp_path / "leaky.h5"
    write_kinect13(leaky, {"train": {"images": images[10:], **rest},
                           "val": {"images": images[8:12], **some}}, meta)  # fmt: skip
    with open_kinect13(leaky) as dataset:
        (found,) = compare_splits(dataset)
    assert found.same_frames == 2
    assert found.nearest_s == 0
    assert found.copies >= 2
    assert found.sessions == ["train1"]
    assert found.outfits == [EVIL]


def test_the_command_in_it_makes_the_same_file(settings) -> None:
    asked = replace(settings, guard_s=1.5, skip_damaged=True, workers=2)
    words = command_of(asked)
    assert words.startswith("kincap build --out ")
    assert words.endswith("--val val1 --guard 1.5 --size 32 --skip-damaged")


def test_long_tables_and_texts_are_cut() -> None:
    rows = [[f"session{k}", k] for k in range(1000)]
    made = markup.table(("session", "rows"), rows).html
    assert made.count("<tr>") == markup.MOST_ROWS + 2
    assert "800 more rows are left out" in made
    assert len(markup.text("x" * 10**6).html) < 500


def test_the_commands_report_is_shown_by_a_browser_without_a_network(
    settings, tmp_path: Path, kincap: Run
) -> None:
    args = ("--recordings", settings.recordings, "--val", "val1", "--size", "32", "--workers", "1")
    done = kincap("build", "--out", "set.h5", *args)
    assert done.returncode == 0, done.stderr
    assert "Look at it: set.h5.html" in done.stdout
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=FLAGS)
        for scheme in ("light", "dark"):
            look_at(browser, tmp_path / "set.h5.html", scheme)
        browser.close()


def look_at(browser: Any, path: Path, scheme: str) -> None:
    """Open a report and check that it is shown whole and readable, and asks for nothing."""
    asked: list[str] = []
    complaints: list[str] = []
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1000, "height": 800})
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(path.as_uri())
    assert page.eval_on_selector_all("img", "all => all.filter(i => !i.naturalWidth).length") == 0
    ink, paper = page.evaluate(
        "() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; }"
    )
    assert not page.evaluate("() => document.documentElement.scrollWidth > window.innerWidth")
    assert "How to make it again" in page.inner_text("main")
    page.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert complaints == []
    assert (_light(ink) < _light(paper)) == (scheme == "light")
    assert abs(_light(ink) - _light(paper)) > 150


def _light(color: str) -> float:
    """Return the lightness of a CSS colour ``rgb(r, g, b)``."""
    return sum(map(int, re.findall(r"\d+", color)[:3])) / 3


def test_every_reason_has_a_meaning() -> None:
    assert {*REASONS, *PUBLIC_REASONS} == set(MEANINGS)
