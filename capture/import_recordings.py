"""``kincap import``: many recordings of others at once, each into a session of its own.

Each file is recorded under a name that begins with ``importing-`` and gets its own name when it is
complete, so an import that was cut off goes on with the file at which it ended.
"""

import glob
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ..core.errors import KincapError, SensorError
from ..report.quality import report as make_report
from ..sessions.folders import session_folder
from ..sessions.repair.rename_delete import delete, rename
from ..sessions.session_file import load_session
from .pipeline import OnProgress
from .record import RecordError, RecordResult, RecordSettings, record
from .sources.registry import SOURCES, kind_of, open_source, recordings_in

_PARTIAL: Final = "importing-"
_MOST_NAME: Final = 64
_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class ImportSettings:
    """The recordings to import, and the settings of all their sessions.

    Attributes:
        patterns: Files, folders or patterns such as ``DIR/*.txt``, with or without the name of a
            source before them (``irds:DIR/*.txt``) and options after them.
        record: Settings that all sessions share; its session is not used.
        prefix: Put in front of the sessions' names.
    """

    patterns: tuple[str, ...]
    record: RecordSettings
    prefix: str = ""


@dataclass
class Imported:
    """One recording of an import.

    Attributes:
        source: The recording, as ``--source`` takes it.
        session: Name of its session.
        state: "recorded", "exists", "refused" (nothing was recorded), "failed" (recording ended
            early), or "waiting".
        color_frames: Colour frames stored.
        body_frames: Body rows stored.
        dropped: Lost items by reason.
        verdict: The report's verdict.
        warnings: Problems that were found, in order.
        error: The reason of "refused" and "failed".
    """

    source: str
    session: str
    state: str = "waiting"
    color_frames: int = 0
    body_frames: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    verdict: str | None = None
    warnings: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass
