"""Recording the simulated sensor at the pace of a real one, with the real command."""

import json
import os

import pytest

FRAMES = 120


def log_of(path):
    """Return the simulator's own list of what it handed over, by stream."""
    items = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        stream: [(i["index"], i["time_device"]) for i in items if i["stream"] == stream]
        for stream in ("color", "bodies")
    }


@pytest.mark.parametrize("faults", ["", "write:stall=2.0:60"], ids=["plain", "disk stalls 2 s"])
def test_a_live_recording_accounts_for_every_item(kincap, account, never_waits, tmp_path, faults):
    log = tmp_path / "log.jsonl"
    source = f"simulator:outfit=3,seed=1,frames={FRAMES},log={log}"
    args = ("record", "--session", "clothing3", "--source", source, "--shard-mib", "64", "--json")
    run = kincap(*args, KINCAP_FAULTS=faults)
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    handed = log_of(log)
    read = account(tmp_path / "recordings/clothing3")
    for stream, items in handed.items():
        assert done["handed_over"][stream] == len(items) == FRAMES
        assert read.emitted(stream) == [index for index, _ in items]
        times = dict(items)
        assert [times[seq] for seq in read.stored[stream]] == read.times[stream]
    never_waits(done["timing_ms"])
    if faults:
        assert done["timing_ms"]["sensor_to_disk"]["max"] > 1900
    # the rings hold 80 frames, 2.7 s: whoever keeps up at all loses none
    elif os.getloadavg()[0] < 1.5 * (os.cpu_count() or 1):
        assert done["dropped"] == {}


def test_frames_end_a_recording_with_the_last_pictures_body(kincap, tmp_path):
    source = "simulator:outfit=1,seed=2,pace=fast"
    run = kincap("record", "--session", "s1", "--source", source + ",frames=40", "--frames", 12,
                 "--json")  # fmt: skip
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    assert (done["color_frames"], done["body_frames"]) == (12, 12)


def test_a_recording_of_a_moment_is_not_called_late(kincap, tmp_path):
    source = "simulator:pace=fast,frames=20"
    run = kincap("record", "--session", "s1", "--source", source)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    assert "joints come" not in run.stdout


def test_unknown_options_write_nothing(kincap, tmp_path):
    run = kincap("record", "--session", "s1", "--source", "simulator:colour=red")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.count("\n") == 1
    assert "colour" in run.stderr
    assert list(tmp_path.iterdir()) == []
