"""The README tells the truth: its five lines run, its tree is the tree, its links lead on."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
Run = Callable[..., subprocess.CompletedProcess[str]]


def _block(marker: str) -> str:
    """Return the code block that follows a marker comment."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)\n```", README, re.DOTALL)
    assert found, f"no block '{marker}' in the README"
    return found[1]


def test_the_five_lines_read_a_recording(
    data_dir: Path, tmp_path: Path, kincap: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = data_dir / "ntu" / "S001C001P001R001A001_rgb.avi"
    done = kincap("record", "--session", "real1", "--source", f"ntu:{clip}", "--json")
    assert done.returncode == 0, done.stderr
    code = _block("five lines")
    assert len(code.splitlines()) == 5
    assert "kincap" not in code.replace("recordings", "")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    jpegs, joints = names["jpegs"], names["joints_px"]
    assert isinstance(jpegs, list)
    assert len(jpegs) == 103
    assert all(jpeg[:2] == b"\xff\xd8" for jpeg in jpegs)
    assert isinstance(joints, np.ndarray)
    assert joints.shape == (103, 6, 25, 2)
    assert np.isfinite(joints[:, 0]).all()


def test_the_tree_names_every_folder_once() -> None:
    tree = re.search(r"```\n(core/.*?)```", README, re.DOTALL)
    assert tree
    named = [line.split("/")[0] for line in tree[1].splitlines()]
    there = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir()
        and subprocess.run(
            ["git", "ls-files", "--error-unmatch", path.name], cwd=ROOT, capture_output=True
        ).returncode
        == 0
        and not path.name.startswith(".")
    }
    assert sorted(named) == sorted(there)


def test_links_lead_to_files() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_both_commands_set_up_their_own_environment() -> None:
    for marker in ("the main command", "the test command"):
        assert "python3 -m venv .venv" in _block(marker)
        assert "-c constraints.txt" in _block(marker)
