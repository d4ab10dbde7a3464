"""Session folders that hold what kincap never put there."""

import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

from kincap.core.checked_json import dump_checked, load_checked
from kincap.sessions.folders import SESSION_FILE
from kincap.sessions.manifest import MANIFEST

from ...sessions.repair.conftest import make_session
from . import OUTSIDE, Attack

NAME = "take1"
TIB = 1 << 40
LOOK = (
    ("sessions", "list"),
    ("sessions", "show", NAME),
    ("sessions", "verify"),
    ("sessions", "report", NAME),
    ("build", "--dry-run"),
)
WRITE = (
    ("sessions", "repair", NAME),
    ("record", "--session", NAME, "--source", "session:whole/take1"),
    ("sessions", "rename", NAME, "other", "--yes"),
    ("sessions", "delete", "other", "--yes"),
)
DIGITS = b'{"x": ' + b"9" * 100_000 + b"}"
TINY = b"[" + b"[]," * 5_000_000 + b"0]"
SMALL = (SESSION_FILE, MANIFEST, "edits.json", "lock.json", "quality.json")
"""Small files of a session."""
OTHERS = ("lock", "edits.lock", "000000.h5", "000002.h5", "000003.h5", "000003.h5.new",
          "session.json.tmp", "manifest.jsonl.tmp", "edits.json.tmp", "truth")  # fmt: skip


@cache
def _whole() -> Path:
    """Return a session of three shards: sealed, cut, left by a killed recorder."""
    return make_session(Path(tempfile.mkdtemp(prefix="kincap-whole-")) / NAME)


def lay(folder: Path, name: str = NAME) -> Path:
    """Lay the session into ``recordings`` of a folder, and a whole one beside it to record from."""
    for place in (folder / "recordings" / name, folder / "whole" / NAME):
        if not place.exists():
            shutil.copytree(_whole(), place)
    return folder / "recordings" / name


def _emptied(folder: Path, name: str) -> Path:
    """Lay a session without one of its files; return the file's path."""
    path = lay(folder) / name
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


def _link(name: str, to: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        path = _emptied(folder, name)
        path.symlink_to(folder.parent / OUTSIDE / to if not to.startswith("/") else to)

    return make


def _fifo(name: str) -> Callable[[Path], object]:
    return lambda folder: os.mkfifo(_emptied(folder, name))


def _device(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        path = _emptied(folder, name)
        try:
            os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))  # /dev/zero
        except OSError:
            os.mkfifo(path)  # only root makes devices

    return make


def _folder(name: str) -> Callable[[Path], object]:
    return lambda folder: (_emptied(folder, name) / "inside").mkdir(parents=True)


