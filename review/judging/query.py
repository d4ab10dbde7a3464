"""The filter box of the page: words about frames, such as ``reason:spike speed>5 -tag:done``."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ...core.skeleton import KEYPOINT, KEYPOINT_NAMES
from ...dataset.filters import REASONS
from ...sessions.edits.journal import REJECT
from ...sessions.kinds import KINDS
from ..errors import BadRequestError
from .frame_facts import KEPT, FrameFacts

MOST_CHARACTERS: Final = 500
ALIASES: Final = {"spike": "outliers", "jump": "outliers", "swap": "side_swap"}
SPLIT_NAMES: Final = ("", "train", "val", "test")
IS: Final = ("kept", "dropped", "rejected", "moved", "suspect")
FIELDS: Final = ("reason", "keypoint", "cue", "tag", "take", "split", "is")
MEASURES: Final = (
    "speed", "error", "distance", "inferred", "people", "lag", "gap", "seq", "time", "score",
)  # fmt: skip
_COMPARE: Final[dict[str, Callable[[np.ndarray, float], np.ndarray]]] = {
    "<=": np.less_equal,
    ">=": np.greater_equal,
    "<": np.less,
    ">": np.greater,
    "=": np.equal,
}
_MEASURE: Final = re.compile(r"([a-z]+)(<=|>=|<|>|=)(-?[0-9]+(?:\.[0-9]*)?)")


@dataclass(frozen=True)
class QueryWord:
    """One word of a query.

    Attributes:
        name: A field or a measure.
        op: ":" or a comparison.
        value: What the field must be, or a number as text.
        negated: The word must not hold.
    """

    name: str
    op: str
    value: str
    negated: bool


def parse_query(text: str) -> tuple[QueryWord, ...]:
    """Return the words of a query.

    Raises:
        BadRequestError: A word is not one; names it and what is expected.
    """
    if len(text) > MOST_CHARACTERS:
        raise BadRequestError(f"query: more than {MOST_CHARACTERS} characters")
    return tuple(map(_parse_word, text.split()))


def _parse_word(text: str) -> QueryWord:
    negated = text.startswith("-") and len(text) > 1
    body = text[1:] if negated else text
    found = _MEASURE.fullmatch(body)
    if found:
        name, op, value = found.groups()
        if name not in MEASURES:
            raise BadRequestError(f"{name}: expected one of {', '.join(MEASURES)}")
        return QueryWord(name, op, value, negated)
    name, colon, value = body.partition(":")
    name = "keypoint" if name == "joint" else name
    if not colon or name not in FIELDS or not value:
        raise BadRequestError(
            f"{body[:40]}: expected {':, '.join(FIELDS)}: and a name, or a measure "
            f"({', '.join(MEASURES)}) with <, <=, >, >= or = and a number"
        )
    if name == "reason":
        value = ALIASES.get(value, value)
        if value not in REASONS and value not in KINDS:
            raise BadRequestError(
                f"reason:{value[:40]}: expected one of {', '.join(REASONS)}, or a kind of finding"
            )
    _check_names(name, value)
    return QueryWord(name, ":", value, negated)


def _check_names(name: str, value: str) -> None:
    """Refuse values that a field never has."""
    known: Sequence[str] = {
        "keypoint": KEYPOINT_NAMES,
        "split": SPLIT_NAMES[1:],
        "is": IS,
    }.get(name, ())
    if known and value not in known:
        raise BadRequestError(f"{name}:{value[:40]}: expected one of {', '.join(known)}")
    if name == "take" and not (value.isascii() and value.isdecimal()):
        raise BadRequestError(f"take:{value[:40]}: expected a whole number")


def find_frames(facts: FrameFacts, words: Sequence[QueryWord]) -> np.ndarray:
    """Return (F,) which frames all words of a query hold for."""
    named = [KEYPOINT[word.value] for word in words if word.name == "keypoint" and not word.negated]
    found = np.ones(len(facts), np.bool_)
    for word in words:
        holds = _holds(facts, word, named)
        found &= ~holds if word.negated else holds
    return found


def _holds(facts: FrameFacts, word: QueryWord, keypoints: list[int]) -> np.ndarray:
    if word.op != ":":
        with np.errstate(invalid="ignore"):
            values = _measure(facts, word.name, keypoints)
            return np.asarray(_COMPARE[word.op](values, float(word.value)))
    return _FIELD[word.name](facts, word.value, keypoints)


def _measure(facts: FrameFacts, name: str, keypoints: list[int]) -> np.ndarray:
    """Return (F,) values; NaN where nothing is known, which no comparison holds for."""
    own = keypoints or list(range(facts.states.shape[1]))
    no_one = np.zeros(len(facts), np.float32)
    if name == "speed":
        return _largest(facts.speed_m_s[:, own])
    if name == "error":
        return np.asarray(_largest(facts.error[:, own]) if len(facts.error) else no_one * np.nan)
    simple = {
        "distance": facts.distance_m,
        "inferred": (facts.states[:, own] == 1).sum(axis=1),
        "people": facts.people,
        "lag": facts.lag_ms,
        "gap": facts.missing,
        "seq": facts.seq,
        "time": facts.time_s,
        "score": facts.score,
    }
    return np.asarray(simple[name].astype(np.float64))


def _largest(values: np.ndarray) -> np.ndarray:
    known = np.isfinite(values)
    most = np.where(known, values, -np.inf).max(axis=1)
    return np.asarray(np.where(known.any(axis=1), most, np.nan))


def _reason(facts: FrameFacts, value: str, keypoints: list[int]) -> np.ndarray:
    if value == "edits":
        return np.asarray(facts.verdict == REJECT)
    found = np.zeros(len(facts), np.bool_)
    if value in facts.named:
        named = facts.named[value]
        found |= (named[:, keypoints] if keypoints else named).any(axis=1)
    if not keypoints:
        for known in (facts.failed, facts.findings):
            if value in known:
                found |= known[value]
    return found


def _keypoint(facts: FrameFacts, value: str, keypoints: list[int]) -> np.ndarray:
    """Return the frames in which anything is wrong with a keypoint."""
    place = KEYPOINT[value]
    return np.asarray(facts.untrusted[:, place] & (facts.people > 0))


def _cue(facts: FrameFacts, value: str, keypoints: list[int]) -> np.ndarray:
    wanted = [place for place, name in enumerate(facts.cues) if place and name == value]
    return np.isin(facts.cue, wanted)


def _tag(facts: FrameFacts, value: str, keypoints: list[int]) -> np.ndarray:
    found = np.zeros(len(facts), np.bool_)
    for tag, first, last in facts.tags:
        if tag != value:
            continue
        if first is None or last is None:
            found[:] = True
        else:
            found |= (facts.seq >= first) & (facts.seq <= last)
    return found


def _split(facts: FrameFacts, value: str, keypoints: list[int]) -> np.ndarray:
    if not len(facts.split):
        return np.zeros(len(facts), np.bool_)
    return np.asarray(facts.split == SPLIT_NAMES.index(value))


def _is(facts: FrameFacts, value: str, keypoints: list[int]) -> np.ndarray:
    if value == "kept":
        return np.asarray(facts.reason == KEPT)
    if value == "rejected":
        return np.asarray(facts.verdict == REJECT)
    if value == "moved":
        return np.asarray(facts.moved)
    if value == "suspect":
        return is_suspect(facts)
    return np.asarray((facts.reason != KEPT) & (facts.verdict != REJECT))


def is_suspect(facts: FrameFacts) -> np.ndarray:
    """Return (F,) frames that a person should look at: something odd or worse, not yet decided."""
    found = np.zeros(len(facts), np.bool_)
    for kind, frames in facts.local.items():
        if facts.severity[kind] > 1:
            found |= frames
    for name, named in facts.named.items():
        if name not in ("tracking", "edits", "no_body", "edge"):
            found |= named.any(axis=1)
    if len(facts.audit):
        found |= facts.audit > 0
    return np.asarray(found & (facts.verdict != REJECT))


_FIELD: Final[dict[str, Callable[[FrameFacts, str, list[int]], np.ndarray]]] = {
    "reason": _reason,
    "keypoint": _keypoint,
    "cue": _cue,
    "tag": _tag,
    "take": lambda facts, value, keypoints: facts.take == int(value),
    "split": _split,
    "is": _is,
}
