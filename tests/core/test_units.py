"""Units and tracking states are written down once."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("core", "web", "sessions", "checks", "report", "capture", "dataset", "train", "review",
         "predict", "engines", "cli", "benchmarks")  # fmt: skip
SOURCES = [
    path
    for part in PARTS
    for path in sorted((ROOT / part).rglob("*.py"))
    if path not in (ROOT / "core" / "units.py", ROOT / "capture" / "doctor" / "disk.py")
]
"""All code but the units themselves, and a file that counts bytes by 1e9."""
UNITS = {1e7, 1e-7, 333_333, 1e9, 36e9}
"""A second and an hour in 100 ns, a second in ns, the step of a 30 Hz sensor."""
STATES = {"TRACKED", "INFERRED", "_TRACKED", "_INFERRED", "_NOT_TRACKED"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_writes_a_unit_or_a_tracking_state_down_again(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.BinOp):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant):
                    assert side.value not in UNITS, f"line {node.lineno}: use core.units"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            assert node.id not in STATES, f"line {node.lineno}: use core.skeleton.TrackingState"
