"""``python -m tests.nightly``: each part is there, harm is told, and the page names them all."""

import inspect
import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ..nightly import PARTS, harm, main
from .recorder import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name, part in PARTS.items() if part.folder == "crash"])
def test_a_part_can_be_run_and_is_described(name: str) -> None:
    run = import_module(f"tests.{PARTS[name].folder}.{name}").run
    assert list(inspect.signature(run).parameters)[:3] == ["runs", "seed", "jobs"]
    assert re.search(rf"^### {name}$.*?^\*Failure\*: ", PAGE, re.MULTILINE | re.DOTALL)
    measured = PAGE.partition("## Measured")[2]
    told = (
        rf"^\| {name} \| `python -m (tests\.nightly {name}|pytest -s tests/crash/test_{name}\.py)"
    )
    assert re.search(told, measured, re.MULTILINE)


def test_the_pages_commands_are_understood(capsys: pytest.CaptureFixture[str]) -> None:
    commands = re.findall(r"^python -m tests\.nightly (.+)$", PAGE, re.MULTILINE)
    commands += re.findall(r"`python -m tests\.nightly ([^`]+)`", PAGE)
    assert len(commands) >= len(PARTS)
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), "--help"])
        assert ended.value.code == 0
        assert command.split()[0] in (*PARTS, "all")
    assert "--runs" in capsys.readouterr().out


def test_a_short_night_writes_its_counts(tmp_path: Path) -> None:
    report = tmp_path / "night.json"
    words = ["flips", "--runs", "6", "--seed", "3", "--jobs", "1", "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.nightly", *words],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("flips: 6 damaged places, seed 3\n")
    found = json.loads(report.read_text())
    assert found["schema"] == "kincap/nightly/1"
    assert found["ok"] is True
    assert found["seed"] == 3
    assert found["parts"]["flips"]["runs"] == 6
    assert {"kincap", "python", "numpy", "h5py", "hdf5"} <= set(found["versions"])


def test_harm_is_told() -> None:
    assert harm({"runs": 9, "lost": 0, "failures": []}) == []
    assert harm({"lost": 2}) == ["lost is 2"]
    assert harm({"failures": ["silent: x"], "silent": 1}) == ["silent: x", "silent is 1"]
