"""Damages copies of sessions, one place after another, and reads and repairs them.

A process of its own, so that one that dies is seen and counted: ``python -m
tests.crash.flips_worker FOLDER`` reads a place a line from stdin, as JSON, and answers in a line
what came of it. FOLDER holds the whole sessions in ``whole``.
"""

import json
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

from kincap.core.errors import KincapError
from kincap.sessions.repair.verify import QUALITY_FILE

from . import damage, reading
from .damage import Place
from .reading import BrokenError

KIND_OF = {"session.json": "session", "manifest.jsonl": "manifest", "edits.json": "edits"}
RECORDED_EVERY = 5
"""How often the whole session is recorded again from the damaged one."""


class Trial:
    """One place damaged in a copy of its session.

    Args:
        whole: The session as it was.
        recordings: An empty folder to work in.
        place: What to damage.
        everything: Whether every command and the review page look at it, not verify alone.
        again: Whether to record the session again from the damaged one.
    """

    def __init__(
        self, whole: Path, recordings: Path, place: Place, *, everything: bool, again: bool
    ) -> None:
        self.whole, self.recordings, self.place = whole, recordings, place
        self.everything, self.again = everything, again
        self.folder = recordings / whole.name
        shutil.copytree(whole, self.folder)
        self.problems: list[str] = []

    def run(self) -> str:
        """Return what came of it.

        Returns:
            ``found``, ``harmless``, ``as_cut_off`` (the last items of a shard that a kill left are
            gone, as after that kill) or ``silent``.

        Raises:
            BrokenError: Something ended as nothing may end.
        """
        damage.apply(self.folder, self.place)
        was, whole = _as_it_was(self.whole)
        verified = reading.kincap(*self._verify, "--json")
        report = verified.json()["sessions"][0]
        found = self._named(report["damaged"]) or self._noted(report["notes"])
        try:
            now = reading.items(self.folder)
        except KincapError as error:
            now = {}
            self._names_file(str(error))
        wrong = [key for key, item in now.items() if was.get(key) != item]
        if wrong:
            self.problems.append(f"wrong: {wrong[:3]} read otherwise than written")
        same = now == was and reading.content(self.folder) == whole
        cut_off = self._as_cut_off(verified, set(was) - set(now))
        if self.everything:
            self._look()
        if found or same or cut_off:
            self._repair(was, whole)
        if found:
            return "found"
        return "harmless" if same else "as_cut_off" if cut_off else "silent"

    def _noted(self, notes: list[str]) -> bool:
        """Say whether verify tells of damage in a file that can be made again."""
        return self.place.file == QUALITY_FILE and any(
            note.startswith(f"{QUALITY_FILE}: its checksum differs") for note in notes
        )

    @property
    def _verify(self) -> tuple[object, ...]:
        """The words that verify it."""
        return "sessions", "verify", self.folder.name, "--recordings", self.recordings

    def _look(self) -> list[reading.Said]:
        """Let everything that reads a session read it; return what the commands said."""
        said = list(reading.look(self.recordings, self.folder.name))
        reading.replay(self.folder)
        reading.review(self.recordings, self.folder.name)
        if self.again:
            self._record()
        return said

    def _named(self, damages: list[dict[str, Any]]) -> bool:
        """Say whether verify found the damage; it has to name the file that it lies in."""
        if not damages:
            return False
        file = self.place.file
        named = any(
            one["shard"] == file or one["kind"] in ("lost", KIND_OF.get(file.partition("/")[0]))
            for one in damages
        )
        if not named:
            self.problems.append(f"misnamed: {file} is damaged, verify says {damages[:2]}")
        return True

    def _names_file(self, text: str) -> None:
        """See that a refusal says in one line which session it is about."""
        if self.folder.name not in text or "\n" in text:
            self.problems.append(f"misnamed: the refusal reads {text!r}")

    def _as_cut_off(self, verified: reading.Said, gone: set[reading.Item]) -> bool:
        """Say whether all that is gone stood last in a shard of which nothing else can tell."""
        notes = verified.json()["sessions"][0]["notes"]
        left = f"{self.place.file}: not sealed, its recorder did not end cleanly" in notes
        last = damage.last_items(self.whole, self.place.file) if left else {}
        return left and all(seq == last.get(stream) for stream, seq in gone)

    def _record(self) -> None:
        """Record the session again from itself, as far as it can be read."""
        other = self.recordings.with_name(f"{self.recordings.name}-again")
        shutil.rmtree(other, ignore_errors=True)
        reading.kincap(
            "record", "--session", "again", "--source", f"session:{self.folder}", "--shard-mib", 8,
            "--recordings", other,
        )  # fmt: skip

    def _repair(self, was: dict[reading.Item, bytes], whole: dict[str, Any]) -> None:
        """Repair it: verify has to be content, and all that was not touched there."""
        hit = damage.touched(self.whole, self.folder, self.place.file)
        at = ("--recordings", self.recordings)
        repaired = reading.kincap("sessions", "repair", self.folder.name, "--json", *at)
        verified = reading.kincap(*self._verify)
        if repaired.code or verified.code:
            self.problems.append(f"unrepaired: {repaired.out}{repaired.err}{verified.out}")
            return
        now = reading.items(self.folder)
        lost = [key for key in was if key not in hit and key not in now]
        wrong = [key for key, item in now.items() if was.get(key) != item]
        if lost or wrong:
            self.problems.append(f"lost: by repair: {lost[:3]}, wrong: {wrong[:3]}")
        after = reading.content(self.folder)
        if self.place.file != "edits.json" and after["edits"] != whole["edits"]:
            self.problems.append("lost: decisions, by repair")
        for said in self._look() if self.everything else ():
            # a data set can't be built of the few frames that some damage leaves
            if said.code and "nothing is left for" not in said.err:
                self.problems.append(f"unusable: after repair: {said.err or said.out}")


@cache
def _as_it_was(whole: Path) -> tuple[dict[reading.Item, bytes], dict[str, Any]]:
    """Return all that a reader gives of a whole session."""
    return reading.items(whole), reading.content(whole)


def main() -> None:
    """Try one place after another until stdin ends."""
    top = Path(sys.argv[1])
    answers, sys.stdout = sys.stdout, sys.stderr
    scratch = Path(sys.argv[2])
    for line in sys.stdin:
        asked = json.loads(line)
        place = Place(**asked["place"])
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        problems = []
        try:
            turn, every = divmod(asked["number"], asked["look_every"])
            trial = Trial(
                top / "whole" / place.session,
                scratch,
                place,
                everything=every == 0,
                again=turn % RECORDED_EVERY == 0,
            )
            outcome = trial.run()
            problems = trial.problems
        except BrokenError as error:
            outcome = "broken"
            problems = [f"broken: {error}"]
        answer = {"number": asked["number"], "outcome": outcome, "problems": problems}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
