"""The programme of hostile files: every area has attacks, and a bad outcome is counted as one."""

import pytest

from .attack import GOOD, WORKED, run_attack
from .attacks import Attack, areas

AREAS = dict(areas())


@pytest.mark.parametrize("area", AREAS)
def test_each_area_has_attacks_of_distinct_names_that_are_held(area: str) -> None:
    attacks = AREAS[area]
    assert len({attack.name for attack in attacks}) == len(attacks) > 0
    first = attacks[0]._replace(commands=attacks[0].commands[:1])
    (outcome,) = run_attack(area, first)
    assert outcome.what in GOOD, str(outcome)


def test_a_hang_is_told_from_work() -> None:
    (held,) = run_attack("here", Attack("nothing", lambda folder: None, (("--version",),)))
    assert held.what == WORKED
    (hung,) = run_attack("here", Attack("none", lambda folder: None, (("--version",),)), 0.0)
    assert (hung.what, hung.is_good) == ("hung", False)
