"""The words that name a person's recordings, and their search and removal in texts and JSON."""

import html
import json
import mmap
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from ...core.skeleton import KEYPOINT_NAMES
from ..kinect13.format import SPLITS

FORGOTTEN: Final = "(forgotten)"
"""Replaces a word in a text that stays."""
_KEYS: Final = frozenset((*SPLITS, *KEYPOINT_NAMES))
"""Keys of counts that stay, whatever a person's session is called."""
_FEWEST_LETTERS: Final = 3
_WORD: Final = rb"A-Za-z0-9_\-"


@dataclass(frozen=True)
class Words:
    """The names of a person and of their recordings.

    Attributes:
        subject: The person, as in session.json.
        uuids: Of the sessions.
        names: Names and outfits of the sessions that no other session of a data set has: they are
            removed from texts that stay, and not searched for, since others may use them again.
    """

    subject: str
    uuids: frozenset[str]
    names: frozenset[str] = field(default_factory=frozenset)

    @property
    def is_distinct(self) -> bool:
        """Return True if the subject can be searched for as a word of any text."""
        letters = sum(letter.isalnum() for letter in self.subject)
        return letters >= _FEWEST_LETTERS and not self.subject.isdecimal()

    def found_in(self, raw: bytes | mmap.mmap, *, is_text: bool) -> str | None:
        """Return what a file's bytes name: "the subject", "the uuid of a session", or None.

        Args:
            raw: The bytes.
            is_text: Whether to look for the subject too; in pixels it would be found by chance.
        """
        if self._uuids is not None and self._uuids.search(raw):
            return "the uuid of a session"
        if is_text and self._subject.search(raw):
            return "the subject"
        return None

    def names_subject(self, text: str) -> bool:
        """Return True if a file's name has the subject or a uuid as a word."""
        return self.found_in(
            text.encode(errors="surrogateescape"), is_text=self.is_distinct
        ) is not (None)

    @cached_property
    def _uuids(self) -> re.Pattern[bytes] | None:
        """The uuids as a pattern."""
        parts = [re.escape(uuid.encode()) for uuid in sorted(self.uuids) if uuid]
        return re.compile(b"|".join(parts)) if parts else None

    @cached_property
    def _subject(self) -> re.Pattern[bytes]:
        """The subject as a pattern, in all the ways that files spell it."""
        if not self.is_distinct:
            # "1" is in every file: count a whole quoted value alone
            quoted = {json.dumps(self.subject), json.dumps(self.subject, ensure_ascii=False)}
            return re.compile(b"|".join(re.escape(one.encode()) for one in sorted(quoted)))
        return _word_pattern(_spellings(self.subject))

    def removed_from_bytes(self, raw: bytes) -> bytes:
        """Return a text with all words replaced by ``FORGOTTEN``."""
        if self._uuids is not None:
            raw = self._uuids.sub(FORGOTTEN.encode(), raw)
        words = [self.subject] if self.is_distinct else []
        words += [name for name in self.names if len(name) >= _FEWEST_LETTERS]
        spelled = [one for word in words for one in _spellings(word)]
        return _word_pattern(spelled).sub(FORGOTTEN.encode(), raw) if spelled else raw

    def removed_from(self, value: Any) -> Any:
        """Return a JSON value without the words.

        Entries of lists that name them are left out, and keys of objects; a word in another text
        becomes ``FORGOTTEN``.
        """
        if isinstance(value, dict):
            return {
                key: self.removed_from(item)
                for key, item in value.items()
                if key in _KEYS or not self._is(key)
            }
        if isinstance(value, list | tuple):
            return [self.removed_from(item) for item in value if not self._holds(item)]
        if isinstance(value, str):
            if self._is(value):
                return FORGOTTEN
            return self.removed_from_bytes(value.encode()).decode()
        return value

    def _is(self, text: str) -> bool:
        """Return True if a whole text is one of the words."""
        return text in self.uuids or text in self.names or text == self.subject

    def _holds(self, value: Any) -> bool:
        """Return True if a value is one of the words or has one as a value of its own."""
        if isinstance(value, dict):
            return any(map(self._holds, value.values()))
        if isinstance(value, list | tuple):
            return any(map(self._holds, value))
        return isinstance(value, str) and self._is(value)


def _spellings(word: str) -> list[bytes]:
    """Return a word as UTF-8, as JSON and HTML escape it, the longest first."""
    texts = {word, html.escape(word), json.dumps(word)[1:-1]}
    return sorted((text.encode() for text in texts), key=len, reverse=True)


def _word_pattern(words: Iterable[bytes]) -> re.Pattern[bytes]:
    """Return a pattern of whole words."""
    inside = b"|".join(map(re.escape, words))
    return re.compile(
        b"(?<![" + _WORD + b"\x80-\xff])(?:" + inside + b")(?![" + _WORD + b"\x80-\xff])"
    )
