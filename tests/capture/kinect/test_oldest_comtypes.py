"""The same over the oldest comtypes that is supported, fetched by pip."""

import importlib
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from kinect_fakes.dll import Settings
from kinect_fakes.world import T0, World, person, picture

ROOT = Path(__file__).resolve().parents[3]
OLDEST = "1.4.0"
UNREACHABLE = ("no matching distribution", "could not find a version", "connection", "network")


@pytest.fixture(scope="module")
def oldest_comtypes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the oldest comtypes in it."""
    folder = tmp_path_factory.mktemp("oldest")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    done = subprocess.run(
        [*command, f"comtypes=={OLDEST}"], capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0 and any(word in done.stderr.lower() for word in UNREACHABLE):
        pytest.skip(f"pip reaches no package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def case_env(oldest_comtypes: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(oldest_comtypes)}


def test_it_is_the_oldest_that_pyproject_allows() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [name for name in settings["dependencies"] if name.startswith("comtypes")]
    assert wanted == [f"comtypes>={OLDEST.removesuffix('.0')}; sys_platform == 'win32'"]


@pytest.mark.over_fakes
def test_unrewritten_pykinect2_fails_the_same_way(kinect: World) -> None:
    with pytest.raises(AssertionError, match=r"^80$"):
        importlib.import_module("pykinect2.PyKinectV2")


@pytest.mark.over_fakes
def test_frames_come_and_nothing_is_left_behind(kinect: World) -> None:
    kinect.plug_in()
    assert importlib.metadata.version("comtypes") == OLDEST
    assert sys.modules["comtypes"].__version__ == OLDEST
    source = kinect.open(("color", "bodies", "mask", "depth"))
    items = kinect.started(source)
    for k in range(10):
        kinect.sensor.bodies.push(T0 + k, [person(k)] * 6)
        assert next(items).row["tracked"].sum() == 6
        kinect.sensor.color.push(T0 + k, (picture(k), Settings()))
        frame = next(items)
        assert np.array_equal(frame.image, picture(k))
        frame.release()
    source.close()
    kinect.check_nothing_left()
