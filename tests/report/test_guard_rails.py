"""Guard rails over sessions: at the end of a recording, in the list, the report and the build."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.dataset.build import BuildSettings, build
from kincap.report.guard_rails import alarm_lines, folder_alarms, session_look
from kincap.report.quality import load_quality, report, save_quality
from kincap.sessions.device import Device
from kincap.sessions.info import new_session

Run = Callable[..., subprocess.CompletedProcess[str]]


def take(recordings: Path, name: str, outfit: str, source: str) -> list[str]:
    """Record a few frames; return the warnings."""
    options = f"simulator:{source},frames=24,fps=10,pace=fast,clock=steady"
    return record(RecordSettings(name, recordings, options, outfit=outfit, shard_mib=16)).warnings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions of which the second is named wrongly, and the third was recorded elsewhere."""
    recordings = tmp_path_factory.mktemp("alike")
    assert take(recordings, "clothing1", "jumper", "outfit=1,seed=1") == []
    (line,) = take(recordings, "clothing2", "shirt", "outfit=1,seed=2")
    assert line.startswith("clothing2 and clothing1: outfits shirt and jumper, but the clothes")
    (line,) = take(recordings, "clothing3", "skirt", "outfit=2,seed=3,room=1")
    assert line.startswith("clothing3 and clothing2: the camera was moved (another background)")
    return recordings


def test_the_list_and_the_report_warn_and_name_both_sessions(made: Path, kincap: Run) -> None:
    done = kincap("sessions", "list", "--recordings", made)
    assert done.returncode == 0
    warned = done.stderr.splitlines()
    assert [line.split(":")[0] for line in warned] == [
        "clothing2 and clothing1", "clothing3 and clothing2",
    ]  # fmt: skip
    assert "sessions" not in done.stdout.replace("session ", "")
    done = kincap("sessions", "report", "clothing2", "--recordings", made)
    assert "  sessions           clothing1: outfits shirt and jumper" in done.stdout
    done = kincap("sessions", "list", "--recordings", made, "--json")
    said = json.loads(done.stdout)["alarms"]
    assert [(one["kind"], one["session"], one["other"]) for one in said] == [
        ("same_outfit", "clothing2", "clothing1"), ("camera_moved", "clothing3", "clothing2"),
    ]  # fmt: skip


def test_build_warns_of_the_sessions_that_it_takes(made: Path, tmp_path: Path) -> None:
    def warned(pattern: str) -> list[str]:
        settings = BuildSettings(
            tmp_path / "set.h5", made, sessions=pattern, dry_run=True, workers=1, guard_s=0.0
        )
        return [line for line in build(settings).warnings if " and clothing" in line]

    assert len(warned("clothing[12]")) == 1
    assert "outfits shirt and jumper" in warned("clothing[12]")[0]
    assert len(warned("*")) == 2


def test_the_name_of_a_file_is_not_a_sensor() -> None:
    def sensor(uri: str, device: str) -> str | None:
        info = new_session("s1", source={"uri": uri}, device=Device(id=device))
        return session_look(info, {}).device

    assert sensor("laban:/data/Ges01.csv", "laban:Ges01") is None
    assert sensor("csv:/data/joints.csv,map=m.toml", "csv:joints") is None
    assert sensor("csv:/data/joints.csv,map=m.toml", "csv:K4") == "csv:K4"
    assert sensor("ntu:/data/S001C001P001_rgb.avi", "ntu:S001C001") == "ntu:S001C001"
    assert sensor("simulator:seed=1", "simulator-0") == "simulator-0"
    assert sensor("kinect", "") is None


def test_the_signature_is_made_again_and_sessions_without_one_are_left_out(
    made: Path, tmp_path: Path
) -> None:
    recordings = tmp_path / "recordings"
    shutil.copytree(made, recordings)
    folder = recordings / "clothing2"
    quality = load_quality(folder)
    assert quality is not None
    assert set(quality["signature"]) == {"outfit", "background", "floor", "exposure_ms", "gain"}
    save_quality(folder, {key: kept for key, kept in quality.items() if key != "signature"})
    kinds = [alarm.kind for alarm in folder_alarms(recordings)]
    assert kinds == ["camera_moved"]
    report(recordings, "clothing2")
    assert load_quality(folder) == quality
    assert len(folder_alarms(recordings)) == 2
    (folder / "quality.json").write_text("{")
    (recordings / "clothing1" / "session.json").write_text("[]")
    assert folder_alarms(recordings) == []
    assert alarm_lines(recordings / "clothing3", load_quality(recordings / "clothing3")) == []
    (line,) = alarm_lines(recordings / "clothing1", quality)
    assert "not compared with other sessions" in line
