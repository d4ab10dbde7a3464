"""The report of simulated recordings names each fault, at about its seconds, and no more."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kincap.capture.record import RecordError, RecordResult, RecordSettings, record
from kincap.capture.simulator.faults.schedule import FAULTS
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.dataset.build import BuildSettings, build

REPORTED_AS = {
    "crossed_arms": ("crossed_arms", "bodies"),
    "side_swap": ("side_swap", "bodies"),
    "feet_noise": ("feet_noise", "bodies"),
    "outliers": ("outliers", "bodies"),
    "body_lost": ("body_lost", "bodies"),
    "slot_swap": ("body_moved", "bodies"),
    "second_person": ("several_bodies", "bodies"),
    "lag": ("lag", "color"),
    "freeze": ("frozen", "color"),
    "frozen_joints": ("frozen", "bodies"),
    "stall": ("stall", "color"),
    "clock_jump": ("clock_step", None),
    "clock_jump_back": ("clock_step", None),
    "low_light": ("low_light", "color"),
    "gaps": ("gap", "bodies"),
    "duplicate": ("duplicate", "color"),
    "out_of_order": ("out_of_order", "color"),
    "color_only": ("color_only", "color"),
    "bodies_only": ("bodies_only", "bodies"),
    "unplug": ("sensor_lost", None),
    "wrong_size": ("drop_wrong_size", "color"),
}
"""Under which kind and stream the report names each of the simulator's faults."""

SESSIONS = {
    "clean": "seed=1,frames=50",
    "pose": "seed=11,frames=250,faults=lag@0.1-3.5+crossed_arms@4-5.7+low_light@3.8-8.2+"
    "feet_noise@6-7+outliers@7.3-8.2",
    "person": "seed=5,frames=150,"
    "faults=freeze@0.2-4.9+side_swap@0.2-3+body_lost@3.4-4+frozen_joints@4.3-4.8",
    "streams": "seed=7,frames=110,persons=2,faults=slot_swap@0.2-0.6+gaps@0.8-1.9+"
    "duplicate@2.1-2.7+out_of_order@2.9-3.5",
    "holes": "seed=8,frames=190,faults=color_only@0.3-0.8+bodies_only@1.1-1.6+stall@1.9-3.1+"
    "unplug@3.4-4.6+clock_jump@5+clock_jump_back@5.4+wrong_size@5.8-6",
    "guest": "seed=9,frames=85,faults=second_person@0.1-2.6",
}
LATE = "pose"
CUT_SHORT = "holes"
"""A file whose pictures change their size ends its recording there."""
IN_LATER_TAKES = {"clock_jump": 2, "clock_jump_back": 3, "wrong_size": 3}
"""A take begins where a sensor is back and where its clock jumps; seconds count anew."""
MOMENT_S = 0.5
"""So far from a fault's own seconds a finding may begin or end: arms take time to cross."""
SLOW = {"lag": 1.0, "side_swap": 1.0, "second_person": 1.0, "crossed_arms": 0.7}
FOLLOWS = {
    "pose": {"turned_away", "bone_length", "symmetry", "speed"},
    "person": {"turned_away", "body_found", "no_body", "bone_length"},
    "streams": {"several_bodies"},
    "holes": {"stall", "gap", "sensor_back", "clock_step"},
    # a guest who hurries through the view
    "guest": {"body_found", "body_lost", "turned_away", "overlap", "speed", "bone_length"},
}
"""What else the faults of a session bring with them."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that SESSIONS are recorded into."""
    return tmp_path_factory.mktemp("report") / "recordings"


@pytest.fixture(scope="module")
def reports(recordings: Path) -> Callable[[str], dict[str, Any]]:
    """Return a function that records one of SESSIONS, once, and gives its report."""
    made: dict[str, dict[str, Any]] = {}

    def report(name: str) -> dict[str, Any]:
        if name not in made:
            source = f"simulator:outfit=3,pace=fast,{SESSIONS[name]}"
            settings = RecordSettings(session=name, recordings=recordings, source=source)
            done = recorded(settings, fails=name == CUT_SHORT)
            kept = json.loads((recordings / name / "quality.json").read_text())
            assert len(kept.pop("checksum")) == 64
            assert done.report == kept
            late = [line for line in done.warnings if "joints come" in line]
            assert bool(late) == (name == LATE)
            made[name] = kept
        return made[name]

    return report


