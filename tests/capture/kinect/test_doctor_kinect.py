"""``kincap doctor`` where the driver and a sensor are: it measures what really came."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kinect_fakes.com import E_FAIL
from kinect_fakes.dll import Settings
from kinect_fakes.world import T0, TICK, World, person, picture

from kincap.capture.doctor.doctor import DoctorSettings, doctor
from kincap.capture.doctor.kinect_driver import check_driver, check_sensor

pytestmark = pytest.mark.over_fakes


@contextmanager
def frames_coming(
    kinect: World, *, step: int = TICK, interval: int = TICK, skip: int = 0, bodies: bool = True
) -> Iterator[None]:
    """Let frames arrive at about 30 Hz, while the sensor is open and plugged in."""
    stop = threading.Event()

    def run() -> None:
        sensor, k, image = kinect.sensor, 0, picture(0)
        while not stop.wait(1 / 30):
            if not (sensor.is_open and sensor.available):
                continue
            k += 1 + (skip if k == 10 else 0)
            if bodies:
                sensor.bodies.push_and_see(T0 + k * step + 50_000, [person(k)])
            sensor.color.push_and_see(T0 + k * step, (image, Settings(100_000, interval, 1.0)))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def looked(kinect: World, **options: Any) -> dict[str, Any]:
    """Run doctor for a second of frames; return its checks by name."""
    report = doctor(DoctorSettings(kinect.tmp, watch_s=1.0, shard_mib=8, **options))
    return {"report": report, **{check.name: check for check in report.checks}}


def test_a_good_sensor_is_ready_and_its_figures_are_those_of_its_frames(kinect: World) -> None:
    kinect.plug_in()
    with frames_coming(kinect):
        found = looked(kinect)
    assert found["report"].ready
    assert found["sensor"].found == "012345678901, 1920x1080"
    assert "365.5 px" in found["intrinsics"].found
    for name in ("stream color", "stream bodies"):
        assert found[name].found.startswith("30.0 fps, 0 gaps, longest step 33 ms")
    assert "5.0 ms away" in found["offset"].found
    assert found["light"].status == "ok"
    assert {check.status for check in found["report"].checks} <= {"ok", "warning"}


def test_low_light_and_a_gap_are_warnings(kinect: World) -> None:
    kinect.plug_in()
    with frames_coming(kinect, step=2 * TICK, interval=2 * TICK, skip=5):
        found = looked(kinect)
    assert found["report"].ready
    assert found["light"].status == "warning"
    assert "half rate" in found["light"].found
    assert "1 gaps" in found["stream color"].found
    assert found["stream color"].status == "warning"


def test_a_stream_that_gives_nothing_is_no_sensor_to_record_from(kinect: World) -> None:
    kinect.plug_in()
    with frames_coming(kinect, bodies=False):
        found = looked(kinect)
    assert not found["report"].ready
    assert found["stream bodies"].status == "missing"
    assert found["stream color"].status == "ok"


def test_the_command_prints_lines_and_leaves_with_0(kinect: World) -> None:
    kinect.plug_in()
    os.chdir(kinect.tmp)
    with frames_coming(kinect):
        text = kinect.run_kincap("doctor", "--selftest", 1)
    assert text.code == 0, text.out
    assert "ready to record from a Kinect v2; " in text.out.splitlines()[-1]
    assert "no one looked at kincap-selftest.jpg" in text.out
    assert "0 failed, 0 gone before they were fetched (E_PENDING), 0 repeated" in text.out
    assert (kinect.tmp / "kincap-selftest.jpg").is_file()
    assert {path.name for path in kinect.tmp.iterdir()} == {"kincap-selftest.jpg"}


def test_without_a_sensor_the_command_leaves_with_3(kinect: World) -> None:
    kinect.plug_in()
    kinect.sensor.available = False
    done = kinect.run_kincap("doctor", "--json", "--recordings", kinect.tmp, "--shard-mib", 8)
    report = json.loads(done.out)
    assert (done.code, report["ready"], report["missing"]) == (3, False, ["sensor"])
    checks = {check["name"]: check for check in report["checks"]}
    assert "check its power supply" in checks["sensor"]["remedy"]
    assert checks["Kinect20.dll"]["status"] == "ok"
    assert checks["streams"]["status"] == "skipped"
    assert checks["trial shard"]["status"] == "ok"


@pytest.mark.parametrize(
    ("what", "missing", "line"),
    [
        ("comtypes", "comtypes", "pip install 'comtypes>=1.4'"),
        ("pykinect2", "driver", "pip install pykinect2==0.1.0"),
        ("dll", "Kinect20.dll", "install the Kinect for Windows SDK 2.0"),
        ("open", "sensor", "unplug it and plug it in again"),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(
    kinect: World, what: str, missing: str, line: str
) -> None:
    if what == "dll":
        kinect.remove_dll()
    elif what == "open":
        kinect.plug_in()
        kinect.sensor.failures["Open"].append(E_FAIL)
    else:
        kinect.site_without(what)
    checks = list(check_driver())
    if what == "open":
        checks += check_sensor(("color",), 1.0, lambda _measured: None)
    assert missing in [check.name for check in checks if check.status == "missing"]
    (check,) = [check for check in checks if check.name == missing]
    assert line in f"{check.found}; {check.remedy}"


def test_the_owner_of_a_sensor_reads_a_letter_and_pulls_the_cable(kinect: World) -> None:
    kinect.plug_in()
    os.chdir(kinect.tmp)
    asked: list[str] = []

    def pull() -> None:
        color = kinect.sensor.color
        color.wait_until(lambda: bool(color.handles))
        fetched = color.fetched
        color.wait_until(lambda: color.fetched > fetched + 3)
        kinect.sensor.plug(False)
        color.wait_until(lambda: not color.handles)
        kinect.sensor.plug(True)

    def answer(question: str) -> bool:
        asked.append(question)
        if "cable" in question:
            threading.Thread(target=pull).start()
        return True

    settings = DoctorSettings(kinect.tmp, watch_s=0.3, shard_mib=8, selftest_s=0.5)
    with frames_coming(kinect):
        report = doctor(settings, ask=answer)
    found = {check.name: check for check in report.checks}
    letter, cable = asked
    assert "as in a mirror" in letter
    assert "USB cable" in cable
    assert found["selftest: mirroring"].status == "ok"
    assert found["selftest: unplugging"].status == "ok", found["selftest: unplugging"]
