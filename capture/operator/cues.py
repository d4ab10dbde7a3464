"""Cue cards: what the person is asked to do, read from TOML, and their order in time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from .toml_tables import Table, read_toml

READY_S: Final = 2.0
"""Seconds for which a card is shown before it begins, where the file gives no other number."""
_MOST_CARDS: Final = 200
_NAME_LETTERS: Final = 24
_TEXT_LETTERS: Final = 120


@dataclass(frozen=True)
class CueCard:
    """One thing that the person is asked to do.

    Attributes:
        name: Short; shown in large letters and stored in events.
        text: How it is done.
        seconds: For how long it is done each time.
        repetitions: How often.
    """

    name: str
    text: str = ""
    seconds: float = 5.0
    repetitions: int = 1


@dataclass(frozen=True)
class CueMoment:
    """The card that is shown at a moment.

    Attributes:
        card: The card.
        number: Its number, from 1.
        repetition: Which repetition it is, from 1.
        is_on: It is being done; False: it is shown so that the person gets ready.
        left_s: Seconds until this is over.
        next_name: Name of the card after it; "" after the last one.
        round: How often the whole deck has been gone through before.
    """

    card: CueCard
    number: int
    repetition: int
    is_on: bool
    left_s: float
    next_name: str
    round: int = 0

    @property
    def key(self) -> tuple[int, int, int, bool]:
        """Round, card, repetition and phase; another key is another moment of the deck."""
        return self.round, self.number, self.repetition, self.is_on


@dataclass(frozen=True)
class CueDeck:
    """Cards in the order in which they are shown.

    Attributes:
        title: Of the whole deck.
        cards: One or more.
        ready_s: For how long a repetition is announced before it begins, seconds.
    """

    title: str
    cards: tuple[CueCard, ...]
    ready_s: float = READY_S

    @cached_property
    def seconds(self) -> float:
        """Length of the whole deck."""
        return sum((self.ready_s + card.seconds) * card.repetitions for card in self.cards)

    def at(self, elapsed_s: float, *, again: bool = False) -> CueMoment | None:
        """Return the card that is shown at a moment.

        Args:
            elapsed_s: Seconds of recording, >= 0; a pause does not count.
            again: Begin anew after the last card.

        Returns:
            The card; None after the last one.
        """
        rounds, within_s = divmod(elapsed_s, self.seconds)
        if rounds and not again:
            return None
        for number, card, repetition, next_name in self._turns():
            for is_on, seconds in ((False, self.ready_s), (True, card.seconds)):
                if within_s < seconds:
                    left_s = seconds - within_s
                    return CueMoment(
                        card, number, repetition, is_on, left_s, next_name, int(rounds)
                    )
                within_s -= seconds
        return None

    def _turns(self) -> Iterator[tuple[int, CueCard, int, str]]:
        """Give number, card, repetition and the name of the next card, of each repetition."""
        names = [card.name for card in self.cards[1:]] + [""]
        for number, (card, after) in enumerate(zip(self.cards, names, strict=True), start=1):
            for repetition in range(1, card.repetitions + 1):
                is_last = repetition == card.repetitions
                yield number, card, repetition, after if is_last else card.name

    def to_json(self) -> dict[str, Any]:
        """Return the deck as ``deck_from_json`` takes it."""
        cards = [dict(vars(card)) for card in self.cards]
        return {"title": self.title, "ready_s": self.ready_s, "cue": cards}


def load_cues(name: str) -> CueDeck:
    """Read a file of cue cards.

    Args:
        name: A TOML file, or the name of one that comes with kincap ("gestures").

    Raises:
        KincapError: It can't be read, or something in it makes no sense (exit 2).
    """
    return _deck(read_toml("--cues", name, "cues"))


def deck_from_json(kept: Any) -> CueDeck:
    """Return the deck that ``to_json`` gave.

    Raises:
        KincapError: Something in it makes no sense (exit 2).
    """
    return _deck(Table("cues", kept if isinstance(kept, dict) else {}))


def _deck(table: Table) -> CueDeck:
    """Return the deck of a table, checked."""
    table.only("title", "ready_s", "cue")
    return CueDeck(
        title=table.text("title", 60, ""),
        ready_s=table.number("ready_s", 0, 60, READY_S),
        cards=tuple(_card(one) for one in table.tables("cue", 1, _MOST_CARDS)),
    )


def _card(table: Table) -> CueCard:
    """Return the card of a table, checked."""
    table.only("name", "text", "seconds", "repetitions")
    return CueCard(
        name=table.text("name", _NAME_LETTERS),
        text=table.text("text", _TEXT_LETTERS, ""),
        seconds=table.number("seconds", 0.5, 3600, 5.0),
        repetitions=table.whole("repetitions", 1, 1000, 1),
    )
