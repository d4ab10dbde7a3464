"""From the page to the data set and back: what build makes of edits, and what a net says of it."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.geometry import image_to_crop, unmirror_points
from kincap.core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.finetune import finetune
from kincap.train.settings import TrainOptions
from tests.review.axe import serious_findings
from tests.review.browser import Watched
from tests.review.conftest import serving
from tests.review.test_review_api import unpack

FRAMES = 120
WIDTH_PX = 1920
SOURCE = f"simulator:frames={FRAMES},pace=fast,seed=3,faults=side_swap@1-2+outliers@3.2-3.4"
BUILD = ("--size", "48", "--val", "0.25", "--guard", "0.2", "--workers", "1")


def kincap(folder: Path, *args: object) -> None:
    """Run a command of kincap."""
    done = subprocess.run(
        [sys.executable, "-m", "kincap", *map(str, args)],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def shifted(poses: Path, path: Path, by_px: float) -> Path:
    """Write predictions that are further to one side, as another checkpoint might give."""
    results = json.loads(poses.read_text())
    for one in results:
        one["keypoints"][::3] = [x + by_px for x in one["keypoints"][::3]]
    path.write_text(json.dumps(results))
    return path


@dataclass
class Loop:
    """A session, a data set of it, predictions of three checkpoints, and the page of them all."""

    folder: Path
    watched: Watched

    def ask(self, path: str) -> bytes:
        """Ask the server as the page does."""
        found = self.watched.page.evaluate(
            """async (path) => {
              const { guardedFetch } = await import("/static/guarded.js");
              return [...new Uint8Array(await (await guardedFetch(path)).arrayBuffer())];
            }""",
            path,
        )
        return bytes(found)


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Loop]:
    """Record, build, learn a little, evaluate; open the page with data and predictions."""
    folder = tmp_path_factory.mktemp("loop")
    recordings = folder / "recordings"
    record(RecordSettings("arm", recordings, SOURCE, shard_mib=64))
    kincap(folder, "build", *BUILD)
    options = TrainOptions(
        data=folder / "kinect13.h5", out=folder / "net.ckpt", runs=folder / "runs",
        model="compact", width=0.25, size=48, steps=1, batch=8, device="cpu",
    )  # fmt: skip
    finetune(options, None)
    first = folder / "first.json"
    evaluate(
        EvaluateSettings(options.out, options.data, boxes="truth", device="cpu", predictions=first)
    )
    shown = ["--pred", str(first)]
    for name, shift in (("second", 40), ("third", -40)):
        shown += ["--pred", str(shifted(first, folder / f"{name}.json", shift))]
    with serving(
        recordings, "--port", "0", "--data", str(folder / "kinect13.h5"), *shown
    ) as served:
        context = browser.new_context(viewport={"width": 1366, "height": 900})
        watched = Watched(context.new_page())
        watched.page.goto(f"{served.url}#arm/110")
        watched.at(110)
        yield Loop(folder, watched)
        context.close()


LANES_COME_S = 30

LEAST_INK = 2000

INKED = """(color, id = "overlay") => {
  const c = document.getElementById(id);
  const d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  let count = 0;
  for (let i = 0; i < d.length; i += 4) {
    const off = Math.abs(d[i] - r) + Math.abs(d[i + 1] - g) + Math.abs(d[i + 2] - b);
    if (d[i + 3] > 200 && off < 12) count += 1;
  }
  return count;
}"""


def theme_color(loop: Loop, name: str) -> str:
    """Return a colour of the page, as it is now: dark or light."""
    found = loop.watched.page.evaluate(
        "(name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim()",
        f"--{name}",
    )
    return str(found)


def test_predictions_of_three_checkpoints_are_shown_with_their_errors(loop: Loop):
    page, press = loop.watched.page, loop.watched.page.keyboard.press
    page.wait_for_selector("#v-checkpoints:has-text('third')")
    colors = page.evaluate(
        """async () => (await import("/static/session/picture/predictions.js")).CHECKPOINT_COLORS"""
    )
    page.wait_for_function(f"(color) => ({INKED})(color) > 200", arg=colors[0])
    for key, color in zip("567", colors, strict=True):
        drawn = page.evaluate(INKED, color)
        press(key)
        gone = page.evaluate(INKED, color)
        assert gone < drawn / 4, key
        assert (
            page.get_attribute(f"#v-checkpoints button:nth-child({int(key) - 4})", "aria-pressed")
            == "false"
        )
        press(key)
    # an error line goes from the Kinect's joint to the cross: more ink than the crosses alone
    table = unpack(loop.ask("/api/sessions/arm/predictions/0"))
    assert set(table["source"].tolist()) == {0, 1, 2}
    assert np.isfinite(table["error"].reshape(-1, 13)).sum() > len(table["source"]) * 6
    press("Home")
    loop.watched.at(0)
    assert page.evaluate(INKED, colors[0]) == 0  # a frame of the training set


def test_lanes_of_the_data_set_and_of_errors_say_their_words(loop: Loop):
    page = loop.watched.page
    page.wait_for_selector("#playhead")
    wanted, told, until = {"train", "val", "of a torso"}, "", time.monotonic() + LANES_COME_S
    # the lanes of the server come after the picture
    while any(words not in told for words in wanted):
        assert time.monotonic() < until, told
        box = page.query_selector("#playhead").bounding_box()
        for share in (0.1, 0.95):
            for y in range(2, int(box["height"]), 7):
                page.mouse.move(box["x"] + share * box["width"], box["y"] + y)
                told += page.inner_text("#v-tip")
    page.mouse.move(400, 200)
    # a curve of a colour that the page does not know is drawn in that of the ground
    drawn = page.evaluate(f"(color) => ({INKED})(color, 'lanes')", theme_color(loop, "group-lost"))
    assert drawn > LEAST_INK
    lanes = loop.ask(f"/api/sessions/arm/lanes?first=0&last={FRAMES - 1}&bins=9")
    assert b'"title": "error of l wrist"' in lanes
    found = loop.ask("/api/sessions/arm/suspects?query=split:val%20error%3E0.1")
    assert b'"hits":[{' in found
    assert loop.watched.complaints == []


def test_sliders_try_thresholds_and_the_counts_follow(loop: Loop):
    page, press = loop.watched.page, loop.watched.page.keyboard.press
    press("4")
    page.wait_for_selector("#build-total:has-text('kept')")
    with open_kinect13(loop.folder / "kinect13.h5") as data:
        counts = data.meta.counts
    kept = counts["kept"] + counts["rejected"].get("guard", 0)
    assert page.inner_text("#build-total") == f"{kept} of {FRAMES} candidates kept"
    slider = page.locator("#build-sliders input[aria-label='speed m s']")
    usual = slider.input_value()
    slider.fill(slider.get_attribute("min"))
    page.wait_for_selector(f"#build-total:not(:has-text('{kept} of'))")
    assert "speed_m_s = 0" in page.inner_text("#build-options")
    (tried,) = re.findall(r"^(\d+) of", page.inner_text("#build-total"))
    assert json.loads(loop.ask("/api/sessions/arm/keep?speed_m_s=0"))["kept"] == int(tried) < kept
    slider.fill(usual)
    page.wait_for_selector(f"#build-total:has-text('{kept} of')")
    assert page.inner_text("#build-options") == "the usual settings"
    # a reason leads to its frames
    page.click("#build-counts button:has-text('side swap')")
    page.wait_for_selector("#find-list li")
    assert page.input_value("#find-query") == "reason:side_swap"


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_no_serious_finding_of_axe_on_contact_sheet_and_dialogs(loop: Loop, scheme: str):
    page, press = loop.watched.page, loop.watched.page.keyboard.press
    page.emulate_media(color_scheme=scheme)
    press("q")
    page.wait_for_selector("#sheet .tile img[src^=blob]")
    press("a")
    assert serious_findings(page) == []
    page.click("#sheet-close")
    press("t")
    page.wait_for_selector("#ask[open]")
    assert serious_findings(page) == []
    page.click("#ask-no")


def test_build_honours_what_was_decided_in_the_page(loop: Loop):
    watched = loop.watched
    page, press = watched.page, watched.page.keyboard.press
    hits = json.loads(loop.ask("/api/sessions/arm/suspects?query=reason:side_swap"))["hits"]
    first, last = min(hit["first"] for hit in hits), max(hit["last"] for hit in hits)
    watched.go(5)
    press("{")
    watched.says("The session begins at frame 5. Saved.")
    # the sensor has exchanged left and right: so does the person at the page
    mark(watched, first, last)
    press("w")
    watched.says("Exchanged left and right")
    mark(watched, 70, 72)
    press("x")
    watched.says("Rejected")
    watched.go(20)
    press("o")
    for _ in range(3):
        press("Shift+ArrowRight")
    watched.says("Moved head in frame 20. Saved.")
    press("Escape")

    kincap(loop.folder, "build", *BUILD, "--out", "edited.h5")
    with open_kinect13(loop.folder / "edited.h5") as data:
        rows = [data.split(split) for split in data.splits]
        seq = np.concatenate([one.color_seq for one in rows]).astype(int)
        labels = np.concatenate([one.keypoints_px for one in rows])
        weight = np.concatenate([one.weight for one in rows])
        box = np.concatenate([one.bbox_xyxy_px for one in rows])
        counts = data.meta.counts
    assert counts["rejected"]["edits"] == 5 + 3
    assert not set(seq) & {*range(5), 70, 71, 72}
    assert set(seq) & set(range(first, last + 1))
    # every label is where the page shows it
    table = unpack(loop.ask("/api/sessions/arm/bodies/0"))
    place = {int(number): row for row, number in enumerate(table["seq"])}
    at = [place[number] for number in seq]
    shown = table["joint_px"].reshape(-1, 25, 2)[at][:, KEYPOINT_JOINT]
    crops = image_to_crop(unmirror_points(shown, WIDTH_PX), box, 48)
    assert np.abs(crops - labels)[weight > 0].max() < 1e-3
    sensor = table["sensor_px"].reshape(-1, 25, 2)[:, KEYPOINT_JOINT]
    head = KEYPOINT_NAMES.index("head")
    row = place[20]
    moved = table["joint_px"].reshape(-1, 25, 2)[row, KEYPOINT_JOINT[head]] - sensor[row, head]
    assert np.abs(moved - (30, 0)).max() < 0.06  # decisions keep a tenth of a pixel
    assert weight[seq == 20][0, head] == 1
    wrists = [KEYPOINT_NAMES.index(name) for name in ("l_wrist", "r_wrist")]
    other_side = sensor[at][(seq >= first) & (seq <= last)][:, wrists[::-1]]
    assert np.allclose(shown[(seq >= first) & (seq <= last)][:, wrists], other_side)
    # what the panel says that build would keep is what build kept
    press("4")
    kept = counts["kept"] + counts["rejected"].get("guard", 0)
    page.wait_for_selector(f"#build-total:has-text('{kept} of {FRAMES} candidates kept')")
    assert watched.complaints == []


def mark(watched: Watched, first: int, last: int) -> None:
    """Mark a range by the keyboard."""
    watched.go(first)
    watched.page.keyboard.press("[")
    watched.go(last)
    watched.page.keyboard.press("]")
