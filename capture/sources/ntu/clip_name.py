"""The names of NTU RGB+D clips: setup, camera, person, repetition, action."""

import re
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})")


@dataclass(frozen=True)
class ClipName:
    """The parts of a clip's name; every text is "" for another kind of name.

    Attributes:
        subject: The person.
        outfit: The person in one setup: all of a person's clips of a setup were recorded in one
            go, in the same clothes.
        camera: The camera of a setup.
        tags: Words for action, repetition and setup.
    """

    subject: str = ""
    outfit: str = ""
    camera: str = ""
    tags: tuple[str, ...] = ()

    @classmethod
    def of(cls, stem: str) -> "ClipName":
        """Take a name apart, such as ``S001C001P001R001A001``."""
        match = _NAME.fullmatch(stem.removesuffix("_rgb"))
        if match is None:
            return cls()
        setup, camera, person, repetition, action = match.groups()
        return cls(
            f"ntu-P{person}",
            f"ntu-S{setup}P{person}",
            f"S{setup}C{camera}",
            (f"action-A{action}", f"repetition-R{repetition}", f"setup-S{setup}"),
        )
