"""Large letters fit the room they have, and are as large as it allows."""

import pytest

from kincap.capture.operator.terminal.block_letters import block_letters
from kincap.capture.operator.terminal.glyphs import GLYPHS, ROWS


def test_every_letter_has_seven_rows_of_one_width() -> None:
    for letter, rows in GLYPHS.items():
        assert len(rows) == ROWS, letter
        assert len({len(row) for row in rows}) == 1, letter
        assert set("".join(rows)) <= {"#", "."}, letter
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,:!?-_+=/()'\"&%*#") == set(GLYPHS)
    assert len(set(GLYPHS.values())) == len(GLYPHS)


def test_a_letter_is_drawn_as_its_dots() -> None:
    assert block_letters("L", 10, 7) == ["██"] * 6 + ["██████████"]
    assert block_letters("L", 9, 7) == ["█", "█", "█", "▀▀▀▀▀"]
    assert block_letters("L", 10, 7, ascii_only=True) == ["##"] * 6 + ["##########"]


@pytest.mark.parametrize(("width", "height"), [(200, 50), (100, 30), (80, 24), (60, 12), (40, 8)])
def test_letters_fit_and_grow_with_the_room(width: int, height: int) -> None:
    lines = block_letters("rotate", width, height)
    assert 4 <= len(lines) <= height
    assert max(map(len, lines)) <= width
    larger = block_letters("rotate", 2 * width, 2 * height)
    assert len(larger) >= len(lines)


def test_words_go_on_a_line_of_their_own_where_they_need_it() -> None:
    one, two = block_letters("hands up", 110, 20), block_letters("hands up", 70, 20)
    assert len(one) == 7
    assert len(two) == 15
    assert two[7] == ""


def test_accents_are_left_out_and_other_scripts_are_not_drawn() -> None:
    assert block_letters("Größe é", 200, 20) == block_letters("GROSSE E", 200, 20)
    assert block_letters("рука", 200, 20) == []


def test_what_does_not_fit_is_not_drawn() -> None:
    assert block_letters("rotate", 20, 20) == []
    assert block_letters("rotate", 80, 3) == []
    assert block_letters("  ", 80, 20) == []
