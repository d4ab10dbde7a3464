"""The findings of the checks are drawn as lanes of the time line, in words, one click away."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.session_checks import check_session
from kincap.review.judging.placed_findings import place_findings
from kincap.sessions.kinds import KINDS
from tests.review.browser import Watched

SWAPPED = "simulator:frames=215,pace=fast,faults=side_swap@2-7"
LATE = "simulator:frames=135,pace=fast,seed=11,faults=lag@0.1-3.5"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a session whose sides are swapped for five seconds, and a late one."""
    folder = tmp_path_factory.mktemp("found") / "recordings"
    for name, source in (("swapped", SWAPPED), ("late", LATE)):
        record(RecordSettings(session=name, source=source, recordings=folder, shard_mib=64))
    return folder


def wait_for_findings(client: Any, name: str, recordings: Path) -> dict[str, Any]:
    """Ask as the page does, until the checks are ready."""
    client.sessions.recordings = recordings
    end = time.monotonic() + 30
    while time.monotonic() < end:
        report = client.ask(f"/api/sessions/{name}/findings").json()
        if report["ready"]:
            return dict(report)
        time.sleep(0.05)
    raise AssertionError("never ready")


def test_all_findings_come_with_words_and_a_place(client: Any, recordings: Path):
    report = wait_for_findings(client, "swapped", recordings)
    expected = check_session(recordings / "swapped").findings
    assert report["problem"] is None
    assert report["left_out"] == 0
    assert sorted(one["kind"] for one in report["findings"]) == sorted(f.kind for f in expected)
    (swap,) = [one for one in report["findings"] if one["kind"] == "side_swap"]
    assert swap["text"].startswith("left and right exchanged")
    assert swap["severity"] == KINDS["side_swap"].severity
    assert swap["group"] == "pose"
    # the person has turned round between 2 and 7 s, at 30 colour frames a second
    assert 60 <= swap["first"] < swap["last"] <= 210
    assert swap["last"] - swap["first"] > 90


@pytest.mark.parametrize("quality", [True, False, "damaged"])
def test_a_lag_is_found_with_and_without_the_report(
    client: Any, recordings: Path, tmp_path: Path, quality: bool | str
):
    folder = tmp_path / "recordings" / "late"
    shutil.copytree(recordings / "late", folder)
    kept = json.loads((folder / "quality.json").read_text())
    assert any(one["kind"] == "lag" for one in kept["findings"])
    if quality is False:
        (folder / "quality.json").unlink()
    elif quality == "damaged":
        (folder / "quality.json").write_bytes(b'{"findings": [{"kind": "lag"}]}')
    report = wait_for_findings(client, "late", tmp_path / "recordings")
    lags = [one for one in report["findings"] if one["kind"] == "lag"]
    assert [(one["first"], one["last"]) for one in lags] == [
        (one["seq_first"], one["seq_last"]) for one in kept["findings"] if one["kind"] == "lag"
    ]


def test_findings_about_bodies_are_placed_by_time(recordings: Path):
    checks = check_session(recordings / "swapped", lag=False)
    (swap,) = [one for one in checks.findings if one.kind == "side_swap"]
    (take,) = checks.takes
    rows = take.bodies[np.isin(take.bodies["seq"], [swap.seq_first, swap.seq_last])]
    (placed,) = place_findings([swap], checks.takes, "color")
    for seq, row in zip((placed.first, placed.last), rows, strict=True):
        (frame,) = take.color[take.color["seq"] == seq]
        assert abs(int(frame["time_device"]) - int(row["time_device"])) < 333_334
    (alone,) = place_findings([swap], checks.takes, "bodies")
    assert (alone.first, alone.last) == (swap.seq_first, swap.seq_last)
    (nowhere,) = place_findings([swap], [], "color")
    assert (nowhere.first, nowhere.last) == (None, None)


