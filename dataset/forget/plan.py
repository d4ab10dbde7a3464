"""Find everything that is known of a person, before anything is removed."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from ...core.errors import DatasetError, SessionError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import FileIO, LockFile
from ...core.valid_text import valid_text
from ...sessions.folders import find_folders, may_read
from ...sessions.lock import holder, in_use
from ...sessions.repair.rename_delete import Contents, contents
from ...sessions.session_file import load_session
from .exports import ExportOfPerson, export_of_person
from .files_beside import outputs_of
from .journal import ForgetJournal
from .places import (
    DISTILLED,
    RUNS,
    Mention,
    Search,
    find_data_sets,
    find_exports,
    find_sheets,
    log_folder,
    search,
)
from .remaining_rows import RowsOfPerson, rows_of_person
from .words import Words

_UNFINISHED: Final = ".part.json"


@dataclass(frozen=True)
class ForgetSettings:
    """Settings of ``kincap sessions forget``.

    Attributes:
        subject: The person, as in session.json.
        recordings: The folder of all sessions.
        data: Data sets; (): those in the current folder and in the folder of the sessions.
        folder: The current folder: where data sets, exports and runs are looked for.
    """

    subject: str
    recordings: Path = Path("recordings")
    data: tuple[Path, ...] = ()
    folder: Path = Path()


@dataclass
class ForgetPlan:
    """All that is known of a person.

    Attributes:
        subject: The person.
        sessions: Their sessions, with all files.
        data: The data sets that have sessions of theirs as sources.
        unfinished: Data sets of interrupted builds with their pictures.
        exports: Exported folders with their pictures.
        checkpoints: Nets that were trained on their pictures.
        mentions: Other files that name them; some are changed with the data sets.
        logs: Log files that name them.
        sheets: Sheets of ``kincap evaluate``, which may show them.
        unreadable: Sessions that may be theirs: session.json can't be read.
        done: What an interrupted run had done; empty: there was none.
        pending: Data sets without their rows, whose files beside are still to be made again.
        journal: What an interrupted run leaves for the next one.
        searched: Where was looked.
    """

    subject: str
    sessions: list[Contents] = field(default_factory=list)
    data: list[RowsOfPerson] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)
    exports: list[ExportOfPerson] = field(default_factory=list)
    checkpoints: list[Mention] = field(default_factory=list)
    mentions: list[Mention] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    sheets: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    pending: list[Path] = field(default_factory=list)
    journal: ForgetJournal = field(kw_only=True)
    searched: tuple[Path, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Return True if nothing is known of the person."""
        found = (self.sessions, self.data, self.unfinished, self.exports, self.checkpoints,
                 self.mentions, self.logs, self.done)  # fmt: skip
        return not any(found)

    @property
    def rows(self) -> int:
        """Their rows in all data sets."""
        return sum(one.rows for one in self.data)

    @property
    def bytes(self) -> int:
        """Size of their sessions."""
        return sum(one.bytes for one in self.sessions)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions forget --json`` prints it."""
        return {
            "sessions": [one.folder.name for one in self.sessions],
            "session_bytes": self.bytes,
            "data": [
                {"path": str(one.path), "rows": one.rows, "of": one.total} for one in self.data
            ],
            "unfinished": [str(path) for path in self.unfinished],
            "exports": [{"path": str(one.path), "people": one.people} for one in self.exports],
            "checkpoints": [str(one.path) for one in self.checkpoints],
            "logs": [str(path) for path in self.logs],
            "done_before": self.done,
        }


def plan_forget(settings: ForgetSettings, io: FileIO | None = None) -> ForgetPlan:
    """Find what is known of a person; nothing is changed.

    Args:
        settings: Who, and where to look.
        io: File handling.

    Raises:
        SessionError: Nothing is known; a session is in use, or a data set is being built.
        DatasetError: A data set that was named can't be read.
    """
    if not settings.subject.strip():
        raise SessionError("SUBJECT: empty; expected the subject of sessions to forget")
    # as record stores what a terminal gave in another encoding
    settings = replace(settings, subject=valid_text(settings.subject))
    at = settings.recordings if settings.recordings.is_dir() else settings.folder
    journal = ForgetJournal(at, settings.subject, io or default_io())
    plan = ForgetPlan(settings.subject, journal=journal)
    if journal.load():
        plan.done = journal.done or ["nothing yet"]
    subjects = _find_sessions(settings, plan, journal)
    for path in _data_sets(settings):
        rows = rows_of_person(path, journal.words)
        if rows is not None:
            plan.data.append(rows)
            journal.add(Words(settings.subject, rows.uuids, rows.names), frozenset())
        elif str(path) in journal.making:
            plan.pending.append(path)
    plan.exports = [
        found
        for path in find_exports(folders_of(settings))
        if (found := export_of_person(path, journal.words, journal.sessions)) is not None
    ]
    plan.searched = _searched_places(settings, plan)
    skip = {one.folder for one in plan.sessions} | {one.path for one in plan.exports}
    _sort(plan, search(plan.searched, journal.words, frozenset({*skip, journal.path})))
    if plan.data:
        plan.sheets = find_sheets(plan.searched)
    for path in plan.unfinished:
        _check_not_built(path)
    if plan.is_empty:
        known = ", ".join(sorted(filter(None, subjects))) or "none"
        raise SessionError(
            f"{settings.subject}: nothing here names this subject; subjects of "
            f"{settings.recordings}: {known}"
        )
    return plan


def _find_sessions(settings: ForgetSettings, plan: ForgetPlan, journal: ForgetJournal) -> set[str]:
    """Find the sessions of the person; return all subjects."""
    subjects = set()
    for folder in find_folders(settings.recordings):
        try:
            if not may_read(folder):
                raise SessionError("")
            info = load_session(folder, strict=False)
        except SessionError:
            plan.unreadable.append(folder.name)
            continue
        subjects.add(info.subject)
        if info.subject != settings.subject:
            continue
        if in_use(folder):
            by = holder(folder) or {}
            raise SessionError(
                f"{folder}: in use by process {by.get('pid', '?')} ({by.get('command', '?')}); "
                "nothing was removed; run it again when that has ended"
            )
        plan.sessions.append(contents(settings.recordings, folder.name))
        words = Words(settings.subject, frozenset({info.uuid}), frozenset({folder.name}))
        journal.add(words, frozenset({folder.name}))
    return subjects


def _data_sets(settings: ForgetSettings) -> list[Path]:
    """Return the data sets to look at; none may be in the making."""
    for path in settings.data:
        if not path.is_file():
            raise DatasetError(f"--data {path}: there is no such file; name a data set")
    folders = (*folders_of(settings), settings.folder / RUNS / DISTILLED)
    found = list(settings.data) or find_data_sets(folders)
    for path in found:
        _check_not_built(path)
    return found


def _check_not_built(path: Path) -> None:
    """Refuse while a build writes a data set."""
    if LockFile(outputs_of(path).lock).is_held():
        raise DatasetError(f"{path}: is being built; run it again when that has ended")


def folders_of(settings: ForgetSettings) -> tuple[Path, ...]:
    """Return where data sets and exports are looked for."""
    beside = (path.parent for path in settings.data)
    return tuple(dict.fromkeys((settings.folder, settings.recordings, *beside)))


def _searched_places(settings: ForgetSettings, plan: ForgetPlan) -> tuple[Path, ...]:
    """Return the folders and files that are searched for what names the person."""
    roots = [settings.recordings, settings.folder / RUNS, log_folder()]
    roots += [one.path for one in plan.exports]
    for folder in folders_of(settings):
        if folder != settings.recordings and folder.is_dir():
            roots += sorted(path for path in folder.iterdir() if path.is_file())
    return tuple(dict.fromkeys(path for path in roots if path.exists()))


def _sort(plan: ForgetPlan, found: Search) -> None:
    """Sort what was found by what is to be done about it."""
    logs = log_folder()
    changed = set(_changed_files(plan))
    for one in found.found:
        if one.is_checkpoint:
            plan.checkpoints.append(one)
        elif logs in one.path.parents:
            plan.logs.append(one.path)
        elif one.path.name.endswith(_UNFINISHED):
            plan.unfinished.append(one.path.with_name(one.path.name.removesuffix(_UNFINISHED)))
        elif one.path not in changed:
            plan.mentions.append(one)


def _changed_files(plan: ForgetPlan) -> Iterator[Path]:
    """Yield the files that are made again or deleted with the data sets."""
    for path in (*(one.path for one in plan.data), *plan.pending):
        outputs = outputs_of(path)
        yield from (outputs.out, outputs.about, outputs.sheet)
        if outputs.report is not None:
            yield outputs.report
