"""Cue cards: their files, what is refused in one line, and their order in time."""

from itertools import pairwise
from pathlib import Path

import pytest

from kincap.capture.operator.cues import CueCard, CueDeck, deck_from_json, load_cues
from kincap.capture.simulator.performer.gestures import PAPER_GESTURES
from kincap.core.errors import KincapError

DECK = CueDeck("two", (CueCard("zoom", "pull", 4, 2), CueCard("draw", "", 3)), ready_s=1)


def test_the_deck_that_comes_with_kincap_has_the_papers_gestures() -> None:
    deck = load_cues("gestures")
    assert set(PAPER_GESTURES) <= {card.name for card in deck.cards}
    assert all(card.text for card in deck.cards)
    assert 120 < deck.seconds < 240


def test_cards_come_in_order_each_announced_before_it_begins() -> None:
    assert DECK.seconds == 14
    shown = []
    for tenth in range(140):
        moment = DECK.at(tenth / 10)
        assert moment is not None
        if not shown or shown[-1][:3] != (moment.card.name, moment.repetition, moment.is_on):
            shown.append((moment.card.name, moment.repetition, moment.is_on, moment.left_s))
    assert shown == [
        ("zoom", 1, False, 1), ("zoom", 1, True, 4), ("zoom", 2, False, 1), ("zoom", 2, True, 4),
        ("draw", 1, False, 1), ("draw", 1, True, 3),
    ]  # fmt: skip
    assert DECK.at(14) is None
    assert DECK.at(1e6) is None


def test_the_next_card_is_named() -> None:
    names = [DECK.at(second) for second in (0.5, 6, 11)]
    assert [moment and moment.next_name for moment in names] == ["zoom", "draw", ""]


def test_a_deck_may_go_round() -> None:
    first, second = DECK.at(0.5, again=True), DECK.at(14.5, again=True)
    assert first is not None
    assert second is not None
    assert (first.card, first.left_s) == (second.card, second.left_s)
    assert first.key != second.key
    keys = [moment.key for s in range(42) if (moment := DECK.at(s + 0.5, again=True))]
    changes = sum(one != other for one, other in pairwise(keys))
    assert changes == 3 * 6 - 1


def test_a_deck_travels_as_json() -> None:
    assert deck_from_json(DECK.to_json()) == DECK
    for bad in (None, [], {"cue": []}, {"cue": [{"name": 3}]}):
        with pytest.raises(KincapError, match="cues"):
            deck_from_json(bad)


BAD = {
    "": "0 tables [[cue]]; expected 1 to 200",
    "[[cue]\n": "not valid TOML",
    "cue = 3": "cue = 3; expected tables [[cue]]",
    "cue = [1]": "cue = [1]; expected tables [[cue]]",
    "tittle = 'x'\n[[cue]]\nname='a'": "unknown key 'tittle'; did you mean title?",
    "[[cue]]\ntext = 'x'": "cue 1: no name; every table needs one",
    "[[cue]]\nname = ' '": "cue 1: name is empty; expected a text",
    "[[cue]]\nname = 'a'\n[[cue]]\nname = 'b'\nzzz = 1": (
        "cue 2: unknown key 'zzz'; expected name, text, seconds, repetitions"
    ),
    "[[cue]]\nname = 'a'\nsecond = 4": "cue 1: unknown key 'second'; did you mean seconds?",
    '[[cue]]\nname = "a\\u001b[2J"': "expected a text on one line of at most 24 letters",
    "[[cue]]\nname = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'": "expected a text on one line of at most 24",
    "[[cue]]\nname = 7": "cue 1: name = 7; expected a text on one line",
    "[[cue]]\nname = 'a'\nseconds = 0": "seconds = 0; expected a number from 0.5 to 3600",
    "[[cue]]\nname = 'a'\nseconds = nan": "seconds = nan; expected a number from 0.5 to 3600",
    f"[[cue]]\nname = 'a'\nseconds = 1{'0' * 400}": "seconds = a very large number",
    "[[cue]]\nname = 'a'\nseconds = true": "seconds = True; expected a number",
    "[[cue]]\nname = 'a'\nrepetitions = 1.5": "repetitions = 1.5; expected a whole number from 1",
    "[[cue]]\nname = 'a'\nrepetitions = 0": "repetitions = 0; expected a whole number from 1",
    "ready_s = -1\n[[cue]]\nname = 'a'": "ready_s = -1; expected a number from 0 to 60",
}


@pytest.mark.parametrize("content", BAD)
def test_a_bad_file_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(KincapError) as refused:
        load_cues(str(file))
    message = str(refused.value)
    assert message.startswith(f"--cues {file}: ")
    assert BAD[content] in message
    assert message.isprintable()
    assert refused.value.exit_code == 2


def test_a_missing_or_huge_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KincapError, match=r"--cues none: No such file .* or gestures, which comes"):
        load_cues("none")
    with pytest.raises(KincapError, match="Is a directory"):
        load_cues(str(tmp_path))
    (tmp_path / "huge.toml").write_text("#" * (1 << 20) + "\n")
    with pytest.raises(KincapError, match="larger than 1 MiB"):
        load_cues(str(tmp_path / "huge.toml"))
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(KincapError, match="not valid TOML"):
        load_cues(str(tmp_path / "binary.toml"))


def test_a_file_of_the_same_name_comes_before_the_one_that_comes_with_kincap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("gestures").write_text("[[cue]]\nname = 'mine'\n")
    assert [card.name for card in load_cues("gestures").cards] == ["mine"]
