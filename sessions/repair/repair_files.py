"""Repair of a session's small files: session.json, manifest.jsonl, edits.json.

One flipped bit is found by trying them all against the file's own SHA-256: the file is then
exactly what it was. Beyond that, what the shards prove is taken from them, and what only the
damaged file said is kept and named, so that a person can look at it.
"""

import json
import os
import re
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ...core.checked_json import is_whole, load_checked, mend_bit, parse_json
from ...core.errors import KincapError, SessionError, ShardError
from ...core.files.file_io import FileIO
from ...core.files.small_files import read_small
from ...core.jpeg import jpeg_size
from ..device import Device
from ..edits.journal import EDITS_FILE, dump_edits, load_edits, locked_edits
from ..edits.operations import Replay, check_operation
from ..folders import SESSION_FILE, shard_names
from ..info import SessionInfo, new_session
from ..info_checks import CLOCKS, is_time, odd_device, odd_take
from ..manifest import MANIFEST, check_manifest, parse_line, read_manifest, read_raw
from ..schema import EventKind, Stream
from ..session_file import check_session_file, load_session, mend_session_file, save_session
from ..shard.find_layout import shard_identity
from ..shard.layout import Layout
from ..shard.shard_reader import ShardReader
from ..shard.versions import READABLE
from ..shards import open_shards
from .kept_files import MOST_KEPT, keep_copy

_MOST_TO_MEND: Final = 48 * 1024
"""Trying every bit takes the square of a file's length: half a minute at this size."""
_TOLD_BY_PEOPLE: Final = ("subject", "outfit", "note", "tags", "consent")
_TOLD_BY_RECORDER: Final = ("source", "device", "settings")
_MOST_LINES: Final = 1 << 17
"""More lines than any session has shards; what comes after them is taken out."""


@dataclass
class Log:
    """Result of a repair of files.

    Attributes:
        done: What was changed, one line each.
        look_at: What could not be proven and a person should look at.
        kept: Names of the files under which replaced ones are kept.
    """

    done: list[str] = field(default_factory=list)
    look_at: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def repair_session_file(folder: Path, io: FileIO, log: Log) -> SessionInfo:
    """Make session.json whole, and return what it says.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.
        log: Told what was done.

    Raises:
        SessionError: It is whole and of another version.
    """
    path = folder / SESSION_FILE
    if check_session_file(folder) is None:
        return load_session(folder)
    raw = read_small(path, MOST_KEPT) if os.path.lexists(path) else b""
    if raw:
        log.kept.append(keep_copy(path, io).name)
    if 0 < len(raw) <= _MOST_TO_MEND and mend_session_file(folder, io):
        log.done.append(f"{SESSION_FILE}: put one flipped bit back, its checksum holds again")
        return load_session(folder)
    said = _salvage(raw.decode(errors="replace"))
    info = _rebuilt(folder, said, io, log)
    save_session(folder, info, io)
    log.done.append(f"{SESSION_FILE}: written anew from the shards and what was left of it")
    return info


def _salvage(text: str) -> dict[str, Any]:
    """Return the values that can still be read from the text of session.json."""
    try:
        kept = parse_json(text)
        return kept if isinstance(kept, dict) else {}
    except ValueError:
        pass  # not as a whole, then: each key is on a line of its own
    found = _read_keys(text, 1)
    for name in _TOLD_BY_RECORDER:
        block = re.search(rf'^ "{name}": {{\n(.*?)^ "', text, re.MULTILINE | re.DOTALL)
        if name not in found and block:
            found[name] = _read_keys(block[1], 2)
    if "layouts" not in found:
        found["layouts"] = list(_read_objects(text, "id"))
    return found


def _read_keys(text: str, indent: int) -> dict[str, Any]:
    """Return the values of the keys at an indentation that can be read."""
    found = {}
    for key in re.finditer(rf'^ {{{indent}}}"(\w+)": ', text, re.MULTILINE):
        try:
            found[key[1]] = json.JSONDecoder().raw_decode(text, key.end())[0]
        except (ValueError, RecursionError):
            continue  # this value is what is damaged
    return found


def _read_objects(text: str, key: str) -> Iterator[dict[str, Any]]:
    """Yield the objects in a text that begin with a key and can be read."""
    for start in re.finditer(rf'\{{\s*"{key}": ', text):
        try:
            yield json.JSONDecoder().raw_decode(text, start.start())[0]
        except (ValueError, RecursionError):
            continue  # this object is what is damaged


