"""A data set without the rows of some sessions: written anew, compared, put in its place."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import tomli_w
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.files.file_io import FileIO
from ..kinect13.format import LAYOUTS, OPTIONAL, Field, ImageShape, Meta, tables_of
from ..kinect13.reader import Kinect13, Split, open_kinect13
from ..kinect13.writer import create_kinect13
from .words import Words

MAKING: Final = ".forgetting"
"""Ending of the new data set until it is whole."""
PLACEHOLDER: Final = "forgotten"
"""Name of a session that was forgotten: other rows keep their numbers in the column ``session``."""
_ROWS_AT_ONCE: Final = 128
_NAMES_SESSIONS: Final = ("sessions", "split")
"""Settings that name sessions, outfits or subjects."""


@dataclass(frozen=True)
class RowsOfPerson:
    """The rows of a person in one data set.

    Attributes:
        path: The data set.
        sessions: Indices of the person's sessions in ``meta/sessions``.
        uuids: Their uuids.
        names: Their names, and outfits that no other session of the data set has.
        rows: The person's rows.
        total: All rows.
    """

    path: Path
    sessions: tuple[int, ...]
    uuids: frozenset[str]
    names: frozenset[str]
    rows: int
    total: int


def rows_of_person(path: Path, words: Words) -> RowsOfPerson | None:
    """Return the rows of a person in a data set; None where it knows nothing of the person.

    Args:
        path: The data set.
        words: The person.

    Raises:
        DatasetError: It is not a data set, or is damaged.
    """
    with open_kinect13(path, layouts=LAYOUTS) as dataset:
        sources = {str(one.get("session")): one for one in dataset.meta.sources}
        theirs = {
            index: sources.get(name, {})
            for index, name in enumerate(dataset.meta.sessions)
            if _is_theirs(sources.get(name, {}), words)
        }
        if not theirs:
            return None
        others = [one for name, one in sources.items() if not _is_theirs(one, words)]
        names = {str(one[key]) for one in theirs.values() for key in ("session", "outfit")
                 if one.get(key)}  # fmt: skip
        names -= {str(one.get(key)) for one in others for key in ("session", "outfit")}
        counts = [_mask(dataset.split(name), theirs).sum() for name in dataset.splits]
        return RowsOfPerson(
            path=path,
            sessions=tuple(theirs),
            uuids=frozenset(str(one["uuid"]) for one in theirs.values() if one.get("uuid")),
            names=frozenset(names),
            rows=int(sum(counts)),
            total=sum(len(dataset.split(name)) for name in dataset.splits),
        )


def _is_theirs(source: Mapping[str, Any], words: Words) -> bool:
    """Return True if a source of a data set is a session of the person."""
    return source.get("uuid") in words.uuids or source.get("subject") == words.subject


def _mask(split: Split, sessions: Any) -> NDArray[np.bool_]:
    """Return (N,) which rows belong to some sessions."""
    return np.isin(split.session, np.fromiter(sessions, np.int64))


def remove_rows(found: RowsOfPerson, words: Words, io: FileIO) -> None:
    """Write a data set anew without a person's rows; the other rows stay bit for bit.

    Args:
        found: The person's rows.
        words: The person.
        io: File handling.

    Raises:
        DatasetError: It does not read back as it should (exit 1); the old file is as it was.
        OSError: The disk is full.
    """
    new = found.path.with_name(found.path.name + MAKING)
    io.discard(new)
    words = replace(words, uuids=words.uuids | found.uuids, names=words.names | found.names)
    try:
        with open_kinect13(found.path, layouts=LAYOUTS) as dataset:
            kept = {
                name: np.flatnonzero(~_mask(dataset.split(name), found.sessions))
                for name in dataset.splits
            }
            _write(new, dataset, kept, _meta(dataset, found, kept, words), io)
            _compare(new, dataset, kept)
        io.rename(new, found.path)
    except BaseException:
        io.discard(new)
        raise


def _shape(dataset: Kinect13) -> ImageShape:
    """Return the shape of a data set's images, masks included."""
    masks = all(dataset.split(name).has_masks for name in dataset.splits)
    return replace(dataset.image_shape, masks=masks)


def _tables(dataset: Kinect13) -> dict[str, Field]:
    """Return the tables of a data set, those that only some have included."""
    splits = [dataset.split(name) for name in dataset.splits]
    there = [{name for name in OPTIONAL if getattr(one, name) is not None} for one in splits]
    return tables_of(dataset.meta.skeleton, dataset.image_shape, there)


