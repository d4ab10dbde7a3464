"""The files that have the system start the daemon."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from kincap.capture.daemon.autostart import install, task_text, unit_text
from kincap.capture.daemon.settings import DaemonSettings

SETTINGS = DaemonSettings(
    source="simulator:outfit=3",
    streams=("color", "bodies"),
    recordings=Path('/data/my 100% "rec" $HOME'),
    port=8800,
    pre_roll_s=2.5,
)


def test_the_unit_is_one_that_systemd_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    path, commands = install(SETTINGS)
    assert path == tmp_path / "systemd" / "user" / "kincap.service"
    assert any("enable --now kincap.service" in command for command in commands)
    text = path.read_text()
    # systemd expands % and $, and splits at spaces
    assert '"/data/my 100%% \\"rec\\" $$HOME"' in text
    assert "--streams color,bodies --port 8800 --pre-roll 2.5" in text
    assert "RestartPreventExitStatus=2" in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(path)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_the_scheduled_task_is_well_formed_and_says_that_it_was_not_tried() -> None:
    text = task_text(SETTINGS)
    assert "not tried on Windows" in text
    root = ET.fromstring(text.replace(' encoding="UTF-16"', ""))
    space = {"t": "http://schemas.microsoft.com/windows/2004/02/mit/task"}
    command = root.findtext("t:Actions/t:Exec/t:Command", namespaces=space)
    arguments = root.findtext("t:Actions/t:Exec/t:Arguments", namespaces=space)
    assert command == sys.executable
    assert arguments is not None
    assert arguments.startswith("-m kincap daemon --source simulator:outfit=3 --recordings")


def test_a_unit_of_usual_settings_names_the_folder_absolutely(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"--recordings {tmp_path}/recordings\n" in unit_text(DaemonSettings())
