"""Sessions without pictures: their body rows are paged through, on an empty stage."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.jpeg import decode_jpeg, jpeg_size
from kincap.core.skeleton import JOINT_NAMES
from kincap.sessions.session_file import load_session, save_session

FRAMES = 40
LOST = (21, 22, 23)


@pytest.fixture
def log(tmp_path, client):
    """Record an irds log of one person who walks, three frames lost by its logger."""
    lines = ["Version0.1"]
    for k in range(FRAMES):
        if k in LOST:
            continue
        joints = [
            f"({name},Tracked,{0.01 * k + 0.1 * j - 1.2:.3f},{0.04 * j - 0.5:.3f},2.5,1.0,2.0)"
            for j, name in enumerate(JOINT_NAMES)
        ]
        lines.append(",".join([str(k + 5), "5", str(1000 + 33 * k), *joints]))
    path = tmp_path / "walk.txt"
    path.write_text("\n".join(lines) + "\n")
    source = f"irds:{path}"
    return record(RecordSettings("log", tmp_path / "recordings", source)).path


def columns(packed: bytes) -> dict[str, np.ndarray]:
    """Read columns as the page does."""
    (length,) = struct.unpack_from("<I", packed)
    found = json.loads(packed[4 : 4 + length])["columns"]
    return {
        name: np.frombuffer(packed, f"<{kind}", int(np.prod(shape)), offset).reshape(shape)
        for name, (kind, shape, offset) in found.items()
    }


def test_the_list_and_the_page_say_that_there_are_no_pictures(log, client, make_session):
    make_session("film")
    listed = client.ask("/api/sessions").json()["sessions"]
    found = {one["name"]: (one["frames"], one["pictures"], one["state"]) for one in listed}
    assert found == {"log": (FRAMES - len(LOST), False, "sealed"), "film": (57, True, "sealed")}
    detail = client.ask("/api/sessions/log").json()
    assert detail["pictures"] is False
    assert detail["drops"] == [
        {"stream": "bodies", "reason": "source", "first": 21, "last": 23, "count": 3}
    ]
    assert [take["frames"] for take in detail["takes"]] == [FRAMES - len(LOST)]


def test_each_body_row_is_a_frame_with_its_joints(log, client):
    rows = columns(client.ask("/api/sessions/log/timeline/0").body)
    assert rows["seq"].tolist() == [k for k in range(FRAMES) if k not in LOST]
    assert (rows["residual_ms"] == 0).all()
    assert (rows["bodies"] == 1).all()
    people = columns(client.ask("/api/sessions/log/bodies/0").body)
    assert people["seq"].tolist() == rows["seq"].tolist()
    assert np.isfinite(people["joint_px"]).all()


def test_frames_are_empty_and_the_thumbnail_shows_bones(log, client):
    answer = client.ask("/api/sessions/log/frames/30")
    assert answer.status == 200
    assert jpeg_size(answer.body) == (1920, 1080)
    assert np.ptp(decode_jpeg(answer.body).reshape(-1, 3), axis=0).max() < 4
    assert client.ask("/api/sessions/log/frames/22").status == 404
    small = decode_jpeg(client.ask("/api/sessions/log/thumbnail").body)
    assert small.shape == (216, 384, 3)
    assert (small.max(axis=2) > 150).sum() > 50


def test_a_size_that_no_picture_has_is_told_and_nothing_is_made_of_it(log, client):
    info = load_session(log)
    info.device = replace(info.device, color_size_px=(60_000, 50_000))
    save_session(log, info)
    assert client.ask("/api/sessions/log").status == 200
    assert client.ask("/api/sessions/log/frames/30").status == 409
