"""The folders hold what they should: packages listed, few files each, tests beside their code."""

import ast
import subprocess
import tomllib
from collections import Counter, defaultdict
from pathlib import Path

from tests.house.sources import PARTS, ROOT, SOURCES, trees

MOST_FILES = 17
"""Files in a folder, tests not counted; about 15 is the aim."""
MOST_PAGES = 24
"""Files in docs/."""
PICTURES = {".svg", ".png", ".jpg"}
"""A page's picture is not another page."""
TESTS_OF_NO_PART = {"house", "crash"}
"""Folders of tests that are about all parts."""


def _in_version_control() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in map(Path, done.stdout.splitlines()) if (ROOT / path).exists()]


def test_every_folder_with_code_is_a_listed_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = settings["tool"]["setuptools"]["packages"]
    found = {"kincap"} | {
        ".".join(("kincap", *path.parent.relative_to(ROOT).parts)) for path in SOURCES
    }
    assert sorted(listed) == sorted(found)


def test_every_package_folder_has_an_init() -> None:
    assert [p.parent for p in SOURCES if not (p.parent / "__init__.py").is_file()] == []


def test_every_part_is_on_a_floor() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contract = settings["tool"]["importlinter"]["contracts"][0]
    floors = [
        {name.strip(" ()").removeprefix("kincap.") for name in floor.split("|")}
        for floor in contract["layers"]
    ]
    assert sorted(set().union(*floors)) == sorted(PARTS)
    assert [floor for floor in floors if len(floor) > 1] == [{"dataset", "capture"}]


def test_no_folder_holds_too_many_files() -> None:
    counts = Counter(
        path.parent.as_posix()
        for path in _in_version_control()
        if not (path.parts[0] == "tests" and path.name.startswith("test_"))
        and path.suffix not in PICTURES
    )
    assert counts["core"] > 5
    assert counts.pop("docs") <= MOST_PAGES
    assert {folder: n for folder, n in counts.items() if n > MOST_FILES} == {}


def test_tests_are_in_the_folder_named_as_that_of_their_code() -> None:
    tested = {
        path.parent.relative_to("tests")
        for path in _in_version_control()
        if path.parts[0] == "tests" and path.name.startswith("test_")
    }
    parts = {folder.parts[0] for folder in tested if folder.parts}
    there = {part for part in PARTS if (ROOT / part).is_dir()}
    assert parts == there | TESTS_OF_NO_PART
    strays = [
        folder
        for folder in tested
        if folder.parts[:1] != ()
        and folder.parts[0] not in TESTS_OF_NO_PART
        and not (ROOT / folder).is_dir()
    ]
    assert strays == []


def test_no_two_classes_have_one_name() -> None:
    places = defaultdict(list)
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path.relative_to(ROOT)))
    assert len(places) > 100
    assert {name: found for name, found in places.items() if len(found) > 1} == {}
