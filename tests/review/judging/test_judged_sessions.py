"""Lanes, suspects, words about frames and the preview of build, over a session with faults."""

import json
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.session_checks import check_session
from kincap.core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES
from kincap.dataset.build import BuildSettings, build
from kincap.review.context import load_context
from kincap.review.server import COMMAND, make_app
from kincap.review.session_list import SessionList
from kincap.web.access import Access
from tests.review.conftest import ReviewClient
from tests.review.test_review_api import unpack
from tests.web.asking import PORT

SOURCE = "simulator:frames=240,pace=fast,seed=3,faults=side_swap@2-5+outliers@6-7"


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged") / "recordings"
    record(RecordSettings(session="one", source=SOURCE, recordings=folder, shard_mib=64))
    return folder


@pytest.fixture(scope="module")
def asked(recordings: Path) -> Iterator[ReviewClient]:
    """Return a client of a session that is judged."""
    sessions, access = SessionList(recordings), Access(PORT, COMMAND)
    client = ReviewClient(make_app(sessions, access), access, sessions)
    end = time.monotonic() + 30
    while not client.ask("/api/sessions/one/findings").json()["ready"]:
        assert time.monotonic() < end
        time.sleep(0.05)
    yield client
    sessions.close()


def get(client: ReviewClient, what: str, **asked: Any) -> Any:
    """Return the answer to a request with a query."""
    return client.ask(f"/api/sessions/one/{what}", query=urlencode(asked))


def lanes(client: ReviewClient, **asked: int) -> tuple[dict[str, Any], dict[str, Any]]:
    body = get(client, "lanes", **asked).body
    (length,) = struct.unpack("<I", body[:4])
    return json.loads(body[4 : 4 + length]), unpack(body)


def test_a_lane_shows_each_frame_that_the_checks_name(asked: ReviewClient, recordings: Path):
    header, table = lanes(asked)
    assert header["ready"]
    swap = table["filter:side_swap"] > 0
    flags = check_session(recordings / "one").bodies
    assert abs(int(swap.sum()) - int(flags.kinds["side_swap"].sum())) <= 2
    keys = {lane["key"] for lane in header["lanes"]}
    assert {"tracking", "build", "edits", "filter:outliers", "finding:side_swap"} <= keys
    assert all(lane["title"] and lane["kind"] for lane in header["lanes"])
    titles = {lane["key"]: lane["title"] for lane in header["lanes"]}
    # the page names the lane of a finding by its kind
    shown = [titles["filter:side_swap"], titles["finding:side_swap"], "side swap"]
    assert len(set(titles.values()) | set(shown)) == len(titles) + 1


def test_a_single_bad_frame_stays_visible_in_few_bins(asked: ReviewClient):
    _, every = lanes(asked)
    _, few = lanes(asked, bins=5)
    assert len(few["first_seq"]) == 5
    assert few["last_seq"][-1] == every["last_seq"][-1]
    for key, values in every.items():
        if key not in ("first_seq", "last_seq"):
            assert few[key].max() == values.max(), key
    _, part = lanes(asked, first=100, last=109, bins=1200)
    assert part["first_seq"].tolist() == list(range(100, 110))


def test_suspects_come_worst_first_with_words(asked: ReviewClient):
    found = get(asked, "suspects", limit=50).json()
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert found["runs"] == len(scores)
    assert all(hit["first"] <= hit["seq"] <= hit["last"] and hit["text"] for hit in found["hits"])
    assert found["counts"]["reason"]["side_swap"] > 0


def named(table: dict[str, Any], reason: str) -> Any:
    """Return the frames that a filter or a finding of this name is about."""
    found = table[f"filter:{reason}"] > 0
    return found | (table[f"finding:{reason}"] > 0) if f"finding:{reason}" in table else found


QUERIES = [
    ("reason:spike", lambda t: named(t, "outliers")),
    ("reason:side_swap is:dropped", lambda t: named(t, "side_swap") & (t["build"] > 0)),
    ("is:kept", lambda t: t["build"] == 0),
    ("-is:kept", lambda t: t["build"] > 0),
    ("seq>=10 seq<20", lambda t: (t["first_seq"] >= 10) & (t["first_seq"] < 20)),
    ("cue:none", lambda t: t["build"] < 0),
    ("people>5", lambda t: t["build"] < 0),
]


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_queries_find_what_lanes_show(asked: ReviewClient, query: str, expected: Any):
    _, table = lanes(asked)
    found = get(asked, "suspects", group=0, order="seq", limit=5000, query=query).json()
    wanted = table["first_seq"][expected(table)].astype(int).tolist()
    assert [hit["seq"] for hit in found["hits"]] == wanted
    assert found["total"] == len(wanted)


