"""Sources are a registry: help, documentation and messages are made from it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kincap.capture.simulator.keys import KEYS
from kincap.capture.simulator.options import parse_options
from kincap.capture.sources.registry import SOURCES, kind_of, open_source
from kincap.core.errors import KincapError, MissingPartError, SensorError

ROOT = Path(__file__).resolve().parents[3]

MY_DEVICE = """
import time
import numpy as np
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, SensorInfo
from kincap.core.errors import SensorError
from kincap.sessions.schema import empty_body_row


class MyDevice:
    def __init__(self, text):
        self.info = SensorInfo("mine", "mine", "mine-1", (64, 48), False, live=False)
        self.frames = int(text or 3)

    def items(self):
        for k in range(self.frames):
            row = empty_body_row()
            row["time_device"], row["time_host"] = k * 333_333, time.perf_counter_ns()
            yield BodyFrame(row)
            image = np.full((48, 64, 3), k, np.uint8)
            yield ColorFrame(image, k * 333_333, time.perf_counter_ns())

    def close(self):
        pass


def open_it(text):
    return MyDevice(text)


def fails(text):
    raise ValueError("no such port")


def unplugged(text):
    raise SensorError("my device: not plugged in")


def something_else(text):
    return 3
"""


def test_help_and_documentation_name_every_source(kincap):
    help_text = " ".join(kincap("record", "--help").stdout.split())
    page = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    assert len(SOURCES) > 5
    for source in SOURCES.values():
        assert source.form in help_text.replace("- ", "-")
        row = f"| `{source.form}` | {source.gives} | {source.help} |"
        assert row in page
        for key, text in source.keys.items():
            assert source.name == "simulator" or f"`{key}=`: {text}" in page


def test_the_simulators_keys_are_those_that_it_takes():
    page = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"| `{key}` |" in page
        with pytest.raises(SensorError, match=f"simulator: {key}"):
            parse_options({key: "/no/such/folder/x"})
    with pytest.raises(SensorError, match=f"the keys are {', '.join(KEYS)}"):
        parse_options({"nonsense": "1"})


def test_messages_name_every_source():
    with pytest.raises(SensorError) as refused:
        open_source("webcam")
    for source in SOURCES.values():
        assert source.form in str(refused.value)


@pytest.fixture
def my_device(tmp_path, monkeypatch):
    (tmp_path / "mydevice.py").write_text(MY_DEVICE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_a_function_of_a_users_module_is_a_source(my_device):
    assert len(list(open_source("mydevice:open_it").items())) == 6
    assert len(list(open_source("mydevice:open_it:5").items())) == 10


def test_the_command_records_from_a_users_module(tmp_path, kincap):
    (tmp_path / "mydevice.py").write_text(MY_DEVICE, encoding="utf-8")
    source = ("--source", "mydevice:open_it:7")
    done = kincap("record", "--session", "mine", *source, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "7 colour frames, 7 body rows" in done.stdout
    missing = kincap("record", "--session", "mine2", "--source", "nodevice:open_it")
    assert (missing.returncode, missing.stderr.count("\n")) == (3, 1)


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("nomodule_of_mine:open_it", MissingPartError, "no module 'nomodule_of_mine'.*PYTHONPATH"),
        ("mydevice:nothing", SensorError, "mydevice has no function nothing"),
        ("mydevice:fails", SensorError, "fails failed: ValueError: no such port"),
        ("mydevice:unplugged", SensorError, "^my device: not plugged in$"),
        ("mydevice:something_else", SensorError, "returned int, expected a Sensor"),
    ],
)
def test_modules_that_give_no_sensor_are_refused(my_device, spec, error, says):
    with pytest.raises(error, match=says) as refused:
        open_source(spec)
    assert isinstance(refused.value, KincapError)
    assert "\n" not in str(refused.value)


NEW_SOURCE = """
from kincap.capture.sources.source import Source


def _open(spec):
    from mydevice import MyDevice

    return MyDevice(spec.options.get("frames"))


SOURCE = Source("mine", "colour, bodies", "my device", _open, keys={"frames": "number of frames"})
"""
RUN = """
import sys
import kincap.capture.sources.available as available

available.__path__.append(sys.argv[1])
sys.argv = ["kincap", *sys.argv[2:]]
from kincap.cli.main import main

main()
"""


def test_a_new_source_is_one_file(tmp_path):
    """The file is put into the package's folder; here another folder is added to the package."""
    folder = tmp_path / "available"
    folder.mkdir()
    (folder / "mine.py").write_text(NEW_SOURCE, encoding="utf-8")
    (tmp_path / "mydevice.py").write_text(MY_DEVICE, encoding="utf-8")

    def run(*words):
        return subprocess.run(
            [sys.executable, "-c", RUN, str(folder), *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert "mine[:key=value,...]" in run("record", "--help").stdout.replace("\n", "")
    done = run("record", "--session", "a", "--source", "mine:frames=4", "--no-report")
    assert "4 colour frames, 4 body rows" in done.stdout, done.stderr
    refused = run("record", "--session", "b", "--source", "other")
    assert "mine[:key=value,...]" in refused.stderr


def test_a_path_alone_is_enough(data_dir, tmp_path, memory_sensor):
    from kincap.capture.record import RecordSettings, record

    done = record(RecordSettings("s", tmp_path, shard_mib=8), sensor=memory_sensor(frames=5))
    clip = data_dir / "ntu" / "S001C001P001R001A001_rgb.avi"
    kinds = {
        clip: "ntu",
        clip.with_name("S001C001P001R001A050.skeleton"): "ntu",
        data_dir / "kinect2_laban" / "joints.csv": "laban",
        data_dir / "kinect2_irds" / "215_18_0_1_1_stand.txt": "irds",
        done.path: "session",
    }
    for path, kind in kinds.items():
        sensor = open_source(str(path))
        assert (sensor.info.kind, sensor.info.uri) == (kind, f"{kind}:{path}")
        sensor.close()
    assert kind_of(data_dir / "SOURCES.md") is None
    for path, says in ((data_dir / "SOURCES.md", "not a recording of a known kind"),
                       (tmp_path / "nowhere.avi", "no such file or folder")):  # fmt: skip
        with pytest.raises(SensorError, match=says):
            open_source(str(path))


def test_paths_may_hold_commas_and_equals_signs(tmp_path, data_dir):
    log = tmp_path / "a,b=c.csv"
    log.write_bytes((data_dir / "kinect2_laban" / "joints.csv").read_bytes())
    assert open_source(f"laban:{log}").info.device_id == "laban:a,b=c"
    with pytest.raises(SensorError, match="unknown key 'frames'; the keys are: projection"):
        open_source(f"laban:{tmp_path / 'log.csv'},frames=3")
