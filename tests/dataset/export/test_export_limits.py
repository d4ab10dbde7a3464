"""Exports that find no room: one line, exit 1, and nothing half-written."""

import subprocess
import sys
from pathlib import Path

import pytest

from kincap.dataset.export.registry import EXPORT_FORMATS

from .conftest import DataSet

if sys.platform == "win32":
    pytest.skip("Windows has no such limits", allow_module_level=True)

import resource


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_no_file_may_be_large(name: str, data_set: DataSet, tmp_path: Path) -> None:
    code = "import os, resource, sys; resource.setrlimit(int(sys.argv[1]), (int(sys.argv[2]),) * 2)"
    code += "; os.execv(sys.argv[3], sys.argv[3:])"
    command = [sys.executable, "-m", "kincap", "export", str(data_set.path), "--format", name]
    run = subprocess.run(
        [sys.executable, "-c", code, str(resource.RLIMIT_FSIZE), "600", *command, "--out", "out"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert run.stderr.startswith("kincap: --out out: "), run.stderr
    assert run.stderr.count("\n") == 1, run.stderr
    assert "make room" in run.stderr
    assert list(tmp_path.iterdir()) == []
