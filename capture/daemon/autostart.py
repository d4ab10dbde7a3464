"""Have the system start the daemon: a systemd user unit, or a scheduled task of Windows."""

import os
import sys
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from ...core.errors import KincapError
from ...core.files.file_io import FileIO
from .background import daemon_words
from .settings import DaemonSettings

UNIT: Final = "kincap.service"
TASK: Final = "kincap-daemon.xml"


def unit_path() -> Path:
    """Return the path of the systemd user unit."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user" / UNIT


def unit_text(settings: DaemonSettings) -> str:
    """Return a systemd user unit that runs the daemon.

    A stop lets it end its recording; a lost sensor or a crash starts it again.
    """
    command = " ".join(_quoted(word) for word in daemon_words(settings))
    return f"""[Unit]
Description=kincap daemon: holds the sensor open and records on request

[Service]
Type=exec
ExecStart={command}
# the recording is drained and sealed within 5 s
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec=20
Restart=on-failure
RestartSec=10
# bad settings: another try changes nothing
RestartPreventExitStatus=2

[Install]
WantedBy=default.target
"""


def task_text(settings: DaemonSettings) -> str:
    """Return a scheduled task of Windows that runs the daemon at logon; not tried on Windows."""
    program, *words = daemon_words(settings)
    arguments = " ".join(f'"{word}"' if " " in word else word for word in words)
    return f"""<?xml version="1.0" encoding="UTF-16"?>
<!-- not tried on Windows -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>kincap daemon: holds the sensor open and records on request</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger><Enabled>true</Enabled></LogonTrigger>
  </Triggers>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>
  </Settings>
  <Actions>
    <Exec>
      <Command>{escape(program)}</Command>
      <Arguments>{escape(arguments)}</Arguments>
    </Exec>
  </Actions>
</Task>
"""


def install(settings: DaemonSettings) -> tuple[Path, list[str]]:
    """Write the unit, or on Windows the task; return its path and the commands that use it.

    Raises:
        KincapError: It can't be written.
    """
    is_windows = sys.platform == "win32"
    path = Path(TASK).absolute() if is_windows else unit_path()
    content = task_text(settings).encode("utf-16") if is_windows else unit_text(settings).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        FileIO().write_atomic(path, content)
    except OSError as error:
        raise KincapError(f"{path}: {error.strerror}; make that folder writable") from error
    if is_windows:
        return path, [f'schtasks /Create /TN kincap-daemon /XML "{path}"']
    return path, [
        "systemctl --user daemon-reload",
        f"systemctl --user enable --now {UNIT}",
    ]


def _quoted(word: str) -> str:
    """Return a word as a unit file needs it: systemd expands % and $, and splits at spaces."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{text}"' if any(char in text for char in " \t'\"\\;") else text
