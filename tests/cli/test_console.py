"""Texts of others reach a terminal as text: nothing in them acts on it."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from kincap.cli.console import UnitRate, visible
from kincap.core.sizes import size_text
from kincap.sessions.session_file import load_session, save_session
from tests.warm_start import run_kincap

if sys.platform != "win32":
    import pty

Run = Callable[..., subprocess.CompletedProcess[str]]

ESCAPES = "\x1b]0;owned\x07\x1b[31mred\x1b[2J\x9b1m\r\b\u202eabc\nsecond line"


def _is_harmless(said: str) -> bool:
    """Return True if an output holds no character that acts, apart from line ends."""
    return all(char.isprintable() or char == "\n" for char in said)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ä, 漢字, 👩\u200d🔬", "plain text, ä, 漢字, 👩\u200d🔬"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b1m\x07\x7f", "\\x9b1m\\x07\\x7f"),
        ("one\ntwo\ttabs\r", "one\\ntwo\\ttabs\\r"),
        ("\u202egpj.exe\u2066", "\\u202egpj.exe\\u2066"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("lone \ud83d surrogate", "lone \\ud83d surrogate"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_acts_on_a_terminal_is_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


def _on_a_terminal(command: list[str], folder: Path, **env: str) -> bytes:
    """Return what a command writes on a terminal of its own."""
    ours, theirs = pty.openpty()
    try:
        done = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
            env={**os.environ, **env},
        )  # fmt: skip
        os.close(theirs)
        said = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:
                break
            if not piece:
                break
            said += piece
    finally:
        os.close(ours)
    done.wait(timeout=60)
    return said


@pytest.fixture
def kincap(tmp_path: Path) -> Run:
    """Return a function that runs ``kincap ARGS`` in an empty folder, PyTorch loaded already."""
    return partial(run_kincap, cwd=tmp_path)


@pytest.fixture
def session(kincap: Run, tmp_path: Path) -> Path:
    """Return a folder with a session whose every free text acts on a terminal."""
    done = kincap(
        "record", "--session", "odd", "--source", "simulator:frames=20,pace=fast",
        "--outfit", ESCAPES, "--note", ESCAPES, "--subject", ESCAPES, "--consent", ESCAPES,
        "--tag", ESCAPES,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert _is_harmless(done.stdout + done.stderr)
    folder = tmp_path / "recordings" / "odd"
    info = load_session(folder)
    projection = {**(info.device.projection or {}), "estimated": True, "origin": ESCAPES}
    device = replace(info.device, id=ESCAPES, projection=projection)
    save_session(folder, replace(info, device=device))
    return folder


def test_free_texts_of_a_session_are_harmless_in_every_command(session: Path, kincap: Run) -> None:
    for words in (
        ("sessions", "list"),
        ("sessions", "show", "odd"),
        ("sessions", "report", "odd"),
        ("sessions", "verify"),
        ("build", "--dry-run"),
        ("build", "--out", "small.h5", "--size", 32),
        ("sessions", "delete", "odd"),
    ):
        done = kincap(*words)
        assert "Traceback" not in done.stderr
        assert done.stdout or done.stderr
        assert _is_harmless(done.stdout + done.stderr), words
    shown = kincap("sessions", "show", "odd").stdout
    assert "\\x1b]0;owned" in shown
    assert "\\nsecond line" in shown


def test_values_of_a_checkpoint_are_harmless(kincap: Run, tmp_path: Path) -> None:
    for key in ("format_version", "model"):
        content = {"format": "kincap-checkpoint", "format_version": 1, key: ESCAPES}
        torch.save(content, tmp_path / "odd.ckpt")
        done = kincap("evaluate", "odd.ckpt")
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert _is_harmless(done.stderr)


def test_names_in_flags_are_harmless_and_no_markup(kincap: Run, tmp_path: Path) -> None:
    for words in (
        ("record", "--session", ESCAPES),
        ("build", "--out", f"{ESCAPES}.h5"),
        ("finetune", "--init", ESCAPES),
        ("sessions", "show", ESCAPES),
        (ESCAPES,),
        ("evaluate", "[bold]x[/italic].ckpt"),
    ):
        done = kincap(*words)
        assert done.returncode in (2, 3), words
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert _is_harmless(done.stdout + done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_name_with_brackets_is_printed_as_it_is_on_a_terminal(
    session: Path, tmp_path: Path
) -> None:
    said = _on_a_terminal(
        [sys.executable, "-m", "kincap", "build", "--out", "a[b].h5", "--size", "32"], tmp_path
    )
    assert b"building a[b].h5" in said
    assert b"Traceback" not in said
    assert b"owned\x07" not in said


LONG_NOTE = "13 images/s, loss 3.7022, PCK@0.2 8.7 (mean pose 88.1), wrist 0.0 (47.0), mean PCK 4.8"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_long_note_leaves_the_bar_and_the_time_left_on_a_narrow_terminal(tmp_path: Path) -> None:
    code = (
        "from kincap.cli.console import progress, table\n"
        "with progress('finetune', unit='steps') as bar:\n"
        f"    bar.update(1203, 1204, {LONG_NOTE!r})\n"
        f"table(('a', 'b'), [(1, 2)], title={LONG_NOTE[:70]!r})\n"
    )
    said = _on_a_terminal([sys.executable, "-c", code], tmp_path, COLUMNS="80", TERM="xterm")
    plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", said).decode()
    lines = [line.strip() for line in re.split(r"[\r\n]+", plain)]
    bars = [line for line in lines if line.startswith("finetune")]
    assert any("1203/1204 steps" in line and line.endswith("left") for line in bars), lines
    assert "PCK@0.2 8.7 (mean pose 88.1), wrist 0.0 (47.0), mean PCK 4.8" in " ".join(lines)
    # the title of a table is as wide as the terminal, not as the table
    assert LONG_NOTE[:70] in lines


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes of this kind there")
def test_an_output_that_no_one_reads_is_not_a_fault_of_the_disk(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kincap", "record", "--session", "unread", "--no-report",
             "--source", "simulator:frames=5,pace=fast"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=writer, stderr=subprocess.PIPE,
            text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 1
        assert "pipe" not in done.stderr
        assert "Traceback" not in done.stderr
        # nor does it matter that no one reads what went wrong
        unread = subprocess.run(
            [sys.executable, "-m", "kincap", "sessions", "show", "nonesuch"], cwd=tmp_path,
            stdout=subprocess.PIPE, stderr=writer, check=False, timeout=120,
        )  # fmt: skip
        assert unread.returncode == 2
    finally:
        os.close(writer)
    assert load_session(tmp_path / "recordings" / "unread").name == "unread"


def test_json_keeps_every_text_and_is_ascii(session: Path, kincap: Run) -> None:
    done = kincap("sessions", "show", "odd", "--json")
    assert done.stdout.isascii()
    assert ESCAPES in _texts(json.loads(done.stdout))


def _texts(value: object) -> list[str]:
    """Return every text in a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in _texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []


def test_an_encoding_without_a_letter_shows_it_as_an_escape(kincap: Run) -> None:
    done = kincap("sessions", "show", "Käse漢", PYTHONIOENCODING="ascii")
    assert done.returncode == 2
    assert "K\\xe4se\\u6f22" in done.stderr
    assert "Traceback" not in done.stderr


def test_work_that_goes_on_has_the_speed_of_this_process_alone() -> None:
    rate = UnitRate()
    assert rate.at(900, now=10.0) == 0
    assert rate.at(950, now=20.0) == 5
    # the next stage counts from the beginning
    assert rate.at(1, now=30.0) == 0
    assert rate.at(21, now=40.0) == 2


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 B"), (1023, "1023 B"), (1024, "1 KiB"), (3_500_000, "3 MiB"), (10 << 20, "10 MiB"),
        (308_000_000, "294 MiB"), (1 << 30, "1.0 GiB"), (5 << 40, "5120.0 GiB"),
    ],
)  # fmt: skip
def test_sizes_have_one_spelling(count: int, words: str) -> None:
    assert size_text(count) == words
