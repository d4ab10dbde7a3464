"""The files of the code, and which of them import which."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = (
    "core",
    "web",
    "sessions",
    "checks",
    "report",
    "capture",
    "dataset",
    "engines",
    "train",
    "predict",
    "review",
    "api",
    "cli",
)
"""Folders of the code, from the lowest floor up; engines is still to come."""
SOURCES = sorted(path for part in PARTS for path in (ROOT / part).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return the name under which a file is imported."""
    words = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("kincap", *words[: -1 if words[-1] == "__init__" else None]))


def trees() -> Iterator[tuple[Path, ast.Module]]:
    """Yield each file of the code with its syntax tree."""
    for path in SOURCES:
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def imports() -> dict[str, set[str]]:
    """Return by file the files that it imports, at its top or inside a function."""
    names = {name_of(path) for path in SOURCES}
    found: dict[str, set[str]] = {}
    for path, tree in trees():
        package = name_of(path).split(".")
        package = package if path.name == "__init__.py" else package[:-1]
        targets = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = package[: len(package) - node.level + 1]
                module = ".".join([*base, *([node.module] if node.module else [])])
                inside = {f"{module}.{alias.name}" for alias in node.names}
                targets |= {name if name in names else module for name in inside}
        found[name_of(path)] = (targets & names) - {name_of(path)}
    return found