def _terabyte(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        path = lay(folder) / name
        if path.exists():
            path.chmod(0o600)
        with path.open("ab") as file:
            file.truncate(TIB)

    return make


def _content(name: str, change: Callable[[dict[str, object]], object]) -> Callable[[Path], object]:
    """Change a small file, its checksum made anew: whoever makes one can sign it."""

    def make(folder: Path) -> None:
        path = lay(folder) / name
        *lines, last = path.read_bytes().splitlines() if name == MANIFEST else [path.read_bytes()]
        content = load_checked(last + b"\n" if name == MANIFEST else last)
        change(content)
        whole = dump_checked(content, lines=name != MANIFEST)
        path.write_bytes(b"".join(line + b"\n" for line in lines) + whole)

    return make


def _beside(*names: str) -> Callable[[Path], object]:
    """Lay sessions with odd folder names beside a whole one."""

    def make(folder: Path) -> None:
        lay(folder)
        for name in names:
            lay(folder, name)

    return make


def _shut(folder: Path) -> None:
    lay(folder)
    lay(folder, "shut").chmod(0)


def _shut_file(name: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        lay(folder)
        (lay(folder, "other") / name).chmod(0)

    return make


def _raw(name: str, raw: bytes) -> Callable[[Path], object]:
    return lambda folder: _emptied(folder, name).write_bytes(raw)


def _note(folder: Path) -> None:
    path = lay(folder) / SESSION_FILE
    content = load_checked(path.read_bytes())
    content["note"] = "caf\udce9"
    body = json.dumps(content, ensure_ascii=False).encode(errors="surrogatepass")
    path.write_bytes(body)


ATTACKS = [
    *(Attack(f"{name} is a link to a file", _link(name, "precious"), (*LOOK, *WRITE))
      for name in (*SMALL, *OTHERS)),
    *(Attack(f"{name} is a link to nothing", _link(name, "nothing"), (*LOOK, *WRITE))
      for name in (*SMALL, *OTHERS)),
    Attack("truth is a link to a folder", _link("truth", "."), (*LOOK, *WRITE)),
    *(Attack(f"{name} is a link to /dev/zero", _link(name, "/dev/zero"), LOOK) for name in SMALL),
    *(Attack(f"{name} is a FIFO", _fifo(name), (*LOOK, *WRITE)) for name in (*SMALL, *OTHERS)),
    *(Attack(f"{name} is a device", _device(name), (*LOOK, *WRITE)) for name in (*SMALL, *OTHERS)),
    *(Attack(f"{name} is a folder", _folder(name), (*LOOK, *WRITE)) for name in (*SMALL, *OTHERS)),
    *(Attack(f"{name} has a hole of a terabyte", _terabyte(name), (*LOOK, *WRITE))
      for name in (*SMALL, "lock", "000000.h5", "000001.h5", "000002.h5")),
    Attack("the manifest says 2**40 bytes",
           _content(MANIFEST, lambda line: line.update(bytes=TIB)), (*LOOK, *WRITE)),
    Attack("the manifest says 2**63 rows",
           _content(MANIFEST, lambda line: line.update(rows={"color_index": 2**63})),
           (*LOOK, *WRITE)),
    Attack("tags are not text", _content(SESSION_FILE, lambda s: s.update(tags=[1, None, {}])),
           (*LOOK, *WRITE)),
    Attack("a take 65535",
           _content(SESSION_FILE, lambda s: s.update(takes=[{"take": 65535}])), (*LOOK, *WRITE)),
    Attack("format_version is a list",
           _content(SESSION_FILE, lambda s: s.update(format_version=[1])), (*LOOK, *WRITE)),
    Attack("a note with a lone surrogate",
           _content(SESSION_FILE, lambda s: s.update(note="\ud800x\udce9")), (*LOOK, *WRITE)),
    Attack("a note in Latin-1", _note, (*LOOK, *WRITE)),
    Attack("terminal codes in the words of session.json",
           _content(SESSION_FILE, lambda s: s.update(note="\x1b]0;x\x07", outfit="\x1b[2J")),
           (*LOOK, *WRITE)),
    *(Attack(f"{name} holds a number of 100,000 digits", _raw(name, DIGITS), (*LOOK, *WRITE))
      for name in SMALL),
    *(Attack(f"{name} is nested deeply", _raw(name, b"[" * 1_000_000), (*LOOK, *WRITE))
      for name in SMALL),
    *(Attack(f"{name} holds millions of tiny things", _raw(name, TINY), LOOK)
      for name in SMALL),
    Attack("the manifest holds millions of tiny lines", _raw(MANIFEST, b"{}\n" * 5_000_000), LOOK),
    *(Attack(f"a session called {' and '.join(names)}", _beside(*names), LOOK)
      for names in (("con",), ("x..y",), ("b.",), ("A", "a"), ("nul.txt",), (" ",), ("-x",),
                    ("ü",), ("x" * 100,))),
    Attack("a session's folder is shut", _shut, LOOK),
    *(Attack(f"{name} of another session is shut", _shut_file(name), LOOK)
      for name in (SESSION_FILE, MANIFEST, "000000.h5")),
]  # fmt: skip