def test_speed_is_that_of_the_keypoint_asked_for(asked: ReviewClient):
    def total(query: str) -> int:
        return int(get(asked, "suspects", query=query).json()["total"])

    every = [total(f"keypoint:{name} speed>3") for name in KEYPOINT_NAMES]
    assert 0 < max(every) <= total("speed>3")


def test_joint_is_another_name_of_keypoint(asked: ReviewClient):
    by_keypoint = get(asked, "suspects", query="keypoint:l_wrist speed>1").json()
    assert by_keypoint["total"] > 0
    assert (
        get(asked, "suspects", query="joint:l_wrist speed>1").json()
        | {"query": by_keypoint["query"]}
        == by_keypoint
    )


@pytest.mark.parametrize("query", ["reason:paint", "colour:red", "speed>fast", "take:x", "is:odd"])
def test_unknown_words_are_refused_by_name(asked: ReviewClient, query: str):
    answer = get(asked, "suspects", query=query)
    assert answer.status == 400
    assert "expected" in answer.json()["error"]


def test_a_frame_is_told_in_words(asked: ReviewClient):
    hit = get(asked, "suspects", query="reason:side_swap").json()["hits"][0]
    about = asked.ask(f"/api/sessions/one/frames/{hit['seq']}/about").json()
    assert any("side swap" in sentence for sentence in about["words"])
    assert set(about["keypoints"]) == set(KEYPOINT_NAMES)
    assert asked.ask("/api/sessions/one/frames/99999/about").status == 404


THRESHOLDS = [
    {},
    {"depth_max_m": 3.2, "max_untrusted": 2},
    {"speed_m_s": 1.0, "off": "side_swap,turned_away"},
]


@pytest.mark.parametrize("thresholds", THRESHOLDS)
def test_the_preview_counts_as_build_does(
    asked: ReviewClient, recordings: Path, tmp_path: Path, thresholds: dict[str, Any]
):
    given = {**thresholds, "off": tuple(filter(None, thresholds.get("off", "").split(",")))}
    filters = FilterSettings(**given)
    result = build(
        BuildSettings(
            out=tmp_path / "d.h5", recordings=recordings, dry_run=True, filters=filters, guard_s=0.0
        )
    )
    found = get(asked, "keep", **thresholds).json()
    assert found["candidates"] == result.candidates
    guard = result.rejected.get("guard", 0)
    assert found["kept"] == result.kept + guard
    for reason, count in result.rejected.items():
        if reason != "guard":
            assert found["rejected"].get(reason, {"first": 0})["first"] == count, reason


def test_thresholds_change_the_preview_and_edits_too(asked: ReviewClient):
    usual = get(asked, "keep").json()["kept"]
    assert get(asked, "keep", depth_max_m="1.1").json()["kept"] == 0
    without = get(asked, "keep", off="tracking,side_swap").json()["kept"]
    assert without != usual
    assert get(asked, "keep", speed="3").status == 400
    assert get(asked, "keep", speed_m_s="nan").status == 400
    asked.change("one", "edits", op="reject", first=0, last=239)
    assert get(asked, "keep").json()["kept"] == 0
    assert lanes(asked)[1]["edits"].min() == 2
    asked.change("one", "undo")
    assert get(asked, "keep").json()["kept"] == usual


def test_splits_and_predictions_come_from_their_files(
    asked: ReviewClient, recordings: Path, tmp_path: Path
):
    data = tmp_path / "kinect13.h5"
    build(BuildSettings(out=data, recordings=recordings, size=32, guard_s=0.0, with_report=False))
    detail = asked.ask("/api/sessions/one").json()
    table = unpack(asked.ask("/api/sessions/one/bodies/0").body)
    pose = table["joint_px"][5][KEYPOINT_JOINT].astype(float)
    if detail["mirrored"]:
        pose[:, 0] = detail["color_size_px"][0] - 1 - pose[:, 0]
    low, high = table["tracking_id"][5].tolist()
    result = {
        "session_uuid": detail["uuid"],
        "color_seq": int(table["seq"][5]),
        "tracking_id": str(low + (high << 32)),
        "keypoints": np.column_stack([pose, np.ones(13)]).reshape(-1).tolist(),
    }
    path = tmp_path / "net.json"
    path.write_text(json.dumps([result]))
    other = tmp_path / "other.json"
    other.write_text(json.dumps([{**result, "session_uuid": "of another session"}]))
    context = load_context(data, (path, other))
    before, asked.sessions.context = asked.sessions.context, context
    try:
        asked.change("one", "edits", op="keep", first=0, last=1)
        _, lane = lanes(asked)
        assert {1, 2} <= set(lane["split"].tolist())
        row = unpack(asked.ask("/api/sessions/one/predictions/0").body)
        assert row["error"].max() < 0.2
        shown = asked.ask("/api/sessions/one").json()
        assert (shown["predictions"], shown["predicted"]) == (["net", "other"], [1, 0])
    finally:
        asked.sessions.context = replace(before)