def _rebuilt(folder: Path, said: dict[str, Any], io: FileIO, log: Log) -> SessionInfo:
    """Return what session.json should say: proven by shards first, then as it was said."""
    info = new_session(folder.name)
    # each layout that is proven raises it to its own
    info.format_version = min(READABLE)
    for name in (*_TOLD_BY_PEOPLE, *_TOLD_BY_RECORDER):
        kind = dict if name == "device" else type(getattr(info, name))
        if isinstance(said.get(name), kind) and _can_be_kept(said[name]):
            setattr(info, name, _device(said[name]) if name == "device" else said[name])
            if said[name]:
                log.look_at.append(f"{SESSION_FILE}: {name} = {said[name]!r} could not be proven")
        else:
            unknown = getattr(info, name) or "empty"
            log.look_at.append(f"{SESSION_FILE}: {name} could not be read; it is {unknown} now")
    _add_identity(folder, info, said, log)
    _add_shards(folder, info, said, io)
    info.device = replace(info.device, id=info.device.id or "", times=info.device.times or "device")
    if info.device.mirrored is None:
        info.device = replace(info.device, mirrored=True)
        log.look_at.append(f"{SESSION_FILE}: device.mirrored is taken as true, as with any Kinect")
    info.settings.setdefault("codec", "jpeg")
    return info


def _device(said: dict[str, Any]) -> Device:
    """Return the device of what could be read, without values that can't be right."""
    return Device.from_json({key: v for key, v in said.items() if odd_device({key: v}) is None})


def _can_be_kept(value: Any) -> bool:
    """Return True if JSON without NaN and infinities can hold a value that was read."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _add_identity(folder: Path, info: SessionInfo, said: dict[str, Any], log: Log) -> None:
    """Take uuid, time of making and layouts from what most shards say, else from the old file."""
    found = [one for name in shard_names(folder) if (one := shard_identity(folder / name))]
    if found:
        most = Counter((one.uuid, one.created_utc) for one in found).most_common(1)
        info.uuid, info.created_utc = most[0][0]
    else:
        log.look_at.append(f"{SESSION_FILE}: no shard says which session this is")
        if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", str(said.get("uuid"))):
            info.uuid = str(uuid.UUID(said["uuid"]))
        if isinstance(said.get("created_utc"), str):
            info.created_utc = said["created_utc"]
    entries = said.get("layouts")
    for entry in entries if isinstance(entries, list) else []:
        try:
            # the header is compressed with a checksum: what can be unpacked is what was packed
            info.add_layout(Layout.from_json(entry))
        except (ShardError, TypeError, AttributeError):
            continue  # the shards' own headers say it too
    in_manifest = {r.layout.id for r in read_manifest(folder).values() if r.layout is not None}
    for one in found:
        if one.uuid == info.uuid and one.layout.id not in in_manifest:
            info.add_layout(one.layout)


def _add_shards(folder: Path, info: SessionInfo, said: dict[str, Any], io: FileIO) -> None:
    """Take the takes and the size of the images from the shards."""
    entries = said.get("takes")
    told = [t for t in entries if isinstance(t, dict)] if isinstance(entries, list) else []
    told = [take for take in told if odd_take(take) is None]
    takes: dict[int, dict[str, Any]] = {}
    for shard in open_shards(folder, info, io):
        if shard.reader is None:
            continue
        for event in shard.reader.rows("events"):
            if int(event["kind"]) == EventKind.take_start:
                take = int(event["take"])
                source = next((t.get("source", "") for t in told if t.get("take") == take), "")
                takes[take] = {"take": take, **_anchor(event["text"]), "source": source}
        _add_size(info, shard.reader)
    for kept in told:
        takes.setdefault(kept["take"] if isinstance(kept.get("take"), int) else -1, kept)
    takes.pop(-1, None)
    info.takes = [takes[take] for take in sorted(takes)]


def _anchor(text: bytes) -> dict[str, int]:
    """Return the clocks in the text of a take's first event."""
    try:
        kept = parse_json(text)
        clocks = {name: kept[name] for name in CLOCKS}
    except (ValueError, TypeError, KeyError):
        return {}
    return clocks if all(map(is_time, clocks.values())) else {}