def _write(
    path: Path, dataset: Kinect13, kept: Mapping[str, NDArray[np.intp]], meta: Meta, io: FileIO
) -> None:
    """Write the rows that are kept, in their order."""
    shape = _shape(dataset)
    fields = _tables(dataset)
    columns = {
        name: {field: getattr(dataset.split(name), field)[rows] for field in fields}
        for name, rows in kept.items()
    }
    places = create_kinect13(path, shape, columns, meta, io)
    fd = io.open_write(path)
    try:
        for name, rows in kept.items():
            for what, begin, block in _blocks(dataset.split(name), rows, shape):
                at = places[f"{name}/{what}"] + begin * block[0].nbytes
                io.write_at(fd, block.reshape(-1).data, at)
        io.sync(fd)
    finally:
        io.close(fd)


def _blocks(
    split: Split, rows: NDArray[np.intp], shape: ImageShape
) -> Iterator[tuple[str, int, NDArray[np.uint8]]]:
    """Yield the pixels of rows: which dataset, the first row's number, and the rows."""
    for what in shape.pixel_datasets:
        for begin in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[begin : begin + _ROWS_AT_ONCE]
            is_mask = what == "masks"
            yield what, begin, split.masks(some, wide=True) if is_mask else split.wide_images(some)


def _compare(path: Path, old: Kinect13, kept: Mapping[str, NDArray[np.intp]]) -> None:
    """Compare every row of the new data set with its row in the old one."""
    shape = _shape(old)
    with open_kinect13(path, layouts=LAYOUTS) as new:
        for name, rows in kept.items():
            before, after = old.split(name), new.split(name)
            for field in _tables(old):
                if getattr(before, field)[rows].tobytes() != getattr(after, field).tobytes():
                    raise _wrong(path, f"{name}/{field}")
            pairs = zip(
                _blocks(before, rows, shape),
                _blocks(after, np.arange(len(rows)), shape),
                strict=True,
            )
            for (what, begin, one), (_, _, other) in pairs:
                if not np.array_equal(one, other):
                    raise _wrong(path, f"{name}/{what} from row {begin}")


def _wrong(path: Path, what: str) -> DatasetError:
    """Return the error of a file that came out otherwise than it was written."""
    return DatasetError(
        f"{path}: {what} reads back otherwise than written; the old data set is as it was; check "
        "the disk and run it again",
        exit_code=1,
    )


def _meta(
    dataset: Kinect13, found: RowsOfPerson, kept: Mapping[str, NDArray[np.intp]], words: Words
) -> Meta:
    """Return the description of the new data set."""
    meta = dataset.meta
    free = (f"{PLACEHOLDER}-{n}" for n in range(1, len(meta.sessions) * 2 + 2))
    unused = (name for name in free if name not in meta.sessions)
    placeholders = {index: next(unused) for index in found.sessions}
    sessions = tuple(placeholders.get(index, name) for index, name in enumerate(meta.sessions))
    theirs = {meta.sessions[index]: placeholders[index] for index in found.sessions}
    sources = [
        {"session": theirs[one["session"]], "forgotten": True}
        if one.get("session") in theirs
        else one
        for one in meta.sources
    ]
    counts = _counts(meta.counts, list(theirs), words)
    if "splits" in counts:
        counts["splits"] = {name: len(rows) for name, rows in kept.items()}
    before = meta.counts.get("forgotten", {})
    counts["forgotten"] = {
        "sessions": before.get("sessions", 0) + len(theirs),
        "rows": before.get("rows", 0) + found.rows,
    }
    return replace(
        meta,
        sessions=sessions,
        sources=sources,
        counts=counts,
        settings=_settings(meta.settings, words),
        # a cue may have the name of a session: only the person's own name is removed
        cues=tuple(replace(words, names=frozenset()).removed_from(cue) for cue in meta.cues),
    )


def _settings(text: str, words: Words) -> str:
    """Return the settings without the words."""
    kept = tomllib.loads(text)
    # names may be those of a setting's value, too: where no session is named, they stay
    cleaned = {
        key: (words if key in _NAMES_SESSIONS else replace(words, names=frozenset())).removed_from(
            value
        )
        for key, value in kept.items()
    }
    return text if cleaned == kept else tomli_w.dumps(cleaned)


def _counts(counts: Mapping[str, Any], names: list[str], words: Words) -> dict[str, Any]:
    """Return the counts without those of some sessions."""
    left: dict[str, Any] = dict(counts)
    sessions = dict(left.get("sessions", {}))
    for name in names:
        left = _less(left, sessions.pop(name, {}))
    if "sessions" in counts:
        left["sessions"] = sessions
    cleaned: dict[str, Any] = words.removed_from(left)
    return cleaned


def _less(counts: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    """Return counts less those of a part, at every depth."""
    left = dict(counts)
    for key, value in part.items():
        now = left.get(key)
        if isinstance(value, Mapping) and isinstance(now, Mapping):
            left[key] = _less(now, value)
        elif type(value) is int and type(now) is int:
            left[key] = max(0, now - value)
    return left
