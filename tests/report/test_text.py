"""A report as a person sees it: short however much is named, and in colours that fit a terminal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kincap.report.quality import make_quality
from kincap.report.text import clock, report_lines
from kincap.sessions.schema import EventKind, Stream, event_row, pack_index_row

from ..sessions.repair.conftest import jpeg_of

FRAMES, GAPS, LOST = 390, 129, 5


@pytest.fixture
def full(tape) -> Path:
    """A session with many gaps of one frame, one of three, and a few lost ranges."""
    made = tape("full")
    writer = made.shard()
    tick = 0
    for seq in range(FRAMES):
        tick += 4 if seq == 9 else 2 if seq % 3 == 0 else 1
        if not writer.fits("color_index", len(jpeg_of(seq))):
            writer.close()
            writer = made.shard()
        row = pack_index_row(seq, 0, tick * 333333, tick * 33_000_000)
        writer.append("color_index", row, jpeg_of(seq))
    for first in range(FRAMES, FRAMES + 3 * LOST, 3):
        kind, ours = EventKind.drop_writer, Stream.color
        writer.append(
            "events",
            event_row(kind, take=0, stream=ours, seq_first=first, seq_last=first + 2, count=3),
        )
    writer.close()
    return made.folder


def test_many_findings_of_a_kind_are_one_line_with_their_sum_and_the_worst(full) -> None:
    quality = make_quality(full)
    assert quality["findings_left_out"] == {"gap": GAPS - 100}
    assert quality["kinds"]["gap"]["times"] == GAPS
    lines = report_lines(quality)
    (gaps,) = [line.text for line in lines if line.label == "gap"]
    assert gaps.startswith(f"{GAPS} times, {GAPS + 2} missing; longest 0:")
    assert gaps.endswith("gap of 133 ms, 3 missing")
    (lost,) = [line for line in lines if line.label == "drop_writer"]
    assert lost.text.startswith(f"{LOST} times, {3 * LOST} lost; ")
    assert lost.weight == "grave"
    kinds = [line.label for line in lines]
    assert kinds.index("drop_writer") < kinds.index("gap")
    assert lines[0].weight == "verdict"
    assert lines[1].plain().split()[:4] == ["color", str(FRAMES + 3 * LOST), "came", "="]


@pytest.mark.skipif(os.name != "posix", reason="a terminal of a given width is made by a pty")
def test_on_a_terminal_lines_are_coloured_and_no_wider_than_it(full) -> None:
    import pty

    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "kincap", "sessions", "report", full.name, "--recordings",
         str(full.parent)],
        stdout=theirs, stderr=subprocess.PIPE, env={**os.environ, "COLUMNS": "60",
                                                    "TERM": "xterm-256color"},
    )  # fmt: skip
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass  # the terminal's other side is closed
    os.close(ours)
    _, told = run.communicate()
    assert run.returncode == 0, told
    text = shown.decode()
    assert "\x1b[1;31m" in text  # what was lost
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert max(len(line.rstrip()) for line in plain) <= 60
    assert "drop_writer" in re.sub(r"\s+", " ", " ".join(plain))


def test_seconds_are_never_sixty() -> None:
    assert [clock(s) for s in (-1, 0.04, 59.94, 59.97, 125.25)] == [
        "0:00.0", "0:00.0", "0:59.9", "1:00.0", "2:05.2",
    ]  # fmt: skip
