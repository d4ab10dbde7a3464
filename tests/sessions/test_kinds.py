"""The table of kinds: it is whole, and every part takes its kinds from it."""

import re
from pathlib import Path

import numpy as np
import pytest

from kincap.checks.filters.registry import FILTERS
from kincap.sessions.kinds import KINDS, SEVERITIES, EventKind


def test_every_kind_of_event_has_one_row_with_its_number() -> None:
    numbers = {name: kind.number for name, kind in KINDS.items() if kind.number is not None}
    assert numbers == {kind.name: int(kind) for kind in EventKind}
    assert len(set(numbers.values())) == len(numbers)


@pytest.mark.parametrize("name", KINDS)
def test_a_row_has_a_text_and_a_known_severity(name: str) -> None:
    kind = KINDS[name]
    assert kind.name == name
    assert kind.severity in SEVERITIES
    assert len(kind.text) > 10
    assert kind.text[0].islower()
    assert (kind.unit == "lost") == name.startswith("drop_")


def test_every_check_of_bodies_has_a_kind_and_names_joints_of_the_body() -> None:
    checks = {name: one for name, one in FILTERS.items() if one.text}
    assert set(checks) <= set(KINDS)
    for check in checks.values():
        text = check.text.format(seconds="1 s", count=2, share="3 %")
        assert "{" not in text
        assert np.isfinite([check.join_s, check.least_s, check.least]).all()


DOCS = Path(__file__).resolve().parents[2] / "docs"
REPORTED = set(KINDS) - {"take_start"}


def _code(text: str) -> list[str]:
    """Return the words set as code."""
    return re.findall(r"`(\w+)`", text)


def test_the_page_about_recordings_describes_every_kind_with_its_severity() -> None:
    page = (DOCS / "recording.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (poor|grave|odd|usual) \| (.*) \|$", page, re.MULTILINE)
    listed = {severity: set(_code(kinds)) for severity, kinds in rows}
    assert listed == {
        severity: {name for name in REPORTED if KINDS[name].severity == severity}
        for severity in SEVERITIES
    }
    weightless = page.split("Build gives weight 0 to rows")[1].split("\n\n")[0]
    assert set(_code(weightless)) == {name for name in KINDS if KINDS[name].wrong_labels}
    described = {
        name
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith(tuple(f"| {s} |" for s in SEVERITIES))
        for name in _code("|".join(line.split("|")[1:3]))
    }
    assert described & REPORTED == REPORTED - UNDESCRIBED


UNDESCRIBED = {"write_failed", "warning", "drop_encoder", "drop_source", "drop_damaged"}
"""Events whose own text explains them; docs/format.md lists them."""


def test_the_format_page_lists_every_kind() -> None:
    page = (DOCS / "format.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"A finding's kind is(.*?)\n\n", page, re.DOTALL)
    findings = {name for name, kind in KINDS.items() if kind.number is None}
    assert set(_code(listed)) == findings
    for name, kind in KINDS.items():
        if kind.number is not None:
            assert f"| `{name}` | {kind.number} |" in page
