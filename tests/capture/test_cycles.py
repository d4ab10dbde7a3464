"""A small dose of ``tests.nightly cycles``: starts and stops of a held source let nothing grow."""

from .cycles import run


def test_starts_stops_and_idling_let_nothing_grow_and_every_item_is_counted() -> None:
    found = run(25, idle_s=30.0)
    assert found["failures"] == []
    assert found["stored"] + found["not_stored"] > found["idle_items"] >= 2 * 30 * 30
    assert set(found["growth_cycles"]) >= {"threads", "descriptors", "python_blocks"}
