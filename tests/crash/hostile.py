"""What a file may say that kincap never wrote: strategies of hypothesis, and sessions to put it in.

Small files carry a checksum of their own, which whoever makes one can make too: everything here
holds it, so that only the reader's own care is left.
"""

import hashlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st

from kincap.core.errors import KincapError
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import TABLES, finish_rows

from . import reading

MOST_MEMORY = 96 << 20
"""Bytes that reading a hostile session of half a MiB may take at its peak."""

NUMBERS = st.one_of(
    st.integers(-2, 20),
    st.sampled_from(
        [2**31, 2**32 - 1, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), 10**30]
    ),
    st.floats(),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["", "color", "bodies", "000000.h5", "../../x.h5", "/etc/passwd", "\0", "é\ud800"]
    ),
    st.text(max_size=8),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)
DEEP = "[" * 100_000


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value inside a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in inner:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places_in(item, (*path, key))


@st.composite
def changed(draw: Callable[..., Any], content: dict[str, Any]) -> dict[str, Any]:
    """Draw a copy of a JSON object in which one to three values are others, gone, or new."""
    copy = json.loads(json.dumps(content))
    for _ in range(draw(st.integers(1, 3))):
        spots = list(places_in(copy))
        if not spots:
            break
        path = draw(st.sampled_from(spots))
        holder = copy
        for key in path[:-1]:
            holder = holder[key]
        how = draw(st.sampled_from(["other", "other", "other", "gone", "new"]))
        if how == "gone":
            del holder[path[-1]]
        elif how == "new" and isinstance(holder, dict):
            holder[draw(TEXTS)] = draw(VALUES)
        else:
            holder[path[-1]] = draw(VALUES)
    return copy


def signed(content: dict[str, Any], *, lines: bool) -> bytes:
    """Return an object as a file with a checksum that holds; NaN and infinities stand in it."""
    text = json.dumps(content or {"nothing": 0}, indent=1 if lines else None)
    body = text.removesuffix("\n}" if lines else "}").encode(errors="surrogatepass")
    head, end = (',\n "checksum": "', '"\n}\n') if lines else (', "checksum": "', '"}\n')
    return body + head.encode() + hashlib.sha256(body).hexdigest().encode() + end.encode()


@dataclass(frozen=True)
class AnyRows:
    """Rows of any bytes at all whose checksums hold.

    Attributes:
        table: Their table.
        seed: Of their bytes.
        extremes: Fields in which every row has this value, as far as it fits.
    """

    table: str
    seed: int
    extremes: dict[str, int]

    def make(self, count: int, *, rising: bool = False) -> np.ndarray:
        """Return (count,) of the table's type; ``rising``: seqs rise, as a writer asks for."""
        dtype = TABLES[self.table]
        raw = bytearray(np.random.default_rng(self.seed).bytes(count * dtype.itemsize))
        rows = np.frombuffer(raw, dtype)
        for name, value in self.extremes.items():
            if name in (dtype.names or ()) and dtype[name].base.kind in "ui":
                limits = np.iinfo(dtype[name].base)
                rows[name] = min(max(value, int(limits.min)), int(limits.max))
        if rising and "seq" in (dtype.names or ()):
            rows["seq"] = np.sort(rows["seq"]) // 2 + np.arange(count, dtype=np.uint64)
        return finish_rows(rows)


def any_rows(table: st.SearchStrategy[str] | str) -> st.SearchStrategy[AnyRows]:
    """Return a strategy of rows of a table."""
    names = sorted({name for dtype in TABLES.values() for name in dtype.names or ()})
    extremes = st.dictionaries(
        st.sampled_from(names),
        st.sampled_from([0, 1, 2, 3, 17, 32, 37, 255, 2**32, 2**63 - 1, 2**63, 2**64, -(2**63)]),
        max_size=5,
    )
    of = table if isinstance(table, st.SearchStrategy) else st.just(table)
    return st.builds(AnyRows, of, st.integers(0, 2**32), extremes)


@contextmanager
def little_memory() -> Iterator[None]:
    """See that no more memory is used than so little data can need."""
    before = _peak_bytes()
    yield
    more = _peak_bytes() - before
    assert more < MOST_MEMORY, f"{more >> 20} MiB for a session of half a MiB"


def _peak_bytes() -> int:
    """Return the most memory that this process ever had; 0 where nobody says."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def read_everything(recordings: Path, name: str) -> None:
    """Read, verify, show, play, review, repair and read a session again: no traceback, ever."""
    folder = recordings / name
    with little_memory():
        said = _refusal(folder)
        assert said is None or (name in said and "\n" not in said), said
        reading.content(folder)
        reading.replay(folder)
        verify_session(folder)
        for _said in reading.look(recordings, name):
            pass
        reading.review(recordings, name)
        reading.kincap("sessions", "repair", name, "--recordings", recordings)
        _refusal(folder)
        verify_session(folder)


def _refusal(folder: Path) -> str | None:
    """Return how the reader refuses a session, or None."""
    try:
        reading.items(folder)
    except KincapError as error:
        return str(error)
    return None


def copy_of(whole: Path, recordings: Path) -> Path:
    """Return a fresh copy of a session in an empty folder of sessions."""
    shutil.rmtree(recordings, ignore_errors=True)
    return Path(shutil.copytree(whole, recordings / whole.name))
