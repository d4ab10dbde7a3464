"""quality.json of sessions of every state: left, damaged, empty, one stream only, several takes."""

import json
import os

import numpy as np
import pytest

from kincap.core.errors import SessionError
from kincap.report.quality import load_quality, make_quality, report, save_quality
from kincap.report.text import report_lines
from kincap.sessions.lock import SessionLock
from kincap.sessions.repair.repair import repair
from kincap.sessions.schema import (
    BLOBS,
    EventKind,
    Stream,
    empty_body_row,
    event_row,
    pack_index_row,
)
from kincap.sessions.shard.sealing import finish
from kincap.sessions.shard.shard_reader import ShardReader

from ..sessions.repair.conftest import jpeg_of

FRAMES = 40


@pytest.fixture
def sealed(tape):
    """A sealed session of 40 frames with one lost frame between them."""
    made = tape("sealed")
    made.fill(FRAMES)
    finish(made.folder, "000000.h5", made.layout, made.io)
    return made


def test_a_session_that_was_left_is_reported_like_a_sealed_one(tape, sealed) -> None:
    left = tape("left")
    left.fill(FRAMES)
    mine, theirs = make_quality(left.folder), make_quality(sealed.folder)
    for name in ("accounts", "whole", "takes", "findings", "advice"):
        assert mine[name] == theirs[name]
    color = mine["accounts"]["color"]
    assert (color["emitted"], color["stored"], color["dropped"]) == (41, 40, 1)
    assert color["reasons"] == {"ring_full": 1}
    assert color["closes"]
    assert "overloaded" in mine["advice"][0]
    (dropped,) = mine["dropped"]
    assert (dropped["stream"], dropped["seq_first"], dropped["count"]) == ("color", 20, 1)


def test_report_keeps_the_file_and_touches_nothing_else(sealed) -> None:
    before = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sealed.folder.iterdir()}
    quality, problem = report(sealed.folder.parent, "sealed")
    assert problem is None
    after = {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sealed.folder.iterdir()}
    assert after.pop("quality.json")
    assert after == before
    assert load_quality(sealed.folder) == quality
    if os.name == "posix":
        assert (sealed.folder / "quality.json").stat().st_mode & 0o777 == 0o600


def test_a_session_that_is_being_recorded_or_not_there_is_refused(sealed) -> None:
    with SessionLock(sealed.folder).acquire("test"), pytest.raises(SessionError, match="recorded"):
        report(sealed.folder.parent, "sealed")
    with pytest.raises(SessionError, match="nobody"):
        report(sealed.folder.parent, "nobody")


def test_damaged_rows_and_shards_are_named_and_the_rest_is_reported(sealed, tape, flip) -> None:
    path = sealed.folder / "000000.h5"
    with ShardReader(path) as shard:
        place = shard.layout.tables["bodies"]
        flip(path, place.offset + 3 * place.dtype.itemsize + 100)
    quality = make_quality(sealed.folder)
    assert quality["damaged_rows"] == {"bodies": 1}
    assert quality["accounts"]["bodies"]["unaccounted"] == 1
    assert not quality["accounts"]["bodies"]["closes"]
    assert quality["verdict"].startswith("damaged")
    assert [one["kind"] for one in quality["findings"]][-1] == "damaged"
    assert any("kincap sessions repair sealed" in text for text in quality["advice"])
    assert any("UNACCOUNTED" in line.text for line in report_lines(quality))
    path.chmod(0o600)
    path.write_bytes(b"no shard at all")
    quality = make_quality(sealed.folder)
    # no row of it is left, and the manifest knows what is missing
    assert quality["accounts"]["color"]["unaccounted"] == 41
    assert quality["verdict"].startswith("damaged")


def test_a_repaired_session_adds_up_again(sealed, flip) -> None:
    path = sealed.folder / "000000.h5"
    with ShardReader(path) as shard:
        place = shard.layout.tables["color_index"]
        for byte in range(40, 48):
            flip(path, place.offset + 5 * place.dtype.itemsize + byte)
    assert not make_quality(sealed.folder)["accounts"]["color"]["closes"]
    repair(sealed.folder.parent, "sealed")
    quality = make_quality(sealed.folder)
    assert quality["accounts"]["color"]["closes"]
    assert quality["accounts"]["color"]["reasons"] == {"damaged": 1, "ring_full": 1}


def test_pictures_behind_the_end_of_a_cut_shard_are_not_stored(tape) -> None:
    left = tape("left")
    left.fill(FRAMES)
    path = left.folder / "000000.h5"
    with ShardReader(path, left.layout, left.io) as reader:
        row = reader.all_rows("color_index")[FRAMES - 3]
    os.truncate(path, left.layout.tables[BLOBS].offset + int(row["offset"]) + 5)
    quality = make_quality(left.folder)
    assert quality["verdict"].startswith("damaged")
    color = quality["accounts"]["color"]
    assert (color["stored"], color["unaccounted"]) == (FRAMES - 3, 3)
    assert quality["damaged_rows"] == {"pictures": 3}
    assert any("pictures: 3 gone" in one["text"] for one in quality["findings"])