class ImportResult:
    """The result of an import.

    Attributes:
        items: Every recording, in order.
        is_interrupted: Ctrl-C or a signal ended it.
        ended_by: The error after which nothing more can be recorded, such as a full disk.
    """

    items: list[Imported]
    is_interrupted: bool = False
    ended_by: KincapError | None = None

    @property
    def counts(self) -> dict[str, int]:
        """Number of recordings by state."""
        return dict(sorted(Counter(item.state for item in self.items).items()))

    @property
    def exit_code(self) -> int:
        """0: all are there; 1: some are not; 2: nothing could be recorded; 130: interrupted."""
        if self.is_interrupted:
            return 130
        states = {item.state for item in self.items}
        if states <= {"recorded", "exists"}:
            return 0
        return 2 if states == {"refused"} and self.ended_by is None else 1

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap import --json`` prints it."""
        return {
            "schema": "kincap/import/1",
            "counts": self.counts,
            "sessions": [vars(item) for item in self.items],
        }


def import_recordings(
    settings: ImportSettings,
    *,
    on_item: Callable[[int, Imported], None] | None = None,
    on_progress: OnProgress | None = None,
    on_warning: Callable[[str], None] | None = None,
) -> ImportResult:
    """Record every named file that has no session yet.

    Args:
        settings: The files and the settings.
        on_item: Called with the number of recordings done and the last of them.
        on_progress: As in ``record``, for the recording under way.
        on_warning: Called with each problem, one line, when it is found.

    Returns:
        The state of every recording.

    Raises:
        KincapError: A pattern matches nothing, or two files would get one name (exit 2); nothing
            was recorded.
    """
    result = ImportResult(list(_named(settings)))
    for done, item in enumerate(result.items, 1):
        try:
            finished = _import_one(settings.record, item, on_progress, on_warning)
        except KeyboardInterrupt:
            result.is_interrupted = True
            break
        except KincapError as error:
            item.state, item.error = "failed", str(error)
            result.ended_by = error
            break
        if not finished:
            result.is_interrupted = True
            break
        if on_item is not None:
            on_item(done, item)
    return result


def _import_one(
    shared: RecordSettings,
    item: Imported,
    on_progress: OnProgress | None,
    on_warning: Callable[[str], None] | None,
) -> bool:
    """Record one file, unless it has its session already; return False if that was interrupted.

    Raises:
        KincapError: No other file can be recorded either, such as on a full disk.
    """
    recordings = shared.recordings
    try:
        if session_folder(recordings, item.session).exists():
            _check_same(recordings, item)
            item.state = "exists"
            return True
        sensor = open_source(item.source)
    except KincapError as error:
        item.state, item.error = "refused", str(error)
        return True
    partial = f"{_PARTIAL}{item.session}"[:_MOST_NAME]
    outfit = shared.outfit or sensor.info.outfit or item.session
    _remove_partial(recordings, partial, item)
    settings = replace(shared, session=partial, source=item.source, outfit=outfit, report=False)
    try:
        done = record(settings, sensor=sensor, on_progress=on_progress, on_warning=on_warning)
    except RecordError as error:
        _fill(item, error.result, "failed")
        item.error = str(error)
        return True
    except SensorError as error:
        item.state, item.error = "refused", str(error)
        return True
    if done.stopped:
        delete(recordings, partial)
        return False
    rename(recordings, partial, item.session)
    _fill(item, done, "recorded")
    if shared.report:
        quality, problem = make_report(recordings, item.session)
        item.verdict = quality["verdict"]
        item.warnings += [] if problem is None else [problem]
    return True


def _fill(item: Imported, done: RecordResult, state: str) -> None:
    item.state, item.dropped, item.warnings = state, done.dropped, list(done.warnings)
    item.color_frames, item.body_frames = done.color_frames, done.body_frames


def _check_same(recordings: Path, item: Imported) -> None:
    """Check that a session of an item's name was recorded from the item's file.

    Raises:
        KincapError: It was not, or can't be read.
    """
    uri = str(load_session(recordings / item.session).source.get("uri", ""))
    if _resolved(uri) != _resolved(item.source):
        raise SensorError(
            f"{recordings / item.session}: exists, recorded from {uri}; pass --prefix to import "
            f"{item.source} under another name"
        )


def _resolved(source: str) -> tuple[str, Path]:
    kind, _, rest = source.partition(":")
    return kind, Path(rest).resolve()


def _remove_partial(recordings: Path, partial: str, item: Imported) -> None:
    """Delete what an import of the same file left that was cut off; its file is still there.

    Raises:
        KincapError: The session is of another file.
    """
    folder = recordings / partial
    if not folder.exists():
        return
    _check_same(recordings, replace(item, session=partial))
    delete(recordings, partial)


def _named(settings: ImportSettings) -> Iterator[Imported]:
    """Yield the recordings that the patterns name, each with the name of its session.

    Raises:
        KincapError: A pattern matches nothing, or two files would get one name.
    """
    named: dict[str, str] = {}
    for pattern in settings.patterns:
        for kind, path, options in _matches(pattern):
            text = f"{kind}:{path}{options}" if kind else f"{path}"
            for suffix, source in recordings_in(text):
                session = session_name(path, settings.prefix, suffix)
                if named.get(session) == source:
                    continue
                if session in named:
                    raise KincapError(
                        f"{source}: would be session {session}, as {named[session]} is; import "
                        "them one after the other with --prefix"
                    )
                named[session] = source
                yield Imported(source, session)


def session_name(path: Path, prefix: str = "", suffix: str = "") -> str:
    """Return the name of the session for a file: its stem, other characters replaced by ``-``."""
    stem = path.name if path.is_dir() else path.stem.removesuffix("_rgb")
    name = _NOT_IN_A_NAME.sub("-", prefix + stem).strip("-._")
    while ".." in name:
        name = name.replace("..", ".")
    longest = _MOST_NAME - len(_PARTIAL) - len(suffix)
    return (name[:longest].rstrip(".") or "recording") + suffix


def _matches(pattern: str) -> list[tuple[str, Path, str]]:
    """Return the recordings that a pattern names: kind, path, and options as text.

    Raises:
        KincapError: There is none.
    """
    kind, colon, rest = pattern.partition(":")
    source = SOURCES.get(kind) if colon else None
    if source is None or not source.argument:
        kind, rest = "", pattern
    path, comma, options = rest.partition(",")
    if source is None or Path(rest).exists() or not comma:
        path, options = rest, ""
    found = _paths(path)
    if found != [Path(path)] and Path(path).is_dir():
        # other files in a folder are not meant
        found = [each for each in found if _kind(each) and kind in ("", _kind(each))]
    if not found:
        raise KincapError(
            f"{pattern}: matches no recording; expected a file, a folder or DIR/*.txt"
        )
    videos = {each.stem.removesuffix("_rgb") for each in found if each.suffix.lower() == ".avi"}
    found = [e for e in found if e.suffix.lower() != ".skeleton" or e.stem not in videos]
    return [(kind or _kind(each), each, f",{options}" if options else "") for each in found]


def _kind(path: Path) -> str:
    source = kind_of(path)
    # opened as an unknown source, it is refused with the reason
    return "" if source is None else source.name


def _paths(path: str) -> list[Path]:
    """Return the files of a path or pattern, sorted; of a folder, the files in it."""
    if Path(path).is_dir():
        is_session = (Path(path) / "session.json").is_file()
        return [Path(path)] if is_session else sorted(Path(path).iterdir(), key=_natural)
    if Path(path).exists():
        return [Path(path)]
    return sorted(map(Path, glob.glob(path, recursive=True)), key=_natural)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Return a key that sorts numbers in names by value."""
    parts = re.split(r"(\d+)", path.as_posix())
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
