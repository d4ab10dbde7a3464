"""Tests of the Kinect driver run each in a process of its own, over a faked floor of Windows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

CASE_MAY_TAKE_S = 90


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "over_fakes: runs in a process of its own, over the faked Kinect20.dll"
    )


@pytest.fixture
def kinect() -> None:
    """Stand in for the World that the function gets in its own process."""


@pytest.fixture
def case_env() -> dict[str, str]:
    """Return changes to the environment of the test's process; a test file may override it."""
    return {}


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test in a process of its own; its output is the test's."""
    if pyfuncitem.get_closest_marker("over_fakes") is None:
        return None
    tmp_path = pyfuncitem.funcargs["tmp_path"]
    params = pyfuncitem.callspec.params if hasattr(pyfuncitem, "callspec") else {}
    env = {**pyfuncitem.funcargs["case_env"], "KINECT_CASE_PARAMS": json.dumps(params)}
    run_case(pyfuncitem.path, pyfuncitem.originalname, tmp_path, env)
    return True


def run_case(file: Path, function: str, tmp_path: Path, env: dict[str, str]) -> None:
    """Run a function of a test file in a process of its own; fail with what it printed."""
    runner = HERE / "kinect_fakes" / "run_case.py"
    done = subprocess.run(
        [sys.executable, "-W", "error", runner, file, function],
        env={**os.environ, "KINECT_CASE_TMP": str(tmp_path), "OMP_NUM_THREADS": "1", **env},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=CASE_MAY_TAKE_S,
        check=False,
    )
    if done.returncode != 0 or done.stdout.splitlines()[-1:] != ["PASSED"]:
        pytest.fail(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}", pytrace=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("over_fakes") is not None:
            for name in ("tmp_path", "case_env"):
                if name not in item.fixturenames:
                    item.fixturenames.append(name)
