"""The list of sessions: verdicts, several sessions at once, outlines, videos, damage."""

from typing import Any

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.sessions.edits.journal import load_edits


def batch(client: Any, names: tuple[str, ...], **body: Any) -> Any:
    sessions = {name: client.uuid(name) for name in names}
    return client.post("/api/batch", {"sessions": sessions, **body})


def test_several_sessions_are_tagged_noted_and_verified(client: Any, make_session: Any):
    folders = [make_session(name) for name in ("one", "two", "three")]
    done = batch(client, ("one", "two"), op="tag", tag="day 1").json()["sessions"]
    assert done == {name: {"ok": True, "text": "done"} for name in ("one", "two")}
    batch(client, ("one",), op="note", note="<b>look</b>")
    assert [len(load_edits(folder).tags()) for folder in folders] == [1, 1, 0]
    assert load_edits(folders[0]).notes()[0]["note"] == "<b>look</b>"
    found = batch(client, ("one", "two", "three"), op="verify").json()["sessions"]
    assert all(one["ok"] for one in found.values())
    lines = client.ask("/api/sessions").json()["sessions"]
    assert {line["verified"] for line in lines} == {"undamaged"}
    with (folders[2] / "000000.h5").open("rb") as file:
        data = bytearray(file.read())
    data[-1000] ^= 255
    (folders[2] / "000000.h5").chmod(0o600)
    (folders[2] / "000000.h5").write_bytes(data)
    by_name = {line["name"]: line for line in client.ask("/api/sessions").json()["sessions"]}
    assert by_name["three"]["verified"] == ""


def test_a_report_is_made_and_its_verdict_listed(client: Any, make_session: Any):
    make_session("one")
    (line,) = client.ask("/api/sessions").json()["sessions"]
    assert (line["quality"], line["dropped"]) == ("", {"ring_full": 3})
    assert client.ask("/api/sessions/one/report").status == 404
    assert batch(client, ("one",), op="report").json()["sessions"]["one"]["ok"]
    (line,) = client.ask("/api/sessions").json()["sessions"]
    assert line["verdict"].startswith(line["quality"])
    assert client.ask("/api/sessions/one/report").json()["session"] == "one"
    image = client.ask("/api/sessions/one/coverage")
    assert image.body.startswith(b"\x89PNG")
    total = client.ask("/api/sessions").json()["total"]
    assert (total["sessions"], total["frames"], total["kept"]) == (1, 57, 57)


BAD = [
    {"op": "reject", "seq_first": 0, "seq_last": 1},
    {"op": "delete"},
    {"op": "tag", "tag": ""},
    {"op": "verify", "sessions": {}},
    {"op": "verify", "sessions": {"one": 5}},
]


@pytest.mark.parametrize("body", BAD)
def test_other_operations_on_several_are_refused(client: Any, make_session: Any, body: Any):
    folder = make_session("one")
    answer = client.post("/api/batch", {"sessions": {"one": client.uuid("one")}, **body})
    assert answer.status == 400
    assert not (folder / "edits.json").exists()


def test_a_session_that_is_gone_is_named_beside_the_others(client: Any, make_session: Any):
    make_session("one")
    sessions = {"one": client.uuid("one"), "../etc": "x", "two": "y"}
    answer = client.post("/api/batch", {"sessions": sessions, "op": "tag", "tag": "t"}).json()
    assert [one["ok"] for one in answer["sessions"].values()] == [True, False, False]


def test_a_video_has_every_frame_of_the_range(client: Any, make_session: Any, tmp_path: Any):
    av = pytest.importorskip("av", reason="the video extra is not installed")
    make_session("one", dropped=range(0))
    answer = client.change("one", "video", first=5, last=16)
    assert answer.headers["content-type"] == "video/mp4"
    (tmp_path / "v.mp4").write_bytes(answer.body)
    with av.open(str(tmp_path / "v.mp4")) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(images) == 12
    assert images[0].shape == (180, 320, 3)
    # a limb is drawn over the picture, whose right part is grey
    assert np.ptp(images[0][:30, 90:130].astype(int), axis=2).max() > 60
    assert client.change("one", "video", first=900, last=990).status == 422
    assert client.change("one", "video", first=-1, last=2).status == 400


def test_bodies_have_outlines_where_there_are_masks(client: Any):
    recordings = client.sessions.recordings
    source = "simulator:frames=6,pace=fast,seed=2"
    streams = ("color", "bodies", "mask", "depth")
    record(RecordSettings("one", recordings, source, streams=streams, report=False))
    (found,) = client.ask("/api/sessions/one/frames/3/masks").json()["bodies"]
    xs, ys = np.concatenate([np.array(line) for line in found["outlines"]]).T
    assert 0 <= xs.min() < xs.max() < 1920
    # a person is higher than wide, and fills a good part of the height
    assert ys.max() - ys.min() > 400
    assert client.ask("/api/sessions/one/frames/99/masks").status == 404


def test_a_missing_shard_is_named_and_the_rest_is_shown(client: Any, make_session: Any):
    folder = make_session("one")
    (folder / "000000.h5").rename(folder / "000001.h5")
    detail = client.ask("/api/sessions/one").json()
    # the manifest has the first one only; what the second holds is still shown
    assert detail["missing"] == [{"shard": "000000.h5", "problem": "the file is missing"}]
    assert detail["frames"] == 57
    assert client.ask("/api/sessions/one/frames/3").status == 200
