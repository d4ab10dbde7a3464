"""``kincap sessions consent``, and the question about it before a recording or an export."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from .. import console
from ..options import RECORDINGS, Recordings
from ..sessions import Name, app

if TYPE_CHECKING:
    from ...sessions.consent import SessionConsent

_NONE: Final = "-"
"""Answer that takes no earlier text either."""
_MOST_NAMES: Final = 5


@app.command("consent")
def consent(
    name: Name,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help="What the person agreed to.")
    ] = None,
    recordings: Recordings = RECORDINGS,
) -> None:
    """Show what the person recorded agreed to, or note it."""
    from ...sessions.consent import consent_noted, note_consent
    from ...sessions.folders import find_folders

    (folder,) = find_folders(recordings, [name])
    if text is not None:
        note_consent(folder, text)
    noted = consent_noted(recordings, name)
    console.result(f"{name}: {noted or 'no consent is noted'}")


def ask_for_recording(
    given: str, *, recordings: Path, session: str, subject: str, source: str
) -> str:
    """Return the consent to a recording: given, or asked for on a terminal where none is noted.

    Args:
        given: The text of ``--consent``.
        recordings: The folder of all sessions.
        session: The session's name.
        subject: The person; what they agreed to before can be taken again.
        source: The source.

    Returns:
        The text; "" where none is noted, or the session has one.
    """
    from ...sessions.consent import consent_noted, earlier_consent, needs_consent

    asks = _can_ask() and needs_consent(source) and not consent_noted(recordings, session)
    if given or not asks:
        return given
    before, earlier = earlier_consent(recordings, subject)
    usual = f'Enter: as for {before}, "{earlier}"; {_NONE}: none' if earlier else "Enter: none"
    answer = _ask(f"{session}: what did the person agree to? ({usual})")
    return earlier if not answer and earlier else answer.removeprefix(_NONE).strip()


def warn_of_recording(recordings: Path, session: str, source: str) -> None:
    """Say in one line that no consent is noted of a session that was recorded.

    Args:
        recordings: The folder of all sessions.
        session: The session's name.
        source: The source.
    """
    from ...sessions.consent import consent_noted, needs_consent

    if needs_consent(source) and not consent_noted(recordings, session):
        console.say(
            f"warning: {session}: no consent is noted; kincap sessions consent {session} TEXT "
            "notes it"
        )


def ask_for_export(known: "Sequence[SessionConsent]") -> None:
    """Ask for missing consent on a terminal, and warn in one line where some is still missing.

    Args:
        known: The sessions of a data set.
    """
    from ...sessions.consent import note_consent

    missing = [one for one in known if not one.consent]
    here = [one for one in missing if one.folder is not None]
    if here and _can_ask():
        names = _some([one.name for one in here])
        text = _ask(f"{names}: what did the people agree to? (Enter: none)")
        for one in here if text else ():
            assert one.folder is not None
            note_consent(one.folder, text)
        missing = [one for one in missing if not text or one.folder is None]
    if missing:
        console.say(
            f"warning: no consent is noted of {_some([one.name for one in missing])}; kincap "
            "sessions consent NAME TEXT notes it"
        )


def _can_ask() -> bool:
    """Return True if a person is at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(question: str) -> str:
    """Ask for a line of text."""
    sys.stderr.write(f"{console.visible(question)} ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _some(names: Sequence[str]) -> str:
    """Return a few of many names."""
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def register(_parent: typer.Typer) -> None:
    """Add the command: importing this file has put it into the group of sessions."""
