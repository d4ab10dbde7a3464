"""A daemon and its clients as real processes, ended and killed in turn."""

import json
import os
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kincap.capture.daemon.discovery import find_daemon
from kincap.capture.daemon.leftovers import seal_left
from kincap.core.files.file_io import FileIO
from kincap.sessions.repair.verify import verify
from kincap.sessions.schema import Stream

from .conftest import Place, place_in, wait_until

Accounts = Callable[[Path], Any]


def check_closed(place: Place, session: str, account: Accounts) -> dict[str, list[int]]:
    """Check that a session is whole and every item accounted for; return the stored numbers."""
    (report,) = verify(place.recordings, [session])
    assert report.damage == []
    assert report.sealed
    found = account(place.recordings / session)
    for stream in ("color", "bodies"):
        seqs = found.emitted(stream)
        assert seqs == list(range(len(seqs)))
        assert len(seqs) > 0
    stored: dict[str, list[int]] = found.stored
    return stored


def last_line(process: "subprocess.Popen[str]") -> str:
    """Wait for the end of a command; return its last line on stderr."""
    _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    return err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Return a place with a daemon that serves several tests."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch, place_in(folder, patch) as place:
        place.daemon()
        yield place


def check_logs(place: Place, by_daemon: str, alone: str) -> None:
    """Check that the logs hold what was asked and recorded, and nothing about the person."""
    folder = place.folder / "XDG_STATE_HOME" / "kincap" / "log"
    for name, session in (("daemon", by_daemon), ("record", alone)):
        text = (folder / f"{name}.log").read_text()
        assert f"asked: record {session}" in text
        assert f"recorded: {session}, 12 colour frames, " in text
        assert "Erika" not in text
        assert "Mustermann" not in text


def test_the_client_prints_what_the_command_alone_prints(shared: Place, account: Accounts) -> None:
    place = shared
    flags = ("--frames", 12, "--outfit", "red", "--tag", "a", "--json")
    flags += ("--subject", "Erika", "--consent", "signed by Mustermann")
    by_daemon = place.run("record", "--session", "by", *flags)
    alone = place.run(
        "record", "--session", "alone", *flags, "--standalone", "--source", place.source
    )
    assert (by_daemon.returncode, alone.returncode) == (0, 0), by_daemon.stderr + alone.stderr
    said, expected = json.loads(by_daemon.stdout), json.loads(alone.stdout)
    assert list(said) == list(expected)
    for key in ("schema", "color_frames", "dropped", "shards", "takes", "stopped"):
        assert said[key] == expected[key], key
    check_logs(place, "by", "alone")
    assert said["path"] == str(place.recordings / "by")
    assert len(check_closed(place, "by", account)["color"]) == 12
    text = place.run("record", "--session", "text", "--frames", 12)
    assert text.stdout.startswith("text: 12 colour frames, ")
    assert "quality:" in text.stdout
    refused = place.run("record", "--session", "by", "--source", "kinect")
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert "--source kinect: the daemon holds tests.capture" in refused.stderr
    assert "--standalone" in refused.stderr


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_in_the_client_ends_the_recording(
    shared: Place, account: Accounts, times: int
) -> None:
    session = f"interrupted{times}"
    client = shared.begin("record", "--session", session, "--json")
    wait_until(lambda: shared.frames() > 5)
    for _ in range(times):
        client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=30)
    assert "Traceback" not in err
    wait_until(lambda: shared.status()["recording"] is None)
    # two signals may arrive as one, or the second one after the end
    assert client.returncode in ((0,) if times == 1 else (0, 130))
    if client.returncode == 0:
        assert json.loads(out)["stopped"] is True
    else:
        assert err.strip().splitlines()[-1] == "kincap: interrupted"
        assert list(seal_left(shared.recordings, FileIO())) != []
    check_closed(shared, session, account)


def test_a_killed_client_changes_nothing(shared: Place, account: Accounts) -> None:
    client = shared.begin("record", "--session", "one")
    frames = wait_until(lambda: shared.frames() > 5 and shared.frames())
    client.kill()
    client.communicate()
    wait_until(lambda: shared.frames() > frames + 10)
    busy = shared.run("record", "--session", "two", "--frames", 3)
    assert busy.returncode == 2
    assert "the daemon is recording one" in busy.stderr
    assert shared.run("daemon", "stop", "--recording").stdout == "kincap daemon: one ends\n"
    wait_until(lambda: shared.status()["recording"] is None)
    assert shared.status()["last"]["exit_code"] == 0
    assert len(check_closed(shared, "one", account)["color"]) > frames + 10


def acknowledged(reading: int) -> list[tuple[int, int]]:
    """Return the stream and number of each item that a killed recorder acknowledged."""
    found = []
    with open(reading, "rb", buffering=0) as pipe:
        while record := pipe.read(9):
            stream, seq = struct.unpack("<BQ", record)
            if stream != 255:
                found.append((stream, seq))
    return found


