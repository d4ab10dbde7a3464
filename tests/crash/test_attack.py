"""The programme of hostile files: every area has attacks, and a bad outcome is counted as one."""

import pytest

from .attack import GOOD, MEMORY_LIMIT_MIB, WORKED, run_attack
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
    of_this_process = bytearray(b"x") * (MEMORY_LIMIT_MIB << 20)
    (held,) = run_attack("here", Attack("nothing", lambda folder: None, (("--version",),)))
    del of_this_process
    assert held.what == WORKED
    assert 5 < held.memory_mib < MEMORY_LIMIT_MIB, "the memory of the command, not of this process"
    (hung,) = run_attack("here", Attack("none", lambda folder: None, (("--version",),)), 0.0)
    assert (hung.what, hung.is_good) == ("hung", False)
