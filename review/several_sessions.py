"""Several sessions at once: one decision about all of them, verify, report."""

from collections.abc import Mapping
from typing import Any

from ..core.errors import KincapError
from ..sessions.edits.operations import Operation
from .session_list import SessionList


def decide_about(
    sessions: SessionList, chosen: Mapping[str, str], operation: Operation
) -> dict[str, str | None]:
    """Make one decision about several sessions.

    Args:
        sessions: The list that they are in.
        chosen: The uuid of each, by name.
        operation: A tag or a note about all frames.

    Returns:
        By name why it was not made; None: it was.
    """
    done: dict[str, str | None] = {}
    for name, uuid in chosen.items():
        try:
            sessions.edit(name, uuid, [operation])
            done[name] = None
        except (KincapError, OSError) as error:
            done[name] = sessions.plain(error)
    return done


def check(sessions: SessionList, chosen: Mapping[str, str], what: str) -> dict[str, Any]:
    """Verify several sessions, or make their reports.

    Args:
        sessions: The list that they are in.
        chosen: The uuid of each, by name.
        what: ``verify`` or ``report``.

    Returns:
        By name ``ok`` and ``text``, for a person.
    """
    return {name: _check(sessions, name, uuid, what) for name, uuid in chosen.items()}


def _check(sessions: SessionList, name: str, uuid: str, what: str) -> dict[str, Any]:
    try:
        if what == "report":
            verdict, problem = sessions.make_report(name, uuid)
            text = verdict if problem is None else sessions.without_folder(problem)
            return {"ok": problem is None, "text": text}
        found = sessions.verify(name, uuid)
        damage = [sessions.without_folder(str(one)) for one in found.damage]
        return {"ok": found.ok, "text": "; ".join(damage[:5]) or "undamaged"}
    except (KincapError, OSError) as error:
        return {"ok": False, "text": sessions.plain(error)}