def recorded(settings: RecordSettings, *, fails: bool) -> RecordResult:
    """Record, also what can't be recorded to its end."""
    if not fails:
        return record(settings)
    with pytest.raises(RecordError) as failed:
        record(settings)
    return failed.value.result


def faults_of(name: str) -> list[tuple[str, float, float]]:
    """Return the faults that a session was asked for: name, start, end in seconds."""
    asked = SESSIONS[name].partition("faults=")[2]
    found = []
    for part in filter(None, asked.split("+")):
        fault, _, span = part.partition("@")
        start, _, end = span.partition("-")
        found.append((fault, float(start), float(end or start)))
    return found


def test_a_clean_recording_is_good_and_nothing_is_named(reports) -> None:
    report = reports("clean")
    assert report["findings"] == []
    assert report["verdict"] == "good"
    # hands raised above the edge of the picture are no fault
    assert [text for text in report["advice"] if "left the image (top" not in text] == []
    assert [one["closes"] for one in report["accounts"].values()] == [True, True]
    whole = report["whole"]
    assert whole["streams"]["color"]["items"] == 50
    assert whole["streams"]["color"]["fps_mean"] == pytest.approx(30, abs=0.2)
    assert whole["pairs"]["unpaired_share"] == 0
    assert 0 < whole["pairs"]["p95_ms"] < 16.7
    assert 2 < whole["distance_m"]["median"] < 3.5


@pytest.mark.parametrize("name", [name for name in SESSIONS if name != "clean"])
def test_each_fault_is_named_at_about_its_seconds_and_nothing_else_is(reports, name) -> None:
    report = reports(name)
    expected = set(FOLLOWS[name])
    for fault, start, end in faults_of(name):
        kind, stream = REPORTED_AS[fault]
        expected.add(kind)
        found = [
            one
            for one in report["findings"]
            if one["kind"] == kind and stream in (None, one["stream"])
        ]
        assert found, f"{fault} is not named as {kind}"
        if fault in IN_LATER_TAKES:
            assert IN_LATER_TAKES[fault] in [one["take"] for one in found]
            continue
        slack = SLOW.get(fault, MOMENT_S)
        near = [
            one for one in found if start - slack <= one["start_s"] and one["end_s"] <= end + slack
        ]
        assert near, f"{fault} from {start} to {end} s is named elsewhere: {found}"
        assert near[0]["start_s"] <= start + 2 * slack
        assert near[0]["text"]
    assert {one["kind"] for one in report["findings"]} <= expected
    assert report["advice"]


def test_every_fault_of_the_simulator_is_among_them() -> None:
    assert {fault for name in SESSIONS for fault, _, _ in faults_of(name)} == set(FAULTS)
    assert set(FAULTS) == set(REPORTED_AS)


def test_late_joints_are_measured_and_build_warns_of_them(reports, recordings, tmp_path) -> None:
    (late,) = [one for one in reports(LATE)["findings"] if one["kind"] == "lag"]
    assert int(late["text"].split()[2]) == pytest.approx(100, abs=20)
    settings = BuildSettings(
        out=tmp_path / "late.h5", recordings=recordings, sessions=LATE, dry_run=True
    )
    (warning,) = build(settings).warnings
    assert warning.startswith(f"{LATE}, take 0, ")
    assert warning.endswith(f" s: {late['text']}")


@pytest.mark.parametrize("name", ["person", "guest", "streams"])
def test_the_report_counts_what_the_filters_of_build_cost(reports, recordings, name) -> None:
    out = recordings / f"{name}.h5"
    built = build(BuildSettings(out=out, recordings=recordings, sessions=name, dry_run=True))
    filters = reports(name)["whole"]["filters"]
    assert filters["candidates"] == built.candidates - built.rejected_all["no_body"]
    for reason in ("tracking", "range", "edge"):
        counted = round(filters[reason] * filters["candidates"])
        assert counted == built.rejected_all[reason], reason


