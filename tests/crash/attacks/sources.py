"""Recordings of others that are damaged, endless, or made to hurt."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

from kincap.core.skeleton import JOINT_NAMES

from . import Attack

DIGITS = "9" * 6000
_JOINT = "0.1 0.2 3.0 200 100 900 500 1 0 0 0 2"
_BODY = "\n".join(["7205 0 1 1 1 1 0 0.1 0.2 2", "25", *[_JOINT] * 25])
SKELETON = f"2\n1\n{_BODY}\n1\n{_BODY}\n"
LABAN = "".join(
    f"{333_333 * k}," + ",".join(f"{0.3 * j:.2f},0.5,2.0,2" for j in range(25)) + ",\n"
    for k in range(6)
)
IRDS = "Version0.1\n" + "".join(
    f"{k},5,{33 * k},"
    + ",".join(f"({n},Tracked,{j / 10},0.5,2.0,1,2)" for j, n in enumerate(JOINT_NAMES))
    + "\n"
    for k in range(6)
)
TEXTS = {"x.skeleton": ("ntu", SKELETON), "x.csv": ("laban", LABAN), "x.txt": ("irds", IRDS)}


def _record(source: str) -> tuple[str, ...]:
    return ("record", "--session", "s", "--source", source, "--no-report")


def _text(name: str, what: str, change: Callable[[str], str | bytes]) -> Attack:
    """Return an attack by a text file that was changed."""
    kind, text = TEXTS[name]

    def make(folder: Path) -> None:
        content = change(text)
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    commands = (_record(f"{kind}:{name}"), _record(f"./{name}"), ("import", name))
    return Attack(f"{name}: {what}", make, commands)


def _bytes(text: str) -> bytes:
    return text.encode()


_CHANGES: tuple[tuple[str, Callable[[str], str | bytes]], ...] = (
    ("empty", lambda text: ""),
    ("cut in the middle", lambda text: text[: len(text) // 2]),
    ("zeros", lambda text: bytes(100_000)),
    ("a line of 20 MB", lambda text: "1" * 20_000_000),
    ("thousands of digits", lambda text: text.replace("2", DIGITS)),
    ("terminal escapes", lambda text: "\x1b]0;owned\x07\x1b[2J" + text),
    ("not UTF-8", lambda text: b"\xff\xfe\x00\xd8" + _bytes(text)),
    ("NULs between", lambda text: text.replace("\n", "\n\0")),
    ("infinities", lambda text: text.replace("0.5", "inf").replace("0.2", "-1.#IND")),
    ("digits of other scripts", lambda text: text.replace("2", "٢")),
)


def _entry(name: str, make: Callable[[Path], None], kind: str) -> Attack:
    """Return an attack by something in the place of a source's file."""

    def laid(folder: Path) -> None:
        (folder / "x.skeleton").write_text(SKELETON)
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return Attack(
        f"{name}: {kind}", laid, (_record(f"{_kind_of(name)}:{name}"), _record(f"./{name}"))
    )


def _kind_of(name: str) -> str:
    return TEXTS[name][0] if name in TEXTS else "ntu"


def _sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(b"RIFF\0\0\0\0AVI LIST")
        file.truncate(1 << 40)


def _avi(chunk: bytes, *, width: int = 1920, height: int = 1080, frames: int = 2) -> bytes:
    """Return a small AVI file whose frames are all one chunk."""

    def box(name: bytes, data: bytes) -> bytes:
        return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)

    strh = struct.pack("<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, 1, 30, 0, frames, 0,
                       0xFFFFFFFF, 0, 0, 0, 0, 0)  # fmt: skip
    strf = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", 0, 0, 0, 0, 0)
    avih = struct.pack(
        "<14I", 33_333, 0, 0, 16, frames, 0, 1, 0, abs(width), abs(height), 0, 0, 0, 0
    )
    strl = b"strl" + box(b"strh", strh) + box(b"strf", strf)
    hdrl = b"hdrl" + box(b"avih", avih) + box(b"LIST", strl)
    movi = b"movi" + box(b"00dc", chunk) * min(frames, 2)
    index = b"".join(
        b"00dc" + struct.pack("<III", 16, 4 + k * (8 + len(chunk)), len(chunk))
        for k in range(min(frames, 2))
    )
    body = b"AVI " + box(b"LIST", hdrl) + box(b"LIST", movi) + box(b"idx1", index)
    return box(b"RIFF", body)


def _video(what: str, content: bytes) -> Attack:
    def make(folder: Path) -> None:
        (folder / "x_rgb.avi").write_bytes(content)
        (folder / "x.skeleton").write_text(SKELETON)

    source = "x_rgb.avi"
    return Attack(
        f"video: {what}", make, (_record(f"ntu:{source}"), _record(source), ("import", "."))
    )


_GARBAGE = bytes((37 * k + 11) & 255 for k in range(4000))
_VIDEOS = (
    _video("empty", b""),
    _video("Matroska by content", b"\x1aE\xdf\xa3" + _GARBAGE),
    _video("a head alone", b"RIFF\0\0\0\0AVI LIST"),
    _video("garbage after the head", b"RIFF\0\0\0\0AVI LIST" + _GARBAGE),
    _video("frames of garbage", _avi(_GARBAGE)),
    _video("empty frames", _avi(b"")),
    _video("a width of 2^31 - 1", _avi(_GARBAGE, width=2**31 - 1)),
    _video("a negative height", _avi(_GARBAGE, height=-1080)),
    _video("a promise of 2^32 - 1 frames", _avi(_GARBAGE, frames=2**32 - 1)),
    _video("a playlist of other files", b"#EXTM3U\nconcat:/etc/passwd\n"),
)
_PROJECTIONS = (
    ("digits", f'{{"matrix": [[{DIGITS},0,0,0],[0,1,0,0],[0,0,1,0]]}}'),
    ("nesting", "[" * 200_000),
    ("huge whole numbers", '{"fx_px": 1' + "0" * 400 + ', "fy_px": 1, "cx_px": 1, "cy_px": 1}'),
)


def _projection(what: str, content: str) -> Attack:
    def make(folder: Path) -> None:
        (folder / "x.csv").write_text(LABAN)
        (folder / "p.json").write_text(content)

    return Attack(f"projection: {what}", make, (_record("laban:x.csv,projection=p.json"),))


ATTACKS = [
    *(_text(name, what, change) for name in TEXTS for what, change in _CHANGES),
    *_VIDEOS,
    *(_projection(what, content) for what, content in _PROJECTIONS),
    *(_entry(name, Path.mkdir, "a folder") for name in ("x.csv", "x.txt", "x_rgb.avi")),
    *(_entry(name, _sparse, "a sparse terabyte") for name in (*TEXTS, "x_rgb.avi")),
]
if hasattr(os, "mkfifo"):
    ATTACKS += [_entry(name, os.mkfifo, "a FIFO") for name in (*TEXTS, "x_rgb.avi")]
