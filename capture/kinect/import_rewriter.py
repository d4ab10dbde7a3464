"""Makes stock pykinect2 importable on today's 64-bit Python, in memory; nothing on disk changes.

An import hook for exactly two modules, ``pykinect2.PyKinectV2`` and ``pykinect2.PyKinectRuntime``.
Each rewrite has a reason. What must not be left over afterwards is looked for in the result, so a
unknown variant of pykinect2 is refused instead of being half repaired.
"""

import hashlib
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Final

from ...core.errors import MissingPartError

V2: Final = "pykinect2.PyKinectV2"
RUNTIME: Final = "pykinect2.PyKinectRuntime"

_PYPI: Final = {"bf60ed29aeff2f59", "a5353f4c6b934c1f"}
"""First 16 digits of the SHA-256 of the modules in the wheel of 0.1.0, with LF line ends."""
_GITHUB: Final = re.compile(r"\bsysinfo\b|\brelative_time\b")
"""Stands only in the modules as its repository has them, which also call themselves 0.1.0."""


@dataclass(frozen=True)
class Rewrite:
    """One change of a module's source.

    Attributes:
        module: Full name of the module.
        pattern: What is replaced, a regular expression with ^ and $ at lines.
        replacement: What it becomes; never more or fewer lines.
        leftover: What must not be found afterwards.
        why: What goes wrong without it.
    """

    module: str
    pattern: str
    replacement: str
    leftover: str
    why: str


REWRITES: Final = (
    Rewrite(
        V2,
        r"^assert sizeof\(tagSTATSTG\) == (?:72|required_size), ",
        "assert sizeof(tagSTATSTG) == (80 if sizeof(c_void_p) == 8 else 72), ",
        r"^assert sizeof\(tagSTATSTG\) == (?:72|required_size)",
        "a structure has 80 bytes on 64-bit Python, not 72",
    ),
    Rewrite(
        V2,
        r"^INT_PTR = c_int\b",
        "INT_PTR = c_ssize_t",
        r"^INT_PTR = c_int\b",
        "event handles have 8 bytes on 64-bit Windows, not 4",
    ),
    Rewrite(
        V2,
        r"^from comtypes import _check_version; _check_version\(''\)",
        "",
        r"^[^#\n]*_check_version\(",
        "comtypes since 1.1.9 refuses it",
    ),
    Rewrite(
        V2,
        r"^import numpy\.distutils\.system_info as sysinfo",
        "",
        r"^[^#\n]*numpy\.distutils",
        "numpy.distutils is gone since Python 3.12",
    ),
    Rewrite(
        V2,
        r"^required_size = 64 \+ sysinfo\.platform_bits.*$",
        "",
        r"^[^#\n]*\bsysinfo\b",
        "goes with numpy.distutils",
    ),
    Rewrite(
        RUNTIME,
        r"\btime\.clock\(\)",
        "time.perf_counter()",
        r"^[^#\n]*\btime\.clock\b",
        "time.clock is gone since Python 3.8",
    ),
    Rewrite(
        RUNTIME,
        r"\bnumpy\.object\b",
        "object",
        r"^[^#\n]*\bnumpy\.object\b",
        "numpy.object is gone since numpy 1.24; stock loses every skeleton in silence",
    ),
)


@dataclass(frozen=True)
class RewrittenModule:
    """A module's source after the rewrites.

    Attributes:
        name: Full name of the module.
        path: The file that it was read from.
        variant: "PyPI 0.1.0", "GitHub", or "unknown variant".
        source: The rewritten source.
        applied: (why, how often) of each rewrite that found something.
    """

    name: str
    path: Path
    variant: str
    source: str
    applied: tuple[tuple[str, int], ...]


def rewrite_module(name: str, path: Path) -> RewrittenModule:
    """Read a module's source and rewrite it.

    Args:
        name: V2 or RUNTIME.
        path: Its file.

    Raises:
        MissingPartError: The result still holds what doesn't work: not the pykinect2 that is known.
    """
    # latin-1 reads any file: V2 says that it is "mbcs", a codec that only Windows has
    source = path.read_bytes().decode("latin-1").replace("\r\n", "\n")
    variant = _variant(source)
    applied = []
    for rewrite in (known for known in REWRITES if known.module == name):
        source, count = re.subn(rewrite.pattern, rewrite.replacement, source, flags=re.MULTILINE)
        if count:
            applied.append((rewrite.why, count))
        left = re.search(rewrite.leftover, source, flags=re.MULTILINE)
        if left:
            line = source.count("\n", 0, left.start()) + 1
            raise MissingPartError(
                f"{path}: line {line} holds {left[0].strip()!r}, which does not work here "
                f"({rewrite.why}); kincap does not know this pykinect2: "
                "pip install --force-reinstall pykinect2==0.1.0"
            )
    return RewrittenModule(name, path, variant, source, tuple(applied))


def _variant(source: str) -> str:
    """Say which release a module's source, as it was read, belongs to."""
    if hashlib.sha256(source.encode("latin-1")).hexdigest()[:16] in _PYPI:
        return "PyPI 0.1.0"
    return "GitHub" if _GITHUB.search(source) else "unknown variant"


def find_module(name: str, search: Sequence[str] | None = None) -> Path | None:
    """Return the file of one of the two modules without importing it, or None.

    Args:
        name: V2 or RUNTIME.
        search: The folder of its package; None: find the package first.
    """
    if search is None:
        package = importlib.machinery.PathFinder.find_spec(name.partition(".")[0])
        if package is None or package.submodule_search_locations is None:
            return None
        search = package.submodule_search_locations
    spec = importlib.machinery.PathFinder.find_spec(name, search)
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from its rewritten source; never reads or writes cached bytecode."""

    def __init__(self, module: RewrittenModule) -> None:
        super().__init__(module.name, str(module.path))
        self._module = module

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._module.source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds the two modules, and nothing else."""

    def __init__(self) -> None:
        self.found: list[RewrittenModule] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in (V2, RUNTIME) or path is None:
            return None
        file = find_module(fullname, path)
        if file is None:
            return None
        module = rewrite_module(fullname, file)
        self.found.append(module)
        return importlib.util.spec_from_file_location(fullname, file, loader=_Loader(module))


@contextmanager
def rewriting() -> Iterator[list[RewrittenModule]]:
    """Rewrite the two modules when they are imported inside this block.

    Yields:
        The modules rewritten so far.
    """
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield finder.found
    finally:
        sys.meta_path.remove(finder)
