"""Corrected CVAT for images 1.1: skeletons of named points. A document type is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from .corrected import CorrectedPerson, PersonParts, number, odd

PIXEL_CENTRE = 0.5
"""CVAT counts pixels from the picture's edge."""


def read_cvat(path: Path, raw: bytes) -> Iterator[CorrectedPerson]:
    """Yield the people of a CVAT file.

    Args:
        path: The file, for messages.
        raw: Its bytes.

    Raises:
        DatasetError: It is not CVAT for images, or declares a document type or entities.
    """
    reader = _Reader(path)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = reader.refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    try:
        parser.Parse(raw, True)
    except expat.ExpatError as err:
        raise odd(path, f"not valid XML ({err})") from err
    if not reader.is_cvat:
        raise odd(path, "XML, but not of CVAT for images")
    yield from reader.people


class _Reader:
    """Takes the elements of a file, one after another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_cvat = False
        self.people: list[CorrectedPerson] = []
        self._image: dict[str, str] | None = None
        self._person: PersonParts | None = None

    def refuse_doctype(self, *_: object) -> None:
        """Refuse what can name other files or grow without end."""
        raise odd(self.path, "declares a document type, which no export of CVAT does")

    def start(self, name: str, about: dict[str, Any]) -> None:
        """Take the beginning of an element."""
        if name == "annotations":
            self.is_cvat = True
        elif name == "image":
            self._image = about
        elif name == "skeleton" and self._image is not None:
            size = (self._image.get("width"), self._image.get("height"))
            picture = self._image.get("name", "")
            self._person = PersonParts(self.path, picture, size, known=True)
        elif name == "points" and self._person is not None:
            self._point(self._person, about)

    def _point(self, person: PersonParts, about: dict[str, Any]) -> None:
        """Take one point of a skeleton."""
        label = about.get("label", "")
        parts = about.get("points", "").split(",")
        if len(parts) != 2:
            raise odd(self.path, f"{person.picture[:100]}: {label[:40]} has not one position")
        x, y = (number(self.path, person.picture, label, part) - PIXEL_CENTRE for part in parts)
        hidden = 1 if about.get("occluded") == "1" else 2
        person.add(label, x, y, 0 if about.get("outside") == "1" else hidden)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "skeleton" and self._person is not None:
            self.people.append(self._person.person())
            self._person = None
        elif name == "image":
            self._image = None
