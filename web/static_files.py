"""A page's files: a fixed set, read once at the start and served from memory.

Nothing from an address is ever joined to a path: a file is served when its name is a key of the
table, and the table holds only plain files of the package. So there is nothing to traverse, and a
link in a folder leads nowhere.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

SHARED_FOLDER: Final = Path(__file__).with_name("static")
STATIC_PATH: Final = "/static/"
INDEX: Final = "index.html"

MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

_MODULE: Final = re.compile(rb'<script type="module" src="/static/([^"]+)"')
_IMPORT: Final = re.compile(rb'^(?:import|export|\})[^"\n]*"(\.[^"]+\.js)";', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


class PageFiles:
    """A page's files by name, with those that all pages share.

    Args:
        folder: The page's own files, in folders too; links and unknown kinds of files are left out.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.relative_to(place).as_posix(): _File(path.read_bytes(), MEDIA_TYPES[path.suffix])
            for place in (SHARED_FOLDER, folder)
            for path in _plain_files(place)
            if path.suffix in MEDIA_TYPES
        }
        if INDEX in self._files:
            html = self._files[INDEX].content
            self._files[INDEX] = _File(self._with_preloads(html), MEDIA_TYPES[".html"])

    def names(self) -> list[str]:
        """Return the names that are served."""
        return list(self._files)

    def paths(self) -> frozenset[str]:
        """Return the paths that are served."""
        return frozenset(STATIC_PATH + name for name in self._files)

    def _with_preloads(self, html: bytes) -> bytes:
        """Return a page that names all its modules: the browser asks for them at once.

        Else it learns of a module when the one that imports it has arrived, level by level.
        """
        wanted = [one.decode() for one in _MODULE.findall(html)]
        found: dict[str, None] = {}
        while wanted:
            name = wanted.pop(0)
            if name in found or name not in self._files:
                continue
            found[name] = None
            imports = _IMPORT.findall(self._files[name].content)
            folder = posixpath.dirname(name)
            wanted += [posixpath.normpath(posixpath.join(folder, one.decode())) for one in imports]
        links = "".join(
            f'  <link rel="modulepreload" href="{STATIC_PATH}{name}">\n' for name in found
        )
        return html.replace(b"</head>", links.encode() + b"</head>", 1)

    async def index(self, request: Request) -> Response:
        """Answer with the page."""
        return self._answer(INDEX)

    async def file(self, request: Request) -> Response:
        """Answer with one of its files."""
        return self._answer(str(request.path_params["file"]))

    def _answer(self, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            raise HTTPException(404, "no such file")
        return Response(found.content, media_type=found.media_type)


def _plain_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and of the folders in it; links of either kind are left out."""
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _plain_files(path)
        elif path.is_file():
            yield path