def test_a_session_that_grows_is_checked_again(client: Any, make_session: Any):
    folder = make_session("one", frames=9, dropped=range(0))
    assert wait_for_findings(client, "one", folder.parent)["problem"] is None
    (folder / "manifest.jsonl").write_bytes(b"")
    assert client.ask("/api/sessions/one/findings").json()["ready"] is False


def test_the_page_draws_a_lane_says_it_in_words_and_jumps_there(
    watched: Watched, recordings: Path, serve: Any
):
    page = watched.page
    page.goto(f"{serve(recordings).url}#swapped/10")
    watched.at(10)
    swap = next(f for f in check_session(recordings / "swapped").findings if f.kind == "side_swap")
    box = page.query_selector("#playhead").bounding_box()
    x = round(box["width"] * 0.5)
    page.wait_for_function(LANES)  # the lanes are there, so the time line is higher
    box, y = find_lane(watched, x, "side swap:")
    y += 3
    assert swap.text in tip(watched, box, x, y)
    drawn = page.evaluate(COLORS_ALONG, y)
    inside = [at for at, color in drawn if color == dict(drawn)[x]]
    outside = {tuple(color) for at, color in drawn if at < inside[0] - 1 or at > inside[-1] + 1}
    assert inside == list(range(inside[0], inside[-1] + 1))
    assert len(outside) == 1
    count = int(page.inner_text("#v-of").removeprefix("of ")) + 1
    share = len(inside) / len(drawn)
    assert share == pytest.approx((swap.seq_last - swap.seq_first) / count, abs=0.03)

    page.mouse.click(box["x"] + x, box["y"] + y)
    page.wait_for_timeout(100)
    first = int(page.get_attribute("#playhead", "aria-valuenow"))
    watched.at(first)
    assert abs(first - swap.seq_first) <= 2
    page.wait_for_selector(f"#panel:has-text('side swap {swap.text}')")
    # by the keyboard: the next event from the beginning
    page.keyboard.press("Home")
    watched.at(0)
    for _ in range(9):
        page.keyboard.press("e")
        page.wait_for_timeout(80)
        if watched.now() == first:
            break
    watched.at(first)
    assert watched.complaints == []


def find_lane(watched: Watched, x: float, words: str) -> tuple[dict[str, float], int]:
    """Return the time line's place and where down in it a lane is, once its height is settled."""
    for _ in range(60):
        box = watched.page.query_selector("#playhead").bounding_box()
        found = [y for y in range(80, 180, 2) if words in tip(watched, box, x, y)]
        watched.page.wait_for_timeout(150)
        if found and box == watched.page.query_selector("#playhead").bounding_box():
            return box, found[0]
    raise AssertionError(f"no lane says {words}")


def tip(watched: Watched, box: dict[str, float], x: float, y: float) -> str:
    """Return what the time line says when the mouse is over a point of it."""
    watched.page.mouse.move(box["x"] + x, box["y"] + y)
    return str(watched.page.inner_text("#v-tip"))


LANES = "() => document.getElementById('lanes').clientHeight > 90 + 13 * 8 + 2"

COLORS_ALONG = """(y) => {
  const canvas = document.getElementById("lanes");
  const ratio = canvas.width / canvas.clientWidth;
  const row = canvas.getContext("2d").getImageData(0, Math.round(y * ratio), canvas.width, 1).data;
  const found = [];
  for (let x = 114; x < canvas.clientWidth - 14; x += 1) {
    const at = 4 * Math.round(x * ratio);
    found.push([x, [row[at], row[at + 1], row[at + 2]]]);
  }
  return found;
}"""


def test_what_is_true_of_a_whole_take_makes_no_frame_of_it_a_suspect(client: Any):
    source = "simulator:outfit=5,seed=4,frames=60,pace=fast"
    record(RecordSettings("one", client.sessions.recordings, source, shard_mib=64, report=False))
    path, until = "/api/sessions/one/suspects", time.monotonic() + 30
    while not (found := client.ask(path).json())["ready"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    # knees under a dress
    guessed = client.ask(path, query="query=reason:guessed_keypoint&group=0").json()
    assert guessed["total"] > 50
    assert found["total"] < 30
