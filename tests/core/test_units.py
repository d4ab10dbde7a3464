"""Units and tracking states are written down once."""

import ast
from collections.abc import Iterator
from pathlib import Path

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


def test_no_file_writes_a_unit_or_a_tracking_state_down_again() -> None:
    assert len(SOURCES) > 500
    again = [
        f"{path.relative_to(ROOT)}, line {line}: use {what}"
        for path in SOURCES
        for line, what in written_again(path.read_text(encoding="utf-8"))
    ]
    assert again == []


def test_a_unit_and_a_state_that_are_written_again_are_found() -> None:
    found = list(written_again("a = b * 1e7\nTRACKED = 2\nc = 1e7\nd = 36e9 / b\n"))
    assert found == [(1, "core.units"), (2, "core.skeleton.TrackingState"), (4, "core.units")]


def written_again(source: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of a file that write a unit or a state down, and what they are to use."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp):
            for side in (node.left, node.right):
                if isinstance(side, ast.Constant) and side.value in UNITS:
                    yield node.lineno, "core.units"
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in STATES:
            yield node.lineno, "core.skeleton.TrackingState"
