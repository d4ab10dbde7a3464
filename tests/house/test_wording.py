"""Texts that a reader sees are plain English, without the habits of ``wording.PATTERNS``.

To see them all: ``python -m tests.house.wording [FILE OR FOLDER ...]``.
"""

from pathlib import Path

import pytest

from tests.house.wording import PLACES, ROOT, Text, find, habits_under, texts

BAD = (
    ("title", "What a shard holds"),
    ("title", "How it is measured"),
    ("docstring", "What a recorder tells a process: which items it wrote."),
    ("docstring", "Where everything lies in a shard."),
    ("docstring", "Say whether a take may begin."),
    ("comment", "the next one says whether it was cut"),
    ("message", "CODE: is no JSON"),
    ("comment", "a torn last line is no damage"),
    ("message", "CODE stands there twice"),
    ("prose", "The truth stands beside the session."),
    ("prose", "What was recorded lies in one folder."),
    ("comment", "the files lie there"),
    ("prose", "Verify tells of damage."),
    ("prose", "The person has been told of it."),
    ("docstring", "So many findings are printed."),
    ("prose", "End after so many seconds."),
    ("prose", "It lasts at least so long."),
    ("comment", "nobody writes it any more"),
    ("message", "is somebody in front of the sensor?"),
    ("prose", "Every command leaves with 0 done, 1 failed."),
    ("comment", "zeros behind the last row"),
    ("message", "unexpected data behind seq 12"),
    ("docstring", "Draw the hand that is held before the chest."),
    ("docstring", "Read what really was in the picture."),
    ("prose", "NaN speaks for nothing."),
    ("docstring", "At a guess, this much may be left; and at the last one:"),
    ("docstring", "... and then one for each hundred items."),
)
GOOD = (
    ("title", "Shard contents"),
    ("title", "What now?"),
    ("docstring", "When no row comes for 3 s, the last picture waits for none."),
    ("docstring", "Return True if a take may begin."),
    ("prose", "There is no sensor; there has been no frame; there are no rows."),
    ("prose", "It is no longer held, and is no more than 2 s old."),
    ("prose", "A person who stands three metres away; zeros stand for lost bytes."),
    ("prose", "The wrist lies outside the box, and the box lies between two others."),
    ("prose", "So many frames were lost that the take ended; so much later; so long as it runs."),
    ("prose", "The recorder is behind the sensor and falls behind."),
    ("prose", "It is read before the sensor starts and after the last row."),
    ("prose", "CODE is a name in code: nothing in it is looked at."),
    ("prose", "It exits with 0 on success and leaves the file as it was."),
)


@pytest.mark.parametrize(("kind", "words"), BAD)
def test_each_habit_is_found(kind: str, words: str) -> None:
    assert list(find(Text(ROOT, 1, kind, words)))


@pytest.mark.parametrize(("kind", "words"), GOOD)
def test_usual_wording_is_left_alone(kind: str, words: str) -> None:
    assert [str(habit.pattern.name) for habit in find(Text(ROOT, 1, kind, words))] == []


def test_texts_are_taken_from_code_by_what_they_are(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        '"""First line.\n\nSecond\nparagraph.\n"""\n'
        "nobody = 1  # a comment\n"
        "# of two\n# lines\n"
        'LIMIT = 2\n"""A limit."""\n'
        'text = f"one {nobody} two" "single"\n'
        'key = {"nobody": 1}\n',
        encoding="utf-8",
    )
    page = tmp_path / "page.md"
    page.write_text("# A title\n\n```\ncode\n```\nOne `nobody`\nline.\n- next\n", encoding="utf-8")
    assert [(text.line, text.kind, text.words) for text in texts(code)] == [
        (1, "docstring", "First line."),
        (3, "prose", "Second paragraph."),
        (10, "docstring", "A limit."),
        (11, "message", "one CODE twosingle"),
        (6, "comment", "a comment"),
        (7, "comment", "of two lines"),
    ]
    assert [(text.line, text.kind, text.words) for text in texts(page)] == [
        (1, "title", "A title"),
        (6, "prose", "One CODE line."),
        (8, "prose", "- next"),
    ]


def test_no_text_has_a_habit() -> None:
    habits = habits_under(*(ROOT / place for place in PLACES))
    assert [str(habit) for habit in habits] == []
