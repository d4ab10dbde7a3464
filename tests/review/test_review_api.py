"""Answers for the page: the list, a session, frames as stored, bodies, decisions."""

import json
import os
import shutil
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.core.jpeg import decode_jpeg, encode_jpeg, jpeg_size
from kincap.core.skeleton import JOINT_NAMES, KEYPOINT_NAMES
from kincap.sessions.edits.journal import add_edit, add_edits, load_edits
from kincap.sessions.lock import SessionLock
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import COLOR_DTYPE, Stream, finish_rows
from kincap.sessions.session_file import load_session, save_session


def unpack(packed: bytes) -> dict[str, np.ndarray]:
    """Read columns as the page does."""
    (length,) = struct.unpack_from("<I", packed)
    columns = json.loads(packed[4 : 4 + length])["columns"]
    for _, _, offset in columns.values():
        assert offset % 8 == 0
    return {
        name: np.frombuffer(packed, f"<{kind}", int(np.prod(shape)), offset).reshape(shape)
        for name, (kind, shape, offset) in columns.items()
    }


def test_without_recordings_the_list_is_empty_and_says_where_it_looked(client: Any):
    report = client.ask("/api/sessions").json()
    assert report["schema"] == "kincap/review-sessions/1"
    assert report["sessions"] == []
    assert report["folder"] == str(client.sessions.recordings)


def test_the_list_says_what_each_session_is(client: Any, make_session: Any):
    make_session("first", subject="P1", outfit="red", note="warm-up", tags=["a", "b"])
    make_session("left", seal=False)
    make_session("none", frames=0, dropped=range(0), seal=False)
    found = {one["name"]: one for one in client.ask("/api/sessions").json()["sessions"]}
    assert {name: one["state"] for name, one in found.items()} == {
        "first": "sealed",
        "left": "left",
        "none": "empty",
    }
    first = found["first"]
    assert (first["frames"], first["rejected"]) == (57, 0)
    assert (first["subject"], first["outfit"], first["note"]) == ("P1", "red", "warm-up")
    assert first["tags"] == ["a", "b"]
    assert first["duration_s"] == pytest.approx(58 / 30 + 0.01, abs=1e-3), "bodies come 10 ms later"
    assert first["bytes"] == sum(
        path.stat().st_size for path in (Path(client.sessions.recordings) / "first").iterdir()
    )


