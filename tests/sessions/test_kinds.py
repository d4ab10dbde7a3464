"""The table of kinds: it is whole, and every part takes its kinds from it."""

import numpy as np
import pytest

from kincap.checks.body_checks import BODY_CHECKS
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
    assert set(BODY_CHECKS) <= set(KINDS)
    for check in BODY_CHECKS.values():
        text = check.text.format(seconds="1 s", count=2, share="3 %")
        assert "{" not in text
        assert np.isfinite([check.join_s, check.least_s, check.least]).all()
