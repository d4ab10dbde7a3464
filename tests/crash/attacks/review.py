"""Folders for the review page: every odd session of ``sessions.py``, and some of its own.

A session ``fine`` is beside each, so that the page has something to show.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kincap.core.checked_json import dump_checked, load_checked
from kincap.sessions.folders import SESSION_FILE

from . import Attack, sessions

VISIT = "tests.crash.review_visit"
LOOK = (("recordings",),)
MARKUP = "</script><img src=x onerror=alert(1)>\u202e\x1b[2J"


def _beside_a_fine_one(make: Callable[[Path], object]) -> Callable[[Path], object]:
    def lay(folder: Path) -> None:
        sessions.lay(folder, "fine")
        make(folder)

    return lay


def _changed(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Return a maker of a session whose session.json says something else."""

    def make(folder: Path) -> None:
        path = sessions.lay(folder) / SESSION_FILE
        said = load_checked(path.read_bytes())
        change(said)
        path.write_bytes(dump_checked(said, lines=True))

    return make


def _many(folder: Path) -> None:
    """Lay 300 sessions without a frame."""
    said = (sessions.lay(folder) / SESSION_FILE).read_bytes()
    for number in range(300):
        place = folder / "recordings" / f"empty{number}"
        place.mkdir()
        (place / SESSION_FILE).write_bytes(said)


def _many_edits(folder: Path) -> None:
    """Lay a session with 200,000 decisions."""
    utc = "2026-01-01T00:00:00Z"
    operations = [
        {"op": "reject", "seq_first": n % 50, "seq_last": n % 50, "note": "", "utc": utc}
        for n in range(200_000)
    ]
    kept = {"format_version": 1, "operations": operations}
    (sessions.lay(folder) / "edits.json").write_bytes(dump_checked(kept, lines=True))


def _odd_report(folder: Path) -> None:
    """Lay a session whose report says that the lag is somewhere that no frame is."""
    place = sessions.lay(folder)
    uuid = json.loads((place / SESSION_FILE).read_text())["uuid"]
    findings = [
        {
            "kind": "lag",
            "take": take,
            "seq_first": first,
            "seq_last": 10**30,
            "count": 1,
            "text": MARKUP,
        }
        for take, first in ((0, -5), (10**20, 10**25))
    ]
    quality = {"schema": "kincap/quality/1", "uuid": uuid, "findings": findings}
    (place / "quality.json").write_bytes(dump_checked(quality, lines=True))


def _twice(folder: Path) -> None:
    """Lay one session under two names, one of them a link to the other."""
    place = sessions.lay(folder)
    shutil.copytree(place, place.with_name("copy"))
    place.with_name("linked").symlink_to(place)


def _page(name: str, make: Callable[[Path], object]) -> Attack:
    return Attack(name, _beside_a_fine_one(make), LOOK, VISIT)


ATTACKS = [
    *(_page(attack.name, attack.make) for attack in sessions.ATTACKS),
    _page(
        "words are markup", _changed(lambda s: s.update(note=MARKUP, outfit=MARKUP, tags=[MARKUP]))
    ),
    _page("a note of a million letters", _changed(lambda s: s.update(note="x" * 1_000_000))),
    _page("a uuid of a million letters", _changed(lambda s: s.update(uuid="x" * 1_000_000))),
    _page("no uuid", _changed(lambda s: s.update(uuid=""))),
    _page("created at no time", _changed(lambda s: s.update(created_utc=MARKUP))),
    _page("300 sessions", _many),
    _page("200,000 decisions", _many_edits),
    _page("a report about frames that never were", _odd_report),
    _page("one session under three names", _twice),
]
