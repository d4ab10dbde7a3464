"""The data sets that a run learns from, as ``--data`` and ``--replay`` name them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import KincapError

MOST_WEIGHT: Final = 1000.0
_DATA: Final = re.compile(
    r"(?P<path>.+?)(?::(?P<weight>\d+(?:\.\d*)?|\.\d+))?(?:,rotation=(?P<turn>[^,:/\\]*))?", re.S
)
_REPLAY: Final = re.compile(r"(?P<path>.+):(?P<share>[^:/\\]*)", re.S)


@dataclass(frozen=True)
class DataChoice:
    """A data set that a run learns from.

    Attributes:
        path: A kinect13.h5.
        weight: How often a sample of it is drawn, against one of a set of weight 1.
        rotation_deg: Largest turn of its copies either way; None: that of the recipe.
        share: Its share of every batch, where it is rehearsed; None: it is mixed by weight.
    """

    path: Path
    weight: float = 1.0
    rotation_deg: float | None = None
    share: float | None = None


def parse_data(text: str, flag: str = "--data") -> DataChoice:
    """Return the choice of ``--data FILE[:WEIGHT][,rotation=DEGREES]``.

    The text of a file that exists is its name, whatever it ends with.

    Args:
        text: The value.
        flag: The flag that has it.

    Raises:
        KincapError: The weight or the rotation is not a possible number.
    """
    if Path(text).is_file():
        return DataChoice(Path(text))
    found = _DATA.fullmatch(text)
    if found is None:
        raise KincapError(f"{flag}: give a file")
    head, colon, rest = text.rpartition(":")
    if colon and found["path"] == text and Path(head).is_file():
        raise KincapError(
            f"{flag} {text}: {rest!r} is not a weight; give FILE:2, or FILE:1,rotation=30"
        )
    weight, turn = float(found["weight"] or 1), found["turn"]
    if not 0 < weight <= MOST_WEIGHT:
        raise KincapError(
            f"{flag} {text}: a weight is above 0 and at most {MOST_WEIGHT:g}, as FILE:2"
        )
    degrees = None if turn is None else _number(turn)
    if turn is not None and (degrees is None or not 0 <= degrees <= 180):
        raise KincapError(
            f"{flag} {text}: a rotation is 0 to 180 degrees, as FILE:{weight:g},rotation=30"
        )
    return DataChoice(Path(found["path"]), weight, degrees)


def parse_replay(text: str) -> DataChoice:
    """Return the choice of ``--replay FILE:SHARE``.

    Raises:
        KincapError: The share is missing, or not between 0 and 1.
    """
    found = _REPLAY.fullmatch(text)
    share = None if found is None else _number(found["share"])
    if found is None or share is None or not 0 < share < 1:
        raise KincapError(
            f"--replay {text}: give the share of every batch, between 0 and 1, as "
            "pretrain13.h5:0.25"
        )
    return DataChoice(Path(found["path"]), share=share)


def check_choices(choices: Sequence[DataChoice]) -> None:
    """Refuse data sets that can't be mixed.

    Raises:
        KincapError: One is given twice, or those that are rehearsed leave no room for the others.
    """
    seen: set[Path] = set()
    for one in choices:
        flag = "--data" if one.share is None else "--replay"
        # links are followed: a session that is learnt from twice weighs double unasked
        if one.path.resolve() in seen:
            raise KincapError(f"{flag}: {one.path} is given twice; give it once, with a weight")
        seen.add(one.path.resolve())
    total = sum(one.share or 0 for one in choices)
    if total >= 1:
        raise KincapError(
            f"--replay: the shares come to {total:g}, which leaves nothing of --data; give less"
        )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