def _add_size(info: SessionInfo, shard: ShardReader) -> None:
    """Take the size of the colour images from a shard's first good one, where it is not known."""
    if info.device.color_size_px is not None:
        return
    for row in shard.rows("color_index"):
        try:
            size = jpeg_size(shard.blob(row, Stream.color))
        except KincapError:
            continue
        info.device = replace(info.device, color_size_px=size)
        return


def repair_manifest(folder: Path, io: FileIO, log: Log) -> None:
    """Make the manifest whole: put flipped bits back, take out what can't be read.

    A shard whose line is taken out is sealed once more afterwards.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.
        log: Told what was done.
    """
    if not check_manifest(folder):
        return
    path = folder / MANIFEST
    raw = read_raw(folder)
    *lines, tail = [line + b"\n" for line in raw.split(b"\n", _MOST_LINES)]
    if is_whole(tail[:-2] + b"\n"):
        lines.append(tail[:-1])
    good: list[bytes] = []
    lost = mended = 0
    run: list[bytes] = []
    for line in (*lines, b""):
        if line and not is_whole(line):
            run.append(line)
            continue
        if run:
            back = _mend_lines(run)
            good += back
            mended += len(back)
            lost += max(0, len(run) - len(back))
            run = []
        if line and parse_line(line) is None:
            lost += 1  # signed, and names no shard: no bit to look for
        elif line:
            good.append(line)
    log.kept.append(keep_copy(path, io).name)
    io.write_atomic(path, b"".join(good))
    if mended:
        log.done.append(f"{MANIFEST}: put flipped bits back in {mended} lines, checksums hold")
    if lost:
        log.done.append(f"{MANIFEST}: took out {lost} lines that can't be read")


def _mend_lines(run: list[bytes]) -> list[bytes]:
    """Return what can be mended of damaged lines that follow each other."""
    if sum(map(len, run)) > 2 * _MOST_TO_MEND:
        return []
    mended = [mend_bit(line) if len(line) <= _MOST_TO_MEND else None for line in run]
    if None in mended:
        # a flipped bit can make two lines of one, or one of two
        text = bytearray(b"".join(run))
        for at in range(len(text)):
            for bit in range(8):
                text[at] ^= 1 << bit
                if text[at] == 10 or text[at] ^ 1 << bit == 10:
                    lines = [line + b"\n" for line in bytes(text).removesuffix(b"\n").split(b"\n")]
                    if all(map(is_whole, lines)):
                        return lines
                text[at] ^= 1 << bit
    return [line for line in mended if line is not None]


def repair_edits(folder: Path, io: FileIO, log: Log) -> None:
    """Make edits.json whole, with every decision in it that can still be read.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.
        log: Told what was done.
    """
    try:
        load_edits(folder)
        return
    except SessionError as err:
        if "upgrade" in str(err):
            raise
    with locked_edits(folder):
        _repair_edits(folder / EDITS_FILE, io, log)


def _repair_edits(path: Path, io: FileIO, log: Log) -> None:
    """Rewrite a damaged edits.json."""
    raw = read_small(path, MOST_KEPT)
    log.kept.append(keep_copy(path, io).name)
    whole = mend_bit(raw) if len(raw) <= _MOST_TO_MEND else None
    if whole is not None:
        io.write_atomic(path, whole)
        log.done.append(f"{EDITS_FILE}: put one flipped bit back, its checksum holds again")
        return
    try:
        kept = load_checked(raw, strict=False).get("operations")
    except ValueError:
        kept = None
    found = kept if isinstance(kept, list) else _read_objects(raw.decode(errors="replace"), "op")
    uuid = load_session(path.parent, strict=False).uuid
    operations: list[dict[str, Any]] = []
    journal = Replay()
    for one in found:
        try:
            journal.add(check_operation(one))
        except (KeyError, TypeError, IndexError, ValueError):
            continue  # an undo of what was lost, or a decision without its frames
        operations.append(one if isinstance(one.get("uuid"), str) else {**one, "uuid": uuid})
    io.write_atomic(path, dump_edits(operations))
    log.done.append(f"{EDITS_FILE}: written anew with the {len(operations)} decisions left in it")
    log.look_at.append(f"{EDITS_FILE}: its decisions could not be proven; look at them in review")
