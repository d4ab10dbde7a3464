"""A run's folder: its settings, its figures by step, and its weights."""

import contextlib
import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

import tomli_w

from ...core.errors import KincapError
from ...core.files.file_io import LockFile
from .tensor_board import Board

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class RunFolder:
    """``runs/<kind>/<UTC time>-<name>/`` with config.toml, metrics.csv, best.ckpt and last.ckpt.

    Args:
        runs: Folder of all runs.
        kind: ``"pretrain"`` or ``"finetune"``.
        name: Last part of the folder's name.

    Raises:
        KincapError: The name can't be part of a path.

    Attributes:
        folder: The folder.
        home: The folder that ``--resume`` takes.
        best: The best checkpoint in it.
        last: The last one.
        metrics: The figures by step.
        board: Takes the lines of metrics.csv too, or None.
    """

    def __init__(self, runs: Path, kind: str, name: str) -> None:
        check_run_name(name)
        # to the second, and no colons: Windows has none in names
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"
        self._enter(_make_new(runs / kind, stem))

    @classmethod
    def reopen(cls, folder: Path) -> "RunFolder":
        """Return the folder of an earlier process, to go on in it."""
        run = cls.__new__(cls)
        run._enter(folder)
        return run

    @contextmanager
    def hold(self, is_first: bool = True) -> Iterator[None]:
        """Hold the folder against a second run, and clear what a killed one left unfinished.

        Args:
            is_first: Whether this is the process of the run that writes; others hold nothing.

        Raises:
            KincapError: Another run holds it, or it can't be written.
        """
        if not is_first:
            yield
            return
        lock = LockFile(self.folder / "lock")
        try:
            is_ours = lock.try_acquire()
        except OSError as error:
            raise KincapError(f"{self.folder}: can't be written ({error.strerror})") from None
        if not is_ours:
            raise KincapError(f"{self.folder}: another process trains in it; wait for its end")
        try:
            for left in self.folder.glob("*.ckpt*.tmp"):
                with contextlib.suppress(OSError):
                    left.unlink()
            yield
        finally:
            lock.release()

    def inner(self, name: str) -> "RunFolder":
        """Return a folder in this one, with files of its own; ``--resume`` takes the outer one.

        Raises:
            KincapError: It can't be made (exit 1).
        """
        folder = self.folder / name
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise KincapError(f"{folder}: can't be made ({error.strerror})", exit_code=1) from None
        run = RunFolder.reopen(folder)
        run.home = self.home
        return run

    def _enter(self, folder: Path) -> None:
        self.folder = self.home = folder
        self.best, self.last = folder / "best.ckpt", folder / "last.ckpt"
        self.metrics = folder / "metrics.csv"
        self.board: Board | None = None
        self._columns: list[str] | None = None

    def write_config(self, config: dict[str, Any]) -> None:
        """Write config.toml.

        Raises:
            KincapError: It can't be written; the run's folder is gone again.
        """
        path = self.folder / "config.toml"
        try:
            path.write_text(tomli_w.dumps(config), encoding="utf-8")
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                self.folder.rmdir()
            raise KincapError(f"--runs: {path} can't be written ({error.strerror})") from None

    def add_metrics(self, row: dict[str, float | int | None]) -> None:
        """Append a line to metrics.csv, so that it can be read while the run goes on.

        Args:
            row: Figures by column, the same columns each time; None leaves a cell empty.

        Raises:
            OSError: It can't be written.
        """
        with self.metrics.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if self._columns is None:
                self._columns = list(row)
                writer.writerow(self._columns)
            writer.writerow([_cell(row[column]) for column in self._columns])
        if self.board is not None:
            self.board.add(row)

    def drop_metrics_after(self, step: int) -> None:
        """Remove the lines of metrics.csv after a step, for a run that goes on from there."""
        try:
            with self.metrics.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
            columns = list(rows[0]) if rows else []
            kept = [row for row in rows if int(row["step"]) <= step]
            text = StringIO(newline="")
            writer = csv.DictWriter(text, columns)
            writer.writeheader()
            writer.writerows(kept)
            if len(kept) < len(rows):
                fresh = self.metrics.with_name("metrics.csv.tmp")
                fresh.write_text(text.getvalue(), encoding="utf-8", newline="")
                fresh.replace(self.metrics)
            self._columns = columns or None
        except (OSError, ValueError, TypeError, KeyError):
            self._columns = None  # not ours, or not there: it begins anew


def check_run_name(name: str) -> None:
    """Refuse a name that can't be part of a path on every system."""
    if not NAME.fullmatch(name) or ".." in name or name.endswith("."):
        raise KincapError(
            f"--name: {name!r} can't be part of a path; use letters, digits, dot, dash, underscore"
        )


def _make_new(parent: Path, stem: str) -> Path:
    """Make a folder of that name, numbered where a run of the same second has it."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise KincapError(f"--runs: {parent} can't be made ({error.strerror})") from None
    number = 1
    while True:
        folder = parent / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