def test_a_session_that_cannot_be_read_is_shown_with_its_reason(client: Any, make_session: Any):
    folder = make_session("broken")
    text = (folder / "session.json").read_bytes()
    (folder / "session.json").write_bytes(text[: len(text) // 2])
    make_session("whole")
    found = {one["name"]: one for one in client.ask("/api/sessions").json()["sessions"]}
    assert found["whole"]["problem"] is None
    assert found["broken"]["state"] == "damaged"
    assert "session.json" in found["broken"]["problem"]
    answer = client.ask("/api/sessions/broken")
    assert answer.status == 409
    assert "session.json" in answer.json()["error"]


def test_a_session_whose_json_names_no_picture_size_is_no_crash(client: Any, make_session: Any):
    folder = make_session("odd")
    info = load_session(folder)
    info.device = replace(info.device, color_size_px=None)
    save_session(folder, info)
    (one,) = client.ask("/api/sessions").json()["sessions"]
    assert one["frames"] == 57
    answer = client.ask("/api/sessions/odd")
    assert answer.status == 409
    assert "color_size_px" in answer.json()["error"]


def test_a_session_says_its_takes_and_losses(client: Any, make_session: Any):
    make_session("one")
    found = client.ask("/api/sessions/one").json()
    almost_a_second = pytest.approx(29 / 30, abs=1e-3)
    assert found["takes"] == [
        {"take": 0, "first": 0, "last": 29, "frames": 27, "duration_s": almost_a_second},
        {"take": 1, "first": 30, "last": 59, "frames": 30, "duration_s": almost_a_second},
    ]
    assert found["drops"] == [
        {"stream": "color", "reason": "ring full", "first": 20, "last": 22, "count": 3}
    ]
    assert found["color_size_px"] == [320, 180]
    assert found["mirrored"] is True
    assert (found["frames"], found["bodies"]) == (57, 60)


def test_frames_are_the_stored_bytes(client: Any, make_session: Any):
    folder = make_session("one")
    with SessionReader(folder) as reader:
        for seq in (0, 19, 23, 59):
            answer = client.ask(f"/api/sessions/one/frames/{seq}")
            assert answer.headers["content-type"] == "image/jpeg"
            assert answer.body == reader.color_blob(seq)


def test_a_dropped_frame_and_one_behind_the_end_are_not_there(client: Any, make_session: Any):
    make_session("one")
    for seq in (21, 60, 10**14):
        answer = client.ask(f"/api/sessions/one/frames/{seq}")
        assert answer.status == 404
        assert str(seq) in answer.json()["error"]


def test_a_damaged_frame_is_said_to_be_damaged_and_the_others_stay(client: Any, make_session: Any):
    folder = make_session("one")
    flip_in_blob(folder, seq=7)
    answer = client.ask("/api/sessions/one/frames/7")
    assert answer.status == 422
    assert "000000.h5" in answer.json()["error"]
    assert "7" in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert str(folder.parent) not in answer.json()["error"]
    assert client.ask("/api/sessions/one/frames/8").status == 200


def flip_in_blob(folder: Path, seq: int) -> None:
    """Flip one bit in the middle of a stored picture."""
    with SessionReader(folder) as reader:
        row = reader.row_by_seq(Stream.color, seq)
        at = reader.shard("000000.h5").layout.tables["blobs"].offset
    path = folder / "000000.h5"
    os.chmod(path, 0o600)
    with path.open("r+b") as file:
        file.seek(at + int(row["offset"]) + int(row["length"]) // 2)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 4]))


def test_the_timeline_pairs_each_frame_with_its_body(client: Any, make_session: Any):
    make_session("one")
    table = unpack(client.ask("/api/sessions/one/timeline/0").body)
    assert table["seq"].tolist() == [*range(20), *range(23, 60)]
    assert table["take"].tolist() == [0] * 27 + [1] * 30
    assert table["time_s"][[0, 27]].tolist() == [0, 0]
    assert np.allclose(table["residual_ms"], 5.0)
    assert (table["bodies"] == 1).all()
    wrist = KEYPOINT_NAMES.index("l_wrist")
    assert (table["states"][:, wrist] == 1).all()
    assert (np.delete(table["states"], wrist, axis=1) == 2).all()
    tail = unpack(client.ask("/api/sessions/one/timeline/21").body)
    assert tail["seq"].tolist() == list(range(23, 60))
    axis = unpack(client.ask("/api/sessions/one/timeline/21", query="part=axis").body)
    assert set(axis) == {"seq", "time_s", "take"}
    assert all(axis[name].tolist() == tail[name].tolist() for name in axis)
    assert client.ask("/api/sessions/one/timeline/0", query="part=rest").status == 400


def test_bodies_come_with_pixels_and_states(client: Any, make_session: Any):
    make_session("one", frames=300, dropped=range(0))
    table = unpack(client.ask("/api/sessions/one/bodies/256").body)
    assert table["seq"].tolist() == list(range(256, 300))
    assert (table["slot"] == 2).all()
    assert table["joint_px"].shape == (44, len(JOINT_NAMES), 2)
    assert np.allclose(table["joint_px"][:, :, 0], 100 + table["seq"][:, None])
    assert np.allclose(table["distance_m"], 2.5)


def test_the_thumbnail_is_small_and_of_this_session(client: Any, make_session: Any):
    make_session("one")
    answer = client.ask("/api/sessions/one/thumbnail")
    assert jpeg_size(answer.body) == (384, 216)
    small = decode_jpeg(answer.body).astype(int)
    assert np.abs(small[100, 10] - (200, 120, 40)).max() < 12
    assert np.abs(small[100, 380] - 60).max() < 12


def test_decisions_are_saved_at_once_and_can_be_taken_back(client: Any, make_session: Any):
    folder = make_session("one")
    seqs = np.arange(60)
    before = client.ask("/api/sessions/one").json()["edits"]
    assert (before["ranges"], before["revision"]) == ([], 0)
    assert (before["can_undo"], before["can_redo"]) == (False, False)
    body = {"op": "reject", "first": 10, "last": 30}
    found = client.change("one", "edits", **body).json()
    assert found["ranges"] == [{"op": "reject", "first": 10, "last": 30, "frames": 18}]
    assert np.flatnonzero(load_edits(folder).verdicts(seqs) == 2).tolist() == list(range(10, 31))
    client.change("one", "edits", op="keep", first=15, last=15, note="fine")
    assert load_edits(folder).verdicts([15]).tolist() == [1]
    (line,) = client.ask("/api/sessions").json()["sessions"]
    assert line["rejected"] == 17
    assert client.change("one", "undo").json()["can_redo"] is True
    assert load_edits(folder).verdicts([15]).tolist() == [2]
    client.change("one", "undo")
    assert not load_edits(folder).verdicts(seqs).any()
    client.change("one", "redo")
    assert (load_edits(folder).verdicts(seqs) == 2).sum() == 21
    assert client.ask("/api/sessions/one").json()["rejected"] == 18


def test_decisions_of_commands_are_shown(client: Any, make_session: Any):
    folder = make_session("one")
    add_edit(folder, "trim", 10, 30)
    add_edits(folder, [{"op": "tag", "tag": "waving", "seq_first": 12, "seq_last": 15}])
    point = {"seq": 12, "tracking_id": "7", "keypoint": "head"}
    add_edits(folder, [{"op": "move", **point, "xy_px": [1.5, 2.5]}])
    detail = client.ask("/api/sessions/one").json()
    first, last = detail["edits"]["ranges"]
    assert (first["op"], first["first"], first["last"]) == ("reject", 0, 9)
    assert (last["op"], last["first"]) == ("reject", 31)
    assert last["last"] < 100
    assert detail["rejected"] == first["frames"] + last["frames"] == detail["frames"] - 18
    (line,) = client.ask("/api/sessions").json()["sessions"]
    assert line["tags"][-1] == "waving"
    for _ in range(3):
        state = client.change("one", "undo").json()
    assert (state["ranges"], state["can_undo"], state["can_redo"]) == ([], False, True)


BAD_BODIES = [
    (b"", 400),
    (b"{", 400),
    (b"[]", 400),
    (b'"reject"', 400),
    (b"\xff\xfe", 400),
    (b"[" * 2000, 400),
    (b'{"op": "delete", "first": 0, "last": 1}', 400),
    (b'{"op": ["reject"], "first": 0, "last": 1}', 400),
    (b'{"op": "reject", "first": 0}', 400),
    (b'{"op": "reject", "first": "0", "last": 1}', 400),
    (b'{"op": "reject", "first": 0.0, "last": 1}', 400),
    (b'{"op": "reject", "first": true, "last": 1}', 400),
    (b'{"op": "reject", "first": -1, "last": 1}', 400),
    (b'{"op": "reject", "first": 2, "last": 1}', 400),
    (b'{"op": "reject", "first": 0, "last": 1e999}', 400),
    (b'{"op": "reject", "first": 0, "last": 10000000000000000}', 400),
    (b'{"op": "reject", "first": 0, "last": 1, "path": "/etc/passwd"}', 400),
    (b'{"op": "reject", "first": 0, "last": 1}', 400),
    (b'{"op": "reject", "first": 0, "last": 1, "uuid": 5}', 400),
    (b'{"op": "reject", "first": 0, "last": 1, "uuid": ""}', 400),
    (b'{"op": "reject", "first": 0, "last": 1, "note": 5}', 400),
    (b'{"op": "reject", "first": 0, "last": 1, "note": "' + b"x" * 300 + b'"}', 400),
    (b'{"op": "reject", "first": 0, "last": ' + b"9" * 4000 + b"}", 400),
    (b" " * 1_050_000, 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES)
def test_bad_bodies_are_refused_in_one_line(
    client: Any, make_session: Any, body: bytes, status: int
):
    folder = make_session("one", frames=4, dropped=range(0))
    headers = [*client.good, ("content-type", "application/json")]
    answer = client.ask("/api/sessions/one/edits", "POST", headers, body)
    assert answer.status == status
    error = answer.json()["error"]
    assert error
    assert "\n" not in error
    assert not (folder / "edits.json").exists()


def test_decisions_on_no_session_make_none(client: Any):
    body = {"op": "reject", "first": 0, "last": 1, "uuid": "any"}
    assert client.post("/api/sessions/nobody/edits", body).status == 404
    assert not client.sessions.recordings.exists()


def test_a_session_being_recorded_grows_on_the_page(client: Any, make_session: Any):
    folder = make_session("live", frames=10, dropped=range(0), takes=1, seal=False)
    with SessionLock(folder).acquire("record"):
        found = client.ask("/api/sessions/live").json()
        assert (found["state"], found["frames"]) == ("recording", 10)
        append_frame(folder, seq=10)
        assert client.ask("/api/sessions/live/frames/10").status == 200
        assert client.ask("/api/sessions/live").json()["frames"] == 11
        table = unpack(client.ask("/api/sessions/live/timeline/8").body)
        assert table["seq"].tolist() == [8, 9, 10]
        (line,) = client.ask("/api/sessions").json()["sessions"]
        assert (line["state"], line["frames"]) == ("recording", 11)
    assert client.ask("/api/sessions/live").json()["state"] == "left"


def append_frame(folder: Path, seq: int) -> None:
    """Write one more frame the way a recorder does: its blob, then its row, by position."""
    with SessionReader(folder) as reader:
        tables = reader.shard("000000.h5").layout.tables
        last = reader.color[-1]
    blob = encode_jpeg(np.full((180, 320, 3), 90, np.uint8))
    row = np.zeros(1, COLOR_DTYPE)
    row[0] = last
    row["seq"], row["time_device"] = seq, last["time_device"] + 333_333
    row["offset"] = last["offset"] + last["length"]
    row["length"], row["crc32"] = len(blob), zlib.crc32(blob)
    with (folder / "000000.h5").open("r+b") as file:
        file.seek(tables["blobs"].offset + int(row["offset"][0]))
        file.write(blob)
        file.seek(tables["color_index"].offset + seq * COLOR_DTYPE.itemsize)
        file.write(finish_rows(row).tobytes())


def test_more_sessions_than_are_kept_open_can_be_looked_at(client: Any, make_session: Any):
    names = [f"s{number}" for number in range(9)]
    for name in names:
        make_session(name, frames=4, dropped=range(0))
    assert len(client.ask("/api/sessions").json()["sessions"]) == 9
    for name in [*names, *names]:
        assert client.ask(f"/api/sessions/{name}/frames/2").status == 200


def test_a_session_removed_and_made_again_is_read_anew(client: Any, make_session: Any):
    folder = make_session("one", frames=4, dropped=range(0))
    assert client.ask("/api/sessions/one").json()["frames"] == 4
    shutil.rmtree(folder)
    assert client.ask("/api/sessions/one").status == 404
    make_session("one", frames=9, dropped=range(0))
    assert client.ask("/api/sessions/one").json()["frames"] == 9
    assert client.ask("/api/sessions/one/frames/8").status == 200
