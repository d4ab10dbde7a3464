"""``kincap sessions correct``: labels corrected in another tool become edits of their session."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.checked_json import parse_json
from ...core.errors import DatasetError
from ...core.files.small_files import read_small
from ...core.geometry import Floats, unmirror_points
from ...core.skeleton import KEYPOINT_NAMES
from ...sessions.edits.journal import add_edits
from ..export.picture_names import PictureName, parse_name
from ..session_data import load_recording
from .corrected import MOST_BYTES, CorrectedPerson, odd
from .present import exported_labels, find_export, present_labels
from .read_coco import read_coco
from .read_cvat import read_cvat
from .read_labelstudio import read_labelstudio

TOLERANCE_PX: Final = 0.1
"""Of the picture: a point that moved by less did not move; tools round."""
MOST_TOLERANCE_PX: Final = 100.0
_DECIMALS: Final = 3


@dataclass(frozen=True)
class CorrectSettings:
    """Settings of one correction.

    Attributes:
        recordings: The folder of all sessions.
        session: The session's name.
        file: A corrected COCO, CVAT or Label Studio file.
        export: The folder that was exported; None: the one that the file is in, or else the
            session's present labels are what it is compared with.
        tolerance_px: See ``TOLERANCE_PX``.
        dry_run: Only show.
    """

    recordings: Path
    session: str
    file: Path
    export: Path | None = None
    tolerance_px: float = TOLERANCE_PX
    dry_run: bool = False


@dataclass
class Corrections:
    """Differences between a corrected file and the labels, and their edits.

    Attributes:
        session: The session's name.
        format: ``coco``, ``cvat`` or ``labelstudio``.
        people: How many people of the file are of this session.
        moved: How many keypoints were moved.
        visibility: How many keypoints got another visibility, those moved not counted.
        unchanged: How many keypoints are as they were.
        skipped: People that were left out, by reason.
        operations: The edits.
        compared_with: ``export`` or ``session``.
        applied: They were added to edits.json.
    """

    session: str
    format: str
    people: int = 0
    moved: int = 0
    visibility: int = 0
    unchanged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    operations: list[dict[str, Any]] = field(default_factory=list)
    compared_with: str = "session"
    applied: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "schema": "kincap/correct/1",
            **{key: getattr(self, key) for key in (
                "session", "format", "people", "moved", "visibility", "unchanged", "compared_with",
                "applied", "operations",
            )},
            "skipped": dict(self.skipped),
        }  # fmt: skip


@dataclass(frozen=True)
class _Person:
    """A corrected person of the session, and where the picture is from."""

    corrected: CorrectedPerson
    name: PictureName


def correct(settings: CorrectSettings) -> Corrections:
    """Turn what a person corrected in another tool into edits of a session.

    Args:
        settings: What to correct.

    Returns:
        The differences. Their edits are added as one decision, unless it is a dry run.

    Raises:
        DatasetError: The file can't be read or holds no picture of the session, or the tolerance
            is out of range.
        SessionError: The session can't be read.
    """
    if not 0 <= settings.tolerance_px <= MOST_TOLERANCE_PX:
        raise DatasetError(
            f"--tolerance {settings.tolerance_px:g}: expected 0 to {MOST_TOLERANCE_PX:g} pixels"
        )
    recording = load_recording(settings.recordings, settings.session)
    kind, people = _read(settings.file)
    found = Corrections(settings.session, kind)
    ours = list(_of_session(people, settings.session, found))
    if not ours:
        raise odd(settings.file, f"no picture of session {settings.session} with labels in it")
    folder = settings.export or find_export(settings.file)
    exported = exported_labels(folder) if folder is not None else {}
    found.compared_with = "session" if folder is None else "export"
    present = present_labels(
        recording, [one.name.color_seq for one in ours], [one.name.tracking_id for one in ours]
    )
    for row, one in enumerate(ours):
        if not present.is_there[row]:
            found.skipped["no such frame or person in the session"] += 1
            continue
        size_px = one.corrected.size_px
        stored = _to_stored(one, one.corrected.points, recording.size_px[0], recording.mirrored)
        before, seen = present.points[row], present.visibility[row]
        written = exported.get(_stem(one.corrected.picture))
        if written is not None:
            before = _to_stored(one, written[0], recording.size_px[0], recording.mirrored)
            seen = written[1]
        tolerance = settings.tolerance_px * one.name.side / min(size_px)
        found.people += 1
        _compare(found, one, stored, before, seen, tolerance)
    if found.operations and not settings.dry_run:
        add_edits(recording.folder, found.operations, uuid=recording.info.uuid)
        found.applied = True
    return found


def _read(path: Path) -> tuple[str, Iterator[CorrectedPerson]]:
    """Return the format of a file and its people; the content decides."""
    try:
        raw = read_small(path, MOST_BYTES)
    except OSError as err:
        raise DatasetError(f"--from {path}: {err.strerror or err}") from err
    if raw.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return "cvat", read_cvat(path, raw)
    try:
        content = parse_json(raw)
    except ValueError as err:
        raise odd(path, f"neither XML nor JSON ({err})") from err
    if isinstance(content, dict) and "annotations" in content:
        return "coco", read_coco(path, content)
    if isinstance(content, list):
        return "labelstudio", read_labelstudio(path, content)
    raise odd(path, "JSON, but neither COCO nor Label Studio's tasks")


def _of_session(
    people: Iterator[CorrectedPerson], session: str, found: Corrections
) -> Iterator[_Person]:
    """Yield the people in pictures of a session, and count the others."""
    by_picture: dict[str, list[_Person]] = {}
    for one in people:
        name = parse_name(one.picture)
        if name is None:
            found.skipped["the picture's name is not of an export"] += 1
        elif not name.is_of(session):
            found.skipped["of another session"] += 1
        else:
            by_picture.setdefault(one.picture, []).append(_Person(one, name))
    for several in by_picture.values():
        if len(several) == 1:
            yield several[0]
        else:
            found.skipped["several people in one picture"] += len(several)


def _to_stored(one: _Person, points: Floats, width: int, mirrored: bool) -> Floats:
    """Return points of a picture in pixels of the image as stored."""
    image = one.name.to_image(points, one.corrected.size_px)
    return unmirror_points(image, width) if mirrored else image


def _stem(picture: str) -> str:
    return picture.replace("\\", "/").rpartition("/")[2].rpartition(".")[0]


def _compare(
    found: Corrections,
    one: _Person,
    stored: Floats,
    before: Floats,
    seen: NDArray[np.uint8],
    tolerance: float,
) -> None:
    """Add the edits of one person, and count.

    Args:
        found: What is added to.
        one: The person.
        stored: (13, 2) corrected positions, pixels of the image as stored.
        before: (13, 2) positions that they are compared with.
        seen: (13,) visibility that theirs is compared with.
        tolerance: Pixels of the image.
    """
    distance = np.linalg.norm(stored - before, axis=1)
    about = {"seq": one.name.color_seq, "tracking_id": str(one.name.tracking_id)}
    for index, visibility in enumerate(one.corrected.visibility):
        if visibility is None:
            continue
        point = {**about, "keypoint": KEYPOINT_NAMES[index]}
        was = int(seen[index])
        said = {"op": "visibility", **point, "value": visibility}
        if visibility and (was == 0 or not distance[index] <= tolerance):
            place = stored[index].round(_DECIMALS).tolist()
            found.operations += [{"op": "move", **point, "xy_px": place}, said]
            found.moved += 1
        elif visibility != was:
            found.operations.append(said)
            found.visibility += 1
        else:
            found.unchanged += 1


def summary_lines(operations: Sequence[dict[str, Any]], most: int) -> list[tuple[Any, ...]]:
    """Return the first edits for a person to read: frame, person, keypoint, change."""
    lines = []
    for one in operations[:most]:
        change = (
            "to {}, {}".format(*one["xy_px"])
            if one["op"] == "move"
            else ("unlabelled", "occluded", "visible")[one["value"]]
        )
        lines.append((one["seq"], one["tracking_id"], one["keypoint"], change))
    return lines
