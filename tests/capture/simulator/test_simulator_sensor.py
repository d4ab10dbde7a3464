"""The simulated sensor as the recorder sees it: options, order, clocks, pace, buffers, rows."""

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.simulator.clock import CLOCKS, SimulatedClock
from kincap.capture.simulator.faults.schedule import FAULTS
from kincap.capture.simulator.options import SimulatorOptions
from kincap.capture.simulator.pool import FramePool
from kincap.capture.simulator.scene import Script
from kincap.capture.simulator.scenery.camera import USUAL
from kincap.capture.simulator.sensor import SimulatedSensor, open_simulator
from kincap.capture.sources.sensor import BodyFrame, ColorFrame
from kincap.core.errors import SensorError
from kincap.core.kinematics import bone_lengths
from kincap.sessions.schema import BODIES_DTYPE


def opened(**options: object) -> SimulatedSensor:
    sensor = open_simulator({key: str(value) for key, value in options.items()})
    assert isinstance(sensor, SimulatedSensor)
    return sensor


def taken(**options: object) -> tuple[str, list[np.ndarray], SimulatedSensor]:
    """A whole take: digest of frames, rows and device times; the rows; the sensor."""
    sensor = opened(pace="fast", **options)
    digest, rows = hashlib.sha256(), []
    for item in sensor.items():
        if isinstance(item, ColorFrame):
            assert item.image is not None
            digest.update(item.image.tobytes())
            digest.update(str(item.time_device).encode())
            if item.release is not None:
                item.release()
        else:
            row = item.row.copy()
            row["time_host"] = 0
            digest.update(row.tobytes())
            rows.append(row)
    return digest.hexdigest(), rows, sensor


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"otfit": "3"}, ["otfit", "outfit", "seed", "pace"]),
        ({"outfit": "red"}, ["outfit", "red"]),
        ({"frames": "0"}, ["frames"]),
        ({"fps": "nan"}, ["fps", "nan"]),
        ({"pace": "slow"}, ["pace", "live", "fast"]),
        ({"persons": "7"}, ["persons", "6"]),
        ({"pace": "fast"}, ["frames"]),
        ({"log": "/nowhere/at/all.jsonl"}, ["log"]),
    ],
)
def test_bad_options_are_refused_in_one_line(options: dict[str, str], words: list[str]) -> None:
    with pytest.raises(SensorError) as caught:
        open_simulator(options)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.exit_code == 2
    assert all(word in message for word in words)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first = taken(frames=3, seed=5, outfit=2)[0]
    assert taken(frames=3, seed=5, outfit=2)[0] == first
    assert taken(frames=3, seed=6, outfit=2)[0] != first


def test_info_says_what_it_gives() -> None:
    info = opened(pace="fast", frames=9, outfit=3).info
    assert (info.kind, info.color_size_px, info.mirrored) == ("simulator", (1920, 1080), True)
    assert (info.live, info.frames, info.streams) == (False, 9, ("color", "bodies"))
    assert info.uri == "simulator:outfit=3,frames=9,pace=fast"
    assert "football" in info.outfit


def test_rows_hold_the_people_in_their_slots_near_the_truth() -> None:
    _, rows, sensor = taken(frames=2, seed=3, persons=2)
    for index, row in enumerate(rows):
        assert row.dtype == BODIES_DTYPE
        truth = sensor.truth(index, "bodies")
        body = row[0]
        assert sorted(np.flatnonzero(body["tracked"])) == sorted(truth.slots)
        assert len(set(truth.slots)) == 2
        empty = np.flatnonzero(body["tracked"] == 0)
        assert np.isnan(body["joint_xyz_m"][empty]).all()
        assert (body["tracking_id"][empty] == 0).all()
        for person, slot in enumerate(truth.slots):
            off = body["joint_xyz_m"][slot] - truth.joint_xyz_m[person]
            seen = body["joint_state"][slot] == 2
            assert seen.sum() >= 10
            assert np.abs(off[seen]).max() < 0.06
            assert 0.001 < off[seen].std() < 0.02
            expected = USUAL.project(body["joint_xyz_m"][slot].astype(float))
            assert np.abs(body["joint_color_px"][slot] - expected).max() < 0.01
            norm = np.linalg.norm(body["joint_orientation"][slot], axis=1)
            assert set(np.round(norm, 3)) <= {0.0, 1.0}


def test_without_noise_the_rows_are_the_truth_and_bones_never_change() -> None:
    _, rows, sensor = taken(frames=6, fps=2, seed=8, noise=0)
    lengths = []
    for index, row in enumerate(rows):
        truth = sensor.truth(index, "bodies")
        slot = truth.slots[0]
        off = row[0]["joint_color_px"][slot] - truth.joint_color_px[0]
        assert np.abs(off).max() < 0.01
        lengths.append(bone_lengths(truth.joint_xyz_m[0]))
    # the arms are pulled in by a thousandth where a target is out of reach
    assert np.ptp(lengths, axis=0).max() < 1e-6


