"""``kincap protocol``: recordings one after another on a terminal, resumed after a break."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kincap.capture.operator.protocol import load_protocol

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is needed")

if sys.platform != "win32":
    from ..capture.operator.pty_terminal import KINCAP, on_terminal

KinCap = Callable[..., CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[2]
FILE = """
title = "Short"
[[session]]
name = "one"
frames = 15
[[session]]
name = "two"
outfit = "one"
frames = 15
test = true
"""


def test_it_records_one_after_another_and_resumes(kincap: KinCap, tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text(FILE)
    command = [
        *KINCAP, "protocol", "short.toml", "--countdown", "0", "--shard-mib", "64", "--consent",
        "made up", "--source", "tests.capture.operator.live_person:open_sensor:",
    ]  # fmt: skip
    with on_terminal(command, tmp_path, PYTHONPATH=str(ROOT)) as terminal:
        terminal.wait_for("Enter records, q leaves: ")
        terminal.type("\r")
        terminal.wait_for("one: 15 colour frames")
        terminal.wait_for("one, again as two")
        terminal.type("q\r")
        assert terminal.end() == 0
        assert "two (test): not begun, 15 frames" in terminal.output
        assert terminal.is_restored()
    after = json.loads(kincap("protocol", "short.toml", "--json").stdout)
    assert (after["next"], after["missing"]) == ("two", ["two (test): not begun, 15 frames"])
    with on_terminal(command, tmp_path, PYTHONPATH=str(ROOT)) as terminal:
        terminal.wait_for("Enter records, q leaves: ")
        terminal.type("\r")
        assert terminal.end() == 0
        assert "all is recorded; next: kincap build --test two --out kinect13.h5" in terminal.output


def test_without_a_terminal_it_prints_what_is_missing(kincap: KinCap) -> None:
    done = kincap("protocol")
    assert done.returncode == 0
    assert "▶ clothing1         0 of  27,222 frames" in done.stdout
    assert "  clothing1b (test): not begun, 4,000 frames" in done.stdout.splitlines()


def test_its_file_is_printed_to_be_changed(kincap: KinCap, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(kincap("protocol", "--print").stdout)
    assert load_protocol(str(tmp_path / "mine.toml")) == load_protocol("paper")
