"""``kincap sessions forget``: remove everything that is known of a person, and prove it.

Data sets are rewritten first, then exports and logs, and the sessions go last: as long as they are
there, nothing is lost by an interruption. A journal in the folder of the sessions lets a run that
was interrupted go on.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...core.errors import DatasetError, KincapError
from ...core.files.fault_injection import default_io
from ...core.files.file_io import FileIO, LockFile
from ...core.progress import OnProgress
from ...sessions.repair.rename_delete import delete
from ...sessions.repair.rename_delete import delete_leftovers as delete_session_leftovers
from .exports import delete_export
from .exports import delete_leftovers as delete_export_leftovers
from .files_beside import (
    delete_unfinished,
    delete_with_files,
    make_again,
    outputs_of,
    pictures_beside,
)
from .journal import ForgetJournal
from .places import Mention, search
from .plan import ForgetPlan, ForgetSettings, folders_of
from .remaining_rows import RowsOfPerson, remove_rows, rows_of_person
from .words import Words


@dataclass(frozen=True)
class ForgetResult:
    """Result of forgetting a person.

    Attributes:
        plan: What was known of the person.
        files: Files that were searched at the end.
        mentions: Files that still name the person, but for the nets.
        checkpoints: Nets that were trained on the person's pictures.
        rows_left: Rows of the person that data sets still have.
        kept_exports: Exported folders that were changed since, and so were not deleted.
        done: What was done, by this run and an interrupted one.
    """

    plan: ForgetPlan
    files: int
    mentions: list[Mention]
    checkpoints: list[Mention]
    rows_left: int
    kept_exports: list[Path]
    done: list[str]

    @property
    def proven(self) -> bool:
        """Return True if no file but a net names the person, and no row is left."""
        return not (self.mentions or self.rows_left or self.kept_exports)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions forget --json`` prints it."""
        return {
            "schema": "kincap/forget/1",
            "subject": self.plan.subject,
            "removed": self.plan.to_json(),
            "done": self.done,
            "proof": {
                "proven": self.proven,
                "searched": [str(path) for path in self.plan.searched],
                "files": self.files,
                "rows_left": self.rows_left,
                "mentions": [{"path": str(one.path), "what": one.what} for one in self.mentions],
                "kept_exports": [str(path) for path in self.kept_exports],
                "sheets": [str(path) for path in self.plan.sheets],
            },
            "checkpoints": [str(one.path) for one in self.checkpoints],
        }


def forget(
    settings: ForgetSettings,
    plan: ForgetPlan,
    on_progress: OnProgress = lambda done, total, note: None,
    io: FileIO | None = None,
) -> ForgetResult:
    """Remove all that is known of a person, and search for what is left.

    Args:
        settings: Who, and where to look.
        plan: What was found there, and agreed to.
        on_progress: Told steps done, all steps, and the step.
        io: File handling.

    Returns:
        What was done and what is left.

    Raises:
        KincapError: A file can't be rewritten or deleted (exit 1): run it again.
    """
    io = io or default_io()
    steps = [*_data_steps(plan, io), *_folder_steps(settings, plan, io)]
    try:
        plan.journal.save()
        for number, (words, step) in enumerate(steps):
            on_progress(number, len(steps), words.rpartition(": ")[0])
            step()
            plan.journal.save(words)
        delete_session_leftovers(settings.recordings)
        for folder in folders_of(settings):
            delete_export_leftovers(folder)
        on_progress(len(steps), len(steps), "searching")
        return _prove(plan)
    except OSError as error:
        raise KincapError(
            f"{error.filename or settings.recordings}: {error.strerror or error}; run it again: "
            "it goes on where it was",
            exit_code=1,
        ) from error


_Step = tuple[str, Callable[[], None]]
"""A step in words, and the call that takes it."""


def _data_steps(plan: ForgetPlan, io: FileIO) -> Iterator[_Step]:
    """Yield the steps that change data sets and what is beside them."""
    for path in plan.pending:
        yield f"{path}: files beside it made again", partial(_make_again, path, plan.journal, io)
    for rows in plan.data:
        yield f"{rows.path}: {rows.rows} rows removed", partial(_rows, rows, plan.journal, io)
    for path in plan.unfinished:
        yield f"{path}: unfinished build deleted", partial(delete_unfinished, outputs_of(path), io)


def _folder_steps(settings: ForgetSettings, plan: ForgetPlan, io: FileIO) -> Iterator[_Step]:
    """Yield the steps that delete exports and sessions, and clean logs."""
    for export in plan.exports:
        if export.change is None:
            yield f"{export.path}: export deleted", partial(delete_export, export.path, io)
    for path in plan.logs:
        yield f"{path}: names removed", partial(_clean, path, plan.journal.words, io)
    for one in plan.sessions:
        name = one.folder.name
        yield f"{one.folder}: deleted", partial(_delete, settings.recordings, name, io)


def _rows(rows: RowsOfPerson, journal: ForgetJournal, io: FileIO) -> None:
    """Remove the rows of a person from a data set, and make the files beside it again."""
    outputs = outputs_of(rows.path)
    lock = LockFile(outputs.lock)
    if not lock.try_acquire():
        raise DatasetError(f"{rows.path}: is being built; run it again", exit_code=1)
    try:
        if rows.rows == rows.total:
            delete_with_files(outputs, io)
            return
        journal.making[str(rows.path)] = [str(path) for path in pictures_beside(outputs)]
        journal.save()
        remove_rows(rows, journal.words, io)
        _make_again(rows.path, journal, io)
    finally:
        lock.release()


def _make_again(path: Path, journal: ForgetJournal, io: FileIO) -> None:
    """Make the files beside a data set again."""
    drawn = [Path(name) for name in journal.making.get(str(path), ())]
    make_again(outputs_of(path), drawn, journal.words, io)
    journal.making.pop(str(path), None)


def _clean(path: Path, words: Words, io: FileIO) -> None:
    """Remove the words from a log file."""
    io.write_atomic(path, words.removed_from_bytes(path.read_bytes()), unique=True)


def _delete(recordings: Path, name: str, io: FileIO) -> None:
    """Delete a session."""
    delete(recordings, name, io)


def _prove(plan: ForgetPlan) -> ForgetResult:
    """Search for what is left; the journal, which names the person, is deleted last.

    It stays while a file still names the person: it alone knows the uuids that are searched for.
    """
    journal = plan.journal
    found = search(plan.searched, journal.words, frozenset({journal.path}))
    left = 0
    for one in plan.data:
        if one.path.exists():
            rows = rows_of_person(one.path, journal.words)
            left += 0 if rows is None else rows.rows
    done = list(journal.done)
    result = ForgetResult(
        plan=plan,
        files=found.files,
        mentions=[one for one in found.found if not one.is_checkpoint],
        checkpoints=[one for one in found.found if one.is_checkpoint],
        rows_left=left,
        kept_exports=[one.path for one in plan.exports if one.change is not None],
        done=done,
    )
    if result.proven:
        journal.delete()
    return result