def test_device_times_step_like_a_kinects_and_bodies_pair_with_colour() -> None:
    clock = SimulatedClock(seed=4, fps=30)
    color = np.array([clock.color(k) for k in range(600)])
    body = np.array([clock.body(k) for k in range(600)])
    for times in (color, body):
        steps = np.diff(times)
        assert abs(np.median(steps) - 330_000) < 1_000
        assert abs(steps.mean() - 333_333) < 50
        assert 328_000 < steps.min() < 330_000 < 340_000 < steps.max() < 342_500
    assert ((body - color) > 0).all()
    assert np.abs(body - color).max() < 166_000
    slow = SimulatedClock(seed=4, fps=10)
    assert slow.color(30) - slow.color(0) == pytest.approx(30_000_000, abs=3_000)


def test_a_live_sensor_keeps_time_and_writes_down_what_it_hands_over(tmp_path: Path) -> None:
    log = tmp_path / "handed.jsonl"
    sensor = opened(frames=24, fps=20, log=log)
    assert sensor.info.live
    host, device = [], []
    began = time.perf_counter()
    for item in sensor.items():
        if isinstance(item, ColorFrame):
            host.append(item.time_host / 1e9)
            device.append(item.time_device / 1e7)
            if item.release is not None:
                item.release()
        else:
            assert isinstance(item, BodyFrame)
    assert time.perf_counter() - began > 23 / 20
    # nothing comes before its time; how late it comes is up to the machine
    first = SimulatedClock(0, 20).start / 1e7
    early = np.array(device) - first - (np.array(host) - began)
    assert early.max() < 0.001
    assert np.array_equal(host, np.sort(host))
    assert [entry[0] for entry in sensor.handed_over] == ["color", "bodies"] * 24
    written = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(w["stream"], w["index"], w["time_device"]) for w in written] == sensor.handed_over


def test_closing_ends_an_endless_live_sensor_soon() -> None:
    sensor = opened(fps=1)
    items = sensor.items()
    next(items)
    sensor.close()
    began = time.perf_counter()
    assert list(items) == []
    assert time.perf_counter() - began < 1.0


def test_buffers_come_back_once_and_scratch_is_lent_when_all_are_out() -> None:
    pool = FramePool(2)
    first, second, third = pool.lend(), pool.lend(), pool.lend()
    assert first.image is not second.image
    assert third.release is None
    assert first.release is not None
    first.release()
    first.release()
    again, scratch = pool.lend(), pool.lend()
    assert again.image is first.image
    assert again.release is not None
    assert scratch.release is None


def test_wild_scenes_change_person_outfit_and_room_and_stay_off_the_numbered_ones() -> None:
    _, rows, _ = taken(frames=4, fps=10, seed=2, scene="wild", hold=2)
    ids = [int(row[0]["tracking_id"].max()) for row in rows]
    assert ids[0] == ids[1] != ids[2] == ids[3]
    script = Script(SimulatorOptions(seed=2, scene="wild", hold=2))
    scenes = [script.scene(k) for k in range(0, 400, 2)]
    assert min(actor.outfit for scene in scenes for actor in scene.actors) >= 1_000
    assert len({actor.outfit for scene in scenes for actor in scene.actors}) > 190
    assert len({scene.room for scene in scenes}) > 50


def test_the_page_names_every_option_and_every_fault() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/simulator.md").read_text(encoding="utf-8")
    first = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    rows = {name.strip("` ") for cell in first for name in cell.split(",")}
    options = {field.name for field in fields(SimulatorOptions)}
    assert options | set(FAULTS) | set(CLOCKS) == rows


@pytest.mark.parametrize(
    ("key", "words"), [("clock", "laban, irds, steady"), ("device", "999999"), ("skips", "30")]
)
def test_new_options_are_refused_like_the_others(key: str, words: str) -> None:
    with pytest.raises(SensorError, match=f"{key}='x'.*{words}"):
        open_simulator({key: "x"})


def test_skipped_frames_are_missing_and_have_no_number() -> None:
    sensor = opened(pace="fast", frames=60, fps=30, skips=8, clock="irds")
    items = list(sensor.items())
    for stream, name in ((0, "color"), (1, "bodies")):
        clock = SimulatedClock(0, 30, "irds", 8)
        there = [k for k in range(60) if not clock.is_skipped(k, stream)]
        assert 35 < len(there) < 60
        tick = clock.color if name == "color" else clock.body
        handed = [entry[1:] for entry in sensor.handed_over if entry[0] == name]
        assert handed == [(index, tick(k)) for index, k in enumerate(there)]
    assert len(items) == len(sensor.handed_over)


def test_the_benchmark_of_the_simulator_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.simulator", "--frames", "2", "--persons", "1"]
    done = subprocess.run(
        [*command, "--json"], cwd=Path(__file__).resolve().parents[3],
        capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    report = json.loads(done.stdout)
    assert len(report["cases"]) == 3
    assert all(case["fps"] > 0 and case["cpu_ms"] > 0 for case in report["cases"].values())
