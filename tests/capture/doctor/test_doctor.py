"""``kincap doctor`` on a machine without a Kinect: what works, what does not, and the disk."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.capture.doctor.checks import Check, Report
from kincap.capture.doctor.disk import bytes_per_second, check_disk
from kincap.capture.doctor.doctor import DoctorSettings, doctor
from kincap.core.errors import SensorError

Run = Callable[..., subprocess.CompletedProcess[str]]

NO_WINDOWS = pytest.mark.skipif(sys.platform == "win32", reason="says what other systems lack")
EXPECTED = [
    "platform", "Python", "comtypes", "driver", "Kinect20.dll", "sensor", "intrinsics", "streams",
    "disk space", "write speed", "reservation", "trial shard", "OpenCV", "torch",
]  # fmt: skip


@NO_WINDOWS
def test_elsewhere_it_says_what_works_and_leaves_with_3(kincap: Run, tmp_path: Path) -> None:
    done = kincap("doctor", "--json", "--shard-mib", 8)
    assert done.returncode == 3, done.stderr
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/doctor/1"
    assert (report["ready"], report["missing"]) == (False, ["platform"])
    checks = {check["name"]: check for check in report["checks"]}
    assert list(checks) == EXPECTED
    assert "review, build, pretrain, finetune, evaluate" in checks["platform"]["remedy"]
    assert {checks[name]["status"] for name in ("Kinect20.dll", "sensor", "streams")} == {"skipped"}
    assert checks["trial shard"]["found"].startswith("30 frames written, sealed and verified")
    assert all(check["remedy"] for check in checks.values() if check["status"] == "missing")
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


@NO_WINDOWS
def test_its_text_has_a_line_for_each_check_and_a_verdict(kincap: Run, tmp_path: Path) -> None:
    done = kincap("doctor", "--shard-mib", 8, "--selftest", 1, "--bundle", "case.zip")
    assert done.returncode == 3
    assert "no pictures, names replaced" in done.stderr
    with zipfile.ZipFile(tmp_path / "case.zip") as archive:
        checks = json.loads(archive.read("doctor.json"))["checks"]
    assert [check["name"] for check in checks] == [*EXPECTED, "selftest"]
    lines = done.stdout.splitlines()
    heads = [line for line in lines if line[:1].strip()]
    assert [line[8:30].strip() for line in heads[:-1]] == [*EXPECTED, "selftest"]
    assert lines[1].startswith(" " * 31 + "-> record from the sensor on Windows")
    assert lines[-1].startswith("can't record from a Kinect v2 here: platform; ")


def test_only_what_is_missing_stands_in_the_way() -> None:
    def ready(*statuses: str) -> tuple[bool, int]:
        report = Report(tuple(Check(name, name, "") for name in statuses))
        return report.ready, report.warnings

    assert ready("ok", "warning", "warning") == (True, 2)
    assert ready("ok", "missing", "warning") == (False, 1)


def test_the_need_follows_the_streams_and_the_measured_size() -> None:
    usual = bytes_per_second(("color", "bodies"), None)
    assert 11.0e6 < usual < 11.5e6
    assert bytes_per_second(("color", "bodies"), 185_000.0) == usual - 30 * 185_000
    assert bytes_per_second(("color", "bodies", "mask", "depth"), None) > usual + 6e6
    assert bytes_per_second(("bodies",), None) < 2e5


def test_a_disk_without_room_for_two_shards_is_said(tmp_path: Path) -> None:
    recordings = tmp_path / "not" / "made" / "yet"
    checks = {
        check.name: check for check in check_disk(recordings, ("color", "bodies"), 10**9, None)
    }
    assert checks["disk space"].status == "missing"
    assert "minutes at these settings" in checks["disk space"].found
    assert checks["trial shard"].status == "ok"
    assert list(tmp_path.iterdir()) == []


def test_two_distributions_of_opencv_are_warned_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "opencv_python_headless-4.1.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: opencv-python-headless\nVersion: 4.1.0\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    report = doctor(DoctorSettings(tmp_path, shard_mib=8))
    (check,) = [check for check in report.checks if check.name == "OpenCV"]
    assert check.status == "warning"
    assert "opencv-python-headless 4.1.0" in check.found
    assert check.remedy.startswith("pip uninstall -y ")


def test_a_stream_that_there_is_none_of_is_refused() -> None:
    with pytest.raises(SensorError, match="infrared"):
        doctor(DoctorSettings(streams=("infrared",)))


@pytest.mark.parametrize("streams", ["color,infrared", "color,color"])
def test_record_refuses_streams_that_make_no_sense(
    kincap: Run, streams: str, tmp_path: Path
) -> None:
    done = kincap("record", "--session", "s", "--streams", streams)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert streams in done.stderr
    done = kincap("record", "--session", "s", "--source", "laban:walk.csv", "--streams", "color")
    assert done.returncode == 2
    assert "only --source kinect" in done.stderr
    assert list(tmp_path.iterdir()) == []
