"""A page's files: a fixed set, read once at the start and served from memory.

Nothing from an address is ever joined to a path: a file is served when its name is a key of the
table, and the table holds only plain files of the package. So there is nothing to traverse, and a
link in a folder leads nowhere.
"""

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


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str


class PageFiles:
    """A page's files by name, with those that all pages share.

    Args:
        folder: The page's own files; links and unknown kinds of files are left out.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {
            path.name: _File(path.read_bytes(), MEDIA_TYPES[path.suffix])
            for place in (SHARED_FOLDER, folder)
            for path in sorted(place.iterdir())
            if path.suffix in MEDIA_TYPES and path.is_file() and not path.is_symlink()
        }

    def names(self) -> list[str]:
        """Return the names that are served."""
        return list(self._files)

    def paths(self) -> frozenset[str]:
        """Return the paths that are served."""
        return frozenset(STATIC_PATH + name for name in self._files)

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