def test_a_killed_daemon_loses_nothing_acknowledged_and_the_next_seals_it(
    place: Place, account: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    monkeypatch.setenv("KINCAP_ACK_FD", str(writing))
    daemon = place.daemon(pass_fds=(writing,))
    monkeypatch.delenv("KINCAP_ACK_FD")
    os.close(writing)
    client = place.begin("record", "--session", "one")
    wait_until(lambda: place.frames() > 20)
    daemon.kill()
    daemon.communicate()
    items = acknowledged(reading)
    assert "the daemon (process" in last_line(client)
    assert client.returncode == 1
    assert find_daemon() is None
    again = place.daemon()
    stored = check_closed(place, "one", account)
    assert {(Stream[name].value, seq) for name, seqs in stored.items() for seq in seqs} >= set(
        items
    )
    assert len(items) > 40
    # stopped at once, nothing acknowledged is lost either
    place.begin("record", "--session", "two")
    wait_until(lambda: place.frames() > 5)
    assert place.run("daemon", "stop", "--now").returncode == 0
    _, err = again.communicate(timeout=30)
    assert again.returncode == 130
    assert "left by an earlier recording, sealed now" in err
    assert any("sealed now" in line for line in seal_left(place.recordings, FileIO()))
    check_closed(place, "two", account)


def check_signal(place: Place, pid: int, account: Accounts, session: str, name: str) -> None:
    """End a daemon by a signal during a recording; check that its client gets all of it."""
    client = place.begin("record", "--session", session, "--json")
    wait_until(lambda: place.status()["live"]["session"] == session and place.frames() > 5)
    os.kill(pid, getattr(signal, name))
    out, err = client.communicate(timeout=30)
    assert client.returncode == 0, err
    stored = check_closed(place, session, account)
    assert json.loads(out)["color_frames"] == len(stored["color"])
    wait_until(lambda: find_daemon() is None)


def test_a_lost_sensor_ends_neither_the_recording_nor_the_daemon(
    place: Place, account: Accounts
) -> None:
    daemon = place.daemon()
    client = place.begin("record", "--session", "one", "--json")
    wait_until(lambda: place.frames() > 5)
    place.unplug()
    wait_until(lambda: place.status()["sensor"]["state"] == "lost")
    shown = place.run("daemon", "status")
    assert shown.returncode == 0
    assert "sensor: lost (" in shown.stdout
    assert client.poll() is None
    place.unplug(False)
    wait_until(lambda: place.status()["sensor"]["state"] == "open")
    frames = place.frames()
    wait_until(lambda: place.frames() > frames + 5)
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=30)
    assert client.returncode == 0, err
    assert json.loads(out)["takes"] == 2
    assert "the source broke off (small: no such sensor is connected; connect it)" in err
    assert "the source is back" in err
    check_closed(place, "one", account)
    place.unplug()
    wait_until(lambda: place.status()["sensor"]["state"] == "lost")
    refused = place.run("record", "--session", "two", "--frames", 3)
    assert refused.returncode == 3
    assert "the daemon has no sensor" in refused.stderr
    assert not (place.recordings / "two").exists()
    place.unplug(False)
    wait_until(lambda: place.status()["sensor"]["state"] == "open")
    check_signal(place, daemon.pid, account, "three", "SIGHUP")
    daemon.communicate(timeout=30)
    assert daemon.returncode == 0


def test_a_full_disk_ends_a_recording_and_not_the_daemon(
    place: Place, account: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINCAP_FAULTS", "write:enospc:60+")
    place.daemon()
    monkeypatch.delenv("KINCAP_FAULTS")
    client = place.begin("record", "--session", "one", "--no-report")
    assert "No space left on device" in last_line(client)
    assert client.returncode == 1
    last = place.status()["last"]
    assert last["exit_code"] == 1
    assert "No space left on device" in last["error"]
    short = place.run("record", "--session", "two", "--frames", 3, "--no-report")
    assert short.returncode == 0, short.stderr
    check_closed(place, "two", account)
    failed = place.run("record", "--session", "../up")
    assert failed.returncode == 2
    assert place.status()["sensor"]["state"] == "open"


def test_start_in_the_background_status_and_a_signal(place: Place, account: Accounts) -> None:
    flags = ("--source", place.source, "--recordings", place.recordings, "--port", 0)
    # three at one moment: one starts, the others name it
    three = [place.begin("daemon", "start", *flags) for _ in range(3)]
    ended = sorted((one.communicate(timeout=60), one.returncode) for one in three)
    *refused, ((started, err), code) = ended
    assert code == 0, err
    for (out, line), exit_code in refused:
        assert (out, exit_code) == ("", 2)
        assert "a daemon runs already (process" in line
    found = find_daemon()
    assert found is not None
    try:
        assert f"process {found.pid}" in started
        assert found.page in started
        again = place.run("daemon", "start", *flags)
        assert again.returncode == 2
        assert "a daemon runs already" in again.stderr
        check_signal(place, found.pid, account, "one", "SIGTERM")
    finally:
        place.run("daemon", "stop", "--now")
    folder = place.folder / "XDG_STATE_HOME" / "kincap" / "log"
    # a log may be sent to others
    assert not any(found.token in log.read_text() for log in folder.iterdir())
    status = place.run("daemon", "status", "--json")
    assert status.returncode == 3
    assert json.loads(status.stdout) == {"schema": "kincap/daemon/1", "running": False}
    place.unplug()
    absent = place.run("daemon", "start", *flags)
    assert absent.returncode == 3
    assert "no such sensor is connected" in absent.stderr
