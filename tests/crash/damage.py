"""Damaged places: where one can lie, how it is made, and which items it touches."""

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import BLOB_TABLES, TABLE_STREAM, good_rows
from kincap.sessions.shard.shard_reader import ShardReader

PAGE = 4096
HOWS = ("flip", "page", "cut")
HOW_OFTEN = (3, 1, 1)


@dataclass(frozen=True)
class Region:
    """A part of a file of a session.

    Attributes:
        file: The file, relative to the session's folder.
        name: What lies there, such as "left shard: bodies used".
        first: First byte.
        end: First byte behind it.
    """

    file: str
    name: str
    first: int
    end: int


@dataclass(frozen=True)
class Place:
    """One damage.

    Attributes:
        session: Name of the session.
        file: The file, relative to the session's folder.
        region: What lies there.
        how: One of HOWS.
        at: The byte; the page begins and the cut ends there.
        bit: Of a flip.
    """

    session: str
    file: str
    region: str
    how: str
    at: int
    bit: int = 0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def regions(folder: Path) -> Iterator[Region]:
    """Yield every part of every file of a session that has any bytes."""
    records = read_manifest(folder)
    with SessionReader(folder) as reader:
        for shard in reader.shards:
            view = reader.shard(shard.name)
            whole = records.get(shard.name)
            kind = "left" if whole is None else "cut" if whole.layout else "sealed"
            yield from _shard_regions(view, f"{kind} shard")
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix != ".h5" and path.stat().st_size:
            name = path.relative_to(folder).as_posix()
            yield Region(name, name, 0, path.stat().st_size)


def _shard_regions(view: ShardReader, kind: str) -> Iterator[Region]:
    """Yield the parts of a shard: header, and what is used and not used of each table."""
    header = len(view.layout.header)
    used = len(view.layout.header.rstrip(b"\0"))
    yield Region(view.name, f"{kind}: header", 0, used)
    yield Region(view.name, f"{kind}: header's padding", used, header)
    for table, place in view.layout.tables.items():
        if table in TABLE_STREAM or table == "events":
            end = place.offset + len(view.rows(table)) * place.dtype.itemsize
        else:
            rows = view.rows("color_index")
            end = place.offset + int((rows["offset"] + rows["length"]).max())
        yield Region(view.name, f"{kind}: {table}", place.offset, end)
        if end < place.end:
            yield Region(view.name, f"{kind}: {table}, never written", end, place.end)


def draw(
    rng: random.Random, folders: dict[str, Path], sessions: dict[str, list[Region]], number: int
) -> Place:
    """Draw a place where something changes; region after region takes its turn.

    Args:
        rng: Draws.
        folders: The sessions' folders.
        sessions: Their regions.
        number: How many places were drawn before.
    """
    everywhere = [(name, region) for name, of in sessions.items() for region in of]
    session, region = everywhere[number % len(everywhere)]
    before = (folders[session] / region.file).read_bytes()
    while True:
        how = rng.choices(HOWS, HOW_OFTEN)[0]
        at = rng.randrange(region.first, region.end)
        if how == "page":
            at -= at % PAGE
        place = Place(session, region.file, region.name, how, at, rng.randrange(8))
        if damaged(before, place) != before:  # where zeros are zeroed there is nothing to find
            return place


def damaged(before: bytes, place: Place) -> bytes:
    """Return a file's content after a damage."""
    after = bytearray(before)
    if place.how == "flip":
        after[place.at] ^= 1 << place.bit
    elif place.how == "page":
        end = min(place.at + PAGE, len(after))
        after[place.at : end] = bytes(end - place.at)
    else:
        del after[place.at :]
    return bytes(after)


def apply(folder: Path, place: Place) -> None:
    """Damage a session's file.

    Args:
        folder: The session's folder.
        place: What to do.
    """
    path = folder / place.file
    after = damaged(path.read_bytes(), place)
    mode = path.stat().st_mode
    path.chmod(0o600)
    path.write_bytes(after)
    path.chmod(mode)


def last_items(whole: Path, file: str) -> dict[str, int]:
    """Return the last seq of each stream in a shard.

    Args:
        whole: The session as it was.
        file: The shard.
    """
    with ShardReader(whole / file) as view:
        rows = {stream.name: view.rows(table) for table, stream in TABLE_STREAM.items()}
    return {name: int(of["seq"][-1]) for name, of in rows.items() if len(of)}


def touched(whole: Path, damaged: Path, file: str) -> set[tuple[str, int]]:
    """Return stream and seq of the items of which a byte differs.

    Args:
        whole: The session as it was.
        damaged: The session as it is.
        file: The only file that differs.
    """
    found: set[tuple[str, int]] = set()
    if not file.endswith(".h5"):
        return found
    was, now = (whole / file).read_bytes(), (damaged / file).read_bytes()
    with ShardReader(whole / file) as view:
        for table, stream in TABLE_STREAM.items():
            place = view.layout.tables.get(table)
            rows = view.all_rows(table)
            for i in good_rows(rows).nonzero()[0] if place else ():
                at, size = place.offset + int(i) * place.dtype.itemsize, place.dtype.itemsize
                spans = [(at, at + size)]
                if table in BLOB_TABLES:
                    start = view.layout.tables["blobs"].offset + int(rows["offset"][i])
                    spans.append((start, start + int(rows["length"][i])))
                if any(was[a:b] != now[a:b] for a, b in spans):
                    found.add((stream.name, int(rows["seq"][i])))
    return found
