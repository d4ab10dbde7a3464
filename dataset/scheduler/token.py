"""The token of a running build: a task that outlives its build stops before it writes.

Dask can't end a task that has begun: after ``cancel()`` it runs on and writes. The journal of an
unfinished data set names the token of the build that is making it, and a task compares it after
it has opened the file. That order leaves no gap:

- Another plan begins with a new journal and then a new file. A task that still reads its own token
  has opened the file from before, which is deleted.
- The same plan goes on in the same file, where every task writes the same bytes.
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import DatasetError
from ...core.files.file_io import open_regular

_HEAD: Final = 1024
"""The token is one of the first keys of the journal."""


class OutlivedError(DatasetError):
    """The build of a task has ended."""

    exit_code = 1


def new_token() -> str:
    """Return a token that no other build has."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class BuildToken:
    """The token of one build.

    Attributes:
        journal: The journal that names the token of the present build.
        text: The token.
    """

    journal: Path
    text: str

    def check(self) -> None:
        """Stop a task whose build has ended; call it after the file was opened.

        Raises:
            OutlivedError: The journal is gone, or names the token of another build.
        """
        if f'"token": "{self.text}"'.encode() not in _head(self.journal):
            raise OutlivedError(f"{self.journal}: the build that gave this task has ended")


def _head(path: Path) -> bytes:
    """Return the beginning of a file; nothing of one that is gone."""
    try:
        fd = open_regular(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(fd, _HEAD)
    finally:
        os.close(fd)