@pytest.mark.parametrize("stream", ["color", "bodies", None])
def test_one_stream_alone_and_none_at_all_are_reports_too(tape, stream) -> None:
    made = tape("alone")
    writer = made.shard()
    if stream is not None:
        getattr(made, stream)(writer, FRAMES)
    writer.close()
    quality = make_quality(made.folder)
    text = "\n".join(line.plain() for line in report_lines(quality))
    if stream is None:
        assert quality["verdict"] == "empty: nothing was stored"
        assert quality["takes"] == []
    else:
        assert quality["whole"]["streams"][stream]["items"] == FRAMES
        assert "only)" in quality["verdict"]
        assert "none" in text
        # nothing is said of what is not there
        assert ("low light" in text) is (stream == "color")
        assert "joints after images" not in text
        assert not {"color_only", "bodies_only"} & {one["kind"] for one in quality["findings"]}
    json.dumps(quality, allow_nan=False)


def test_bodies_cut_off_at_the_edge_are_printed_with_the_side(tape) -> None:
    made = tape("cut")
    writer = made.shard()
    for seq in range(FRAMES):
        row = empty_body_row()
        row["seq"], row["time_device"], row["time_host"] = seq, seq * 333_333, seq * 33_333_300
        row["tracked"][0, 0], row["tracking_id"][0, 0] = 1, 7
        row["clipped_edges"][0, 0] = 0b1000 if seq % 2 else 0
        writer.append("bodies", row)
    writer.close()
    text = "\n".join(line.plain() for line in report_lines(make_quality(made.folder)))
    assert "edge of view: bottom 50 %" in text
    assert "low light" not in text


def test_losses_at_the_disk_are_not_put_on_the_processor(tape) -> None:
    made = tape("disk")
    writer = made.shard()
    made.color(writer, 5)
    writer.append(
        "events",
        event_row(
            EventKind.drop_writer, take=0, stream=Stream.color, seq_first=5, seq_last=6, count=2
        ),
    )
    writer.close()
    (said,) = make_quality(made.folder)["advice"]
    assert "disk was full or too slow and 2 items" in said


def test_takes_are_judged_each_by_its_own_clock(tape) -> None:
    made = tape("takes")
    writer = made.shard()
    made.color(writer, 30)
    for seq in range(30, 60):
        row = pack_index_row(seq, 1, seq * 333333 - 9_000_000, seq * 33)
        writer.append("color_index", row, jpeg_of(seq))
    writer.close()
    quality = make_quality(made.folder)
    assert [take["take"] for take in quality["takes"]] == [0, 1]
    assert quality["whole"]["streams"]["color"]["fps_mean"] == pytest.approx(30, abs=0.01)
    assert quality["whole"]["duration_s"] == pytest.approx(58 / 30, abs=0.01)
    assert quality["findings"] == []


def test_events_that_rows_don_t_show_are_findings_and_a_state_is_named_once(tape) -> None:
    made = tape("events")
    writer = made.shard()
    made.color(writer, 30)

    def note(kind: EventKind, first: int, last: int, stream: Stream = Stream.color) -> None:
        writer.append(
            "events",
            event_row(kind, take=0, stream=stream, seq_first=first, seq_last=last, text="told"),
        )

    note(EventKind.low_light, 5, 8)
    note(EventKind.low_light, 5, 19)
    note(EventKind.sensor_lost, 0, 0, Stream.none)
    writer.append("events", event_row(EventKind.take_start, take=0, text="{}"))
    writer.close()
    quality = make_quality(made.folder)
    found = [(one["kind"], one["seq_first"], one["seq_last"]) for one in quality["findings"]]
    assert sorted(found) == [("low_light", 5, 19), ("sensor_lost", 0, 0)]
    (dark,) = [one for one in quality["findings"] if one["kind"] == "low_light"]
    assert dark["start_s"] == pytest.approx(5 / 30, abs=0.01)
    assert dark["end_s"] == pytest.approx(19 / 30, abs=0.01)
    assert len(quality["events"]) == 5


def test_an_old_or_foreign_quality_file_is_no_report(tmp_path) -> None:
    assert load_quality(tmp_path) is None
    for text in ("", "[]", '{"schema": "kincap/quality/9"}', "\xff"):
        (tmp_path / "quality.json").write_text(text, encoding="latin-1")
        assert load_quality(tmp_path) is None


def test_the_report_is_the_same_however_often_it_is_made(sealed) -> None:
    first = make_quality(sealed.folder)
    save_quality(sealed.folder, first)
    assert make_quality(sealed.folder) == first
    assert np.isfinite(first["whole"]["streams"]["color"]["fps_mean"])
