"""The log files: private, rotated, one line a record, and never the end of a recording."""

import logging
import stat
from pathlib import Path

import pytest

from kincap.capture.log import LogFile, keep_log, log_files, log_folder


def test_a_record_is_one_line_with_its_time_in_a_private_file() -> None:
    with keep_log("record") as log:
        log.info("asked: session=%s", "clothing3\nINFO forged \x1b[2J")
        log.warning("lost: %d frames", 12)
    path = log_folder() / "record.log"
    assert path in log_files()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    first, second = path.read_text().splitlines()[-2:]
    assert first.endswith("asked: session=clothing3\\nINFO forged \\x1b[2J")
    assert second[10] == "T"
    assert "Z WARNING kincap.record[" in second


def test_nothing_is_logged_after_the_end_nor_twice() -> None:
    for _ in range(3):
        with keep_log("twice") as log:
            log.info("once")
    log.info("too late")
    assert (log_folder() / "twice.log").read_text().count("\n") == 3


def test_a_full_file_makes_room_for_the_next_and_the_oldest_goes(tmp_path: Path) -> None:
    log = logging.getLogger("rotated")
    log.propagate = False
    log.setLevel(logging.INFO)
    handler = LogFile(tmp_path / "rotated.log", most_bytes=1000, kept=2)
    log.addHandler(handler)
    for number in range(100):
        log.info("line %03d", number)
    log.removeHandler(handler)
    handler.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["rotated.log", "rotated.log.1", "rotated.log.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    assert "line 099" in (tmp_path / "rotated.log").read_text()
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}


def test_a_log_that_cannot_be_written_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with keep_log("record") as log:
        log.info("into nothing")
    full = logging.getLogger("full")
    full.propagate = False
    handler = LogFile(Path("/dev/full"))
    full.addHandler(handler)
    full.error("no room")
    full.removeHandler(handler)
    handler.close()
    assert capfd.readouterr() == ("", "")
