"""The page itself: a fixed set of files, read once at the start and served from memory.

Nothing from an address is ever joined to a path: a file is served when its name is a key of the
table, and the table holds only plain files of the package. So there is nothing to traverse, and a
link in the folder leads nowhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

STATIC_FOLDER: Final = Path(__file__).with_name("static")

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


class Assets:
    """The page's files by name.

    Args:
        folder: Where they lie; links and unknown kinds of files are left out.
    """

    def __init__(self, folder: Path = STATIC_FOLDER) -> None:
        self._files = {
            path.name: _File(path.read_bytes(), MEDIA_TYPES[path.suffix])
            for path in sorted(folder.iterdir())
            if path.suffix in MEDIA_TYPES and path.is_file() and not path.is_symlink()
        }

    def names(self) -> Iterable[str]:
        """Return the names that are served."""
        return self._files.keys()

    async def index(self, request: Request) -> Response:
        """Answer with the page."""
        return self._answer("index.html")

    async def file(self, request: Request) -> Response:
        """Answer with one of its files."""
        return self._answer(str(request.path_params["file"]))

    def _answer(self, name: str) -> Response:
        found = self._files.get(name)
        if found is None:
            raise HTTPException(404, "no such file")
        return Response(found.content, media_type=found.media_type)
