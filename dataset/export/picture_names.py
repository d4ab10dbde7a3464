"""File names of exported pictures: they say which frame, which person and which part it shows.

``clothing3__f1234__p72057594037927940__x412_y-8_s540.jpg`` shows, of colour frame 1234 of session
clothing3, the person with that tracking id, in a square of 540 pixels whose first column and row in
the un-mirrored image are 412 and -8. A corrected label finds its way back by this name alone.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import Floats

_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")
_UPLOAD: Final = re.compile(r"^[0-9a-f]{8}-")
_NAME: Final = re.compile(
    r"(?P<session>[A-Za-z0-9._-]{1,64})__f(?P<seq>\d{1,20})__p(?P<person>\d{1,20})"
    r"__x(?P<x>-?\d{1,6}(?:\.\d{1,3})?)_y(?P<y>-?\d{1,6}(?:\.\d{1,3})?)_s(?P<side>\d{1,6}(?:\.\d{1,3})?)"
    r"(?:__n\d+)?"
)


@dataclass(frozen=True)
class PictureName:
    """The frame, person and square that an exported picture shows.

    Attributes:
        session: The session's name.
        color_seq: Number of its colour frame.
        tracking_id: The person.
        x0: First column shown, in the un-mirrored colour image; a share of a pixel with a margin.
        y0: First row shown.
        side: Columns and rows shown.
    """

    session: str
    color_seq: int
    tracking_id: int
    x0: float
    y0: float
    side: float

    def text(self) -> str:
        """Return the file name without its ending."""
        return (
            f"{_plain(self.session)}__f{self.color_seq}__p{self.tracking_id}"
            f"__x{_short(self.x0)}_y{_short(self.y0)}_s{_short(self.side)}"
        )

    def is_of(self, session: str) -> bool:
        """Return True if it shows that session; Label Studio puts a prefix before an upload."""
        return session in (self.session, _UPLOAD.sub("", self.session))

    def to_image(self, points: Floats, size_px: tuple[int, int]) -> Floats:
        """Return points of the picture in pixels of the un-mirrored colour image.

        Args:
            points: (..., 2) pixels of the picture, pixel centres at integers.
            size_px: Width and height of the picture.
        """
        scale = self.side / np.asarray(size_px, np.float64)
        return np.asarray((points + 0.5) * scale - 0.5 + [self.x0, self.y0], np.float64)


def parse_name(path: str) -> PictureName | None:
    """Return what a picture shows by its file name, with or without folders; None if not ours."""
    stem = re.split(r"[/\\]", path)[-1]
    stem = re.sub(r"\.(jpg|jpeg|png)$", "", stem, flags=re.IGNORECASE)
    found = _NAME.fullmatch(stem)
    if found is None:
        return None
    side = float(found["side"])
    if not side > 0 or max(int(found["seq"]), int(found["person"])) >= 1 << 64:
        return None
    return PictureName(
        found["session"],
        int(found["seq"]),
        int(found["person"]),
        float(found["x"]),
        float(found["y"]),
        side,
    )


def picture_names(
    sessions: list[str],
    color_seq: NDArray[np.uint64],
    tracking_id: NDArray[np.uint64],
    bbox_xyxy_px: NDArray[np.floating],
) -> list[str]:
    """Return the names of N pictures, without their ending; no two are equal.

    Args:
        sessions: N names.
        color_seq: (N,) numbers of the colour frames.
        tracking_id: (N,) the people.
        bbox_xyxy_px: (N, 4) edges of what they show, in the un-mirrored image.
    """
    boxes = np.asarray(bbox_xyxy_px, np.float64)
    return _all_different(
        PictureName(session, seq, person, x0 + 0.5, y0 + 0.5, x1 - x0).text()
        for session, seq, person, (x0, y0, x1, _) in zip(
            sessions, color_seq.tolist(), tracking_id.tolist(), boxes.tolist(), strict=True
        )
    )


def frame_names(sessions: list[str], color_seq: NDArray[np.uint64]) -> list[str]:
    """Return the names of N whole frames, without their ending; no two are equal.

    Args:
        sessions: N names.
        color_seq: (N,) numbers of the colour frames.
    """
    return _all_different(
        f"{_plain(session)}__f{seq}"
        for session, seq in zip(sessions, color_seq.tolist(), strict=True)
    )


def _plain(session: str) -> str:
    """Return a session's or set's name as a part of a file name."""
    return _ODD.sub("_", session) or "_"


def _all_different(wanted: Iterable[str]) -> list[str]:
    """Return names that differ on every system; those that are repeated get a number."""
    seen: Counter[str] = Counter()
    names = []
    for name in wanted:
        # names that differ in upper and lower case alone are one file on Windows
        key = name.lower()
        seen[key] += 1
        names.append(name if seen[key] == 1 else f"{name}__n{seen[key]}")
    return names


def _short(value: float) -> str:
    """Return a number with at most three decimals, without trailing zeros."""
    return f"{value:.3f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