@pytest.fixture
def small(tmp_path: Path, memory_sensor) -> Callable[..., Path]:
    """Return a function that records 30 small frames into a session of a name."""

    def make(name: str = "s1", **more: Any) -> Path:
        settings = RecordSettings(name, tmp_path / "recordings", shard_mib=16)
        return record(settings, sensor=memory_sensor(frames=30), **more).path

    return make


def test_the_report_never_fails_a_recording(tmp_path, memory_sensor) -> None:
    told: list[str] = []
    settings = RecordSettings("s1", tmp_path / "recordings", shard_mib=16)
    # the disk takes everything but the last file that is made: quality.json
    plain = FaultyFileIO()
    record(settings, sensor=memory_sensor(frames=30), io=plain)
    made = plain.calls["create"]
    full = FaultyFileIO(parse_faults(f"create:enospc:{made}+"))
    again = RecordSettings("s2", tmp_path / "recordings", shard_mib=16)
    done = record(again, sensor=memory_sensor(frames=30), io=full, on_warning=told.append)
    assert (done.error, done.color_frames) == (None, 30)
    assert done.quality_file is None
    assert not (done.path / "quality.json").exists()
    assert any("quality.json: No space left on device" in line for line in told)


def test_record_prints_the_report_and_gives_its_short_form_as_json(kincap, tmp_path, small) -> None:
    source = small("source")
    run = kincap("record", "--session", "copy", "--source", f"session:{source}")
    assert run.returncode == 0
    lines = run.stdout.splitlines()
    assert lines[0].startswith("copy: 30 colour frames")
    assert lines[1].startswith("quality: ")
    assert "30 came = 30 stored + 0 dropped" in lines[2]
    run = kincap("record", "--session", "copy2", "--source", f"session:{source}", "--json")
    done = json.loads(run.stdout)
    assert done["schema"] == "kincap/record/1"
    assert done["quality_file"] == "recordings/copy2/quality.json"
    assert json.loads((tmp_path / done["quality_file"]).read_text())["session"] == "copy2"
    assert {"verdict", "advice", "findings", "fps"} <= set(done["quality"])
    assert "report" not in done


def test_no_report_is_made_where_none_is_wanted(tmp_path, memory_sensor) -> None:
    settings = RecordSettings("s1", tmp_path / "recordings", shard_mib=16, report=False)
    done = record(settings, sensor=memory_sensor(frames=30))
    assert (done.report, done.quality_file) == (None, None)
    assert not (done.path / "quality.json").exists()


def test_report_is_made_again_and_drawn(kincap, tmp_path, small) -> None:
    folder = small()
    kept = (folder / "quality.json").read_bytes()
    (folder / "quality.json").unlink()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run = kincap("sessions", "report", "s1", "--plot", "s1.png")
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == "s1"
    assert (tmp_path / "s1.png").read_bytes().startswith(b"\x89PNG")
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert after.pop("quality.json") == kept
    assert after == before
    report = json.loads(kincap("sessions", "report", "s1", "--json").stdout)
    assert report["schema"] == "kincap/quality/1"
    assert report["accounts"]["color"]["stored"] == 30


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_picture_that_finds_no_room_costs_no_report(tmp_path, small) -> None:
    small()
    # enough for quality.json
    code = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (30_000,) * 2)"
    code += "; os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-m", "kincap", "sessions", "report", "s1", "--plot", "s1.png"]
    run = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 1
    assert run.stderr.startswith("kincap: --plot s1.png: File too large; ")
    assert run.stderr.count("\n") == 1
    assert run.stdout.splitlines()[0] == "s1"
    assert "Look at it" not in run.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["recordings"]


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nobody"], "nobody"),
        (["s1", "--plot", "s1.jpg"], "--plot s1.jpg: expected a name that ends in .png"),
        (["s1", "--plot", "no/s1.png"], "there is no folder no; make it first"),
    ],
)
def test_a_report_that_can_t_be_is_one_line_and_exit_2(kincap, small, args, says) -> None:
    small()
    run = kincap("sessions", "report", *args)
    assert (run.returncode, run.stdout) == (2, "")
    assert says in run.stderr
    assert run.stderr.count("\n") == 1
