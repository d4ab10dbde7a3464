"""The cue that was shown at each colour frame of a session, from its events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...sessions.schema import EventKind, Rows, read_cue
from ..kinect13.format import NAME_BYTES

NO_CUE: Final = ""
_MOST_CUES: Final = 2**16
"""Names that the column ``cue`` can point at, with that of no cue."""


@dataclass(frozen=True)
class ShownCues:
    """The cues of one session.

    Attributes:
        names: Names of its cues; entry 0 is empty: no cue.
        of_frame: (F,) index into ``names`` of each colour frame.
    """

    names: tuple[str, ...] = (NO_CUE,)
    of_frame: NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))

    def at(self, frames: NDArray[np.int64], cues: Sequence[str]) -> NDArray[np.intp]:
        """Return (N,) the cues of some colour frames as indices into ``cues``."""
        place = {name: index for index, name in enumerate(cues)}
        return np.array([place[name] for name in self.names])[self.of_frame[frames]]


def shown_cues(color: Rows, events: Rows) -> ShownCues:
    """Return the cue that was shown at each colour frame.

    A cue is shown from the frame that its event names to the next cue event, and at most to the
    end of the take.

    Args:
        color: (F,) rows of color_index, by seq.
        events: (E,) rows of events, in the order written.
    """
    cues = events[events["kind"] == EventKind.cue]
    if not len(cues) or not len(color):
        return ShownCues(of_frame=np.zeros(len(color), np.uint16))
    cues = cues[np.argsort(cues["seq_first"], kind="stable")]
    begun = np.array([_begun(text) for text in cues["text"].tolist()], dtype=object)
    last = np.searchsorted(cues["seq_first"], color["seq"], side="right") - 1
    is_shown = (last >= 0) & (cues["take"][last] == color["take"])
    names = (NO_CUE, *sorted({*begun[last[is_shown]]} - {NO_CUE})[: _MOST_CUES - 1])
    place = {name: index for index, name in enumerate(names)}
    number = np.array([place.get(name, 0) for name in begun])
    return ShownCues(names, np.where(is_shown, number[last], 0).astype(np.uint16))


def cue_names(sessions: Iterable[ShownCues]) -> tuple[str, ...]:
    """Return the names of the cues of all sessions, sorted; entry 0 is empty: no cue.

    Raises:
        DatasetError: There are more than the column can point at.
    """
    names = (NO_CUE, *sorted({name for one in sessions for name in one.names} - {NO_CUE}))
    if len(names) > _MOST_CUES:
        raise DatasetError(
            f"{len(names) - 1} different cues in the sessions; expected at most {_MOST_CUES - 1}: "
            "name fewer sessions with --sessions"
        )
    return names


def _begun(text: bytes) -> str:
    """Return the name of the cue that an event begins; "" if it ends one or can't be read."""
    cue = read_cue(text)
    if cue is None or not cue.begins:
        return NO_CUE
    name = cue.name
    return name.encode(errors="ignore")[:NAME_BYTES].decode(errors="ignore").strip()
