"""The daemon that records into the folder of the page: found, asked, and passed on.

The page never talks to the daemon itself. Its requests come to this server, which has the daemon's
token from the file that only this user can read; neither that token nor the daemon's secret is part
of any answer.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ...capture.daemon.connection import DaemonConnection
from ...capture.daemon.discovery import DaemonFile, find_daemon
from ...capture.daemon.picture import BODIES_HEADER, NUMBER_HEADER
from ...core.errors import KincapError
from ...web.access import LOOPBACK

PASSED_HEADERS: Final = (NUMBER_HEADER, BODIES_HEADER)


class DaemonLink:
    """Asks the daemon of a folder of sessions; may be used by several threads.

    Args:
        recordings: The folder.
    """

    def __init__(self, recordings: Path) -> None:
        self._recordings = recordings
        self._connection: DaemonConnection | None = None

    def status(self) -> dict[str, Any]:
        """Return what the daemon says of itself.

        Returns:
            ``daemon``: as ``kincap daemon status --json`` prints it; None where no daemon records
            into this folder. ``problem``: why it can't be asked, or "".
        """
        daemon, problem = None, ""
        try:
            found = self._find()
            if found is not None:
                daemon = found.get("/api/status")
        except KincapError as error:
            problem = str(error)
        return {"schema": "kincap/review-daemon/1", "daemon": daemon, "problem": problem}

    def picture(self, after: int) -> tuple[bytes, dict[str, str]] | None:
        """Return the newest picture as a JPEG with its number and bodies; None: no newer one.

        Args:
            after: Number of the picture that is known; -1 for none.

        Raises:
            KincapError: The daemon does not answer.
        """
        found = self._find()
        answer = None if found is None else found.picture(after)
        if answer is None:
            return None
        jpeg, headers = answer
        return jpeg, {name: headers.get(name, "") for name in PASSED_HEADERS}

    def post(self, what: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Pass a request on; return the daemon's answer.

        Args:
            what: One of the daemon's requests, such as "record".
            body: Goes to the daemon as it is; the daemon checks it.

        Raises:
            KincapError: No daemon records into this folder, it refused, or it does not answer.
        """
        found = self._find()
        if found is None:
            raise KincapError(
                "no daemon records into this folder; kincap daemon start, with the same "
                "--recordings, starts one"
            )
        return found.post(f"/api/{what}", body)

    def _find(self) -> DaemonConnection | None:
        """Return a connection to the daemon that records into this folder."""
        daemon = find_daemon()
        if daemon is None or not self._is_ours(daemon):
            self._connection = None
        elif self._connection is None or self._connection.daemon != daemon:
            self._connection = DaemonConnection(daemon)
        return self._connection

    def _is_ours(self, daemon: DaemonFile) -> bool:
        """Return True if the daemon records into this folder, on this machine."""
        folder = Path(daemon.recordings)
        # no request of the page leaves the machine, whatever the file says
        is_near = daemon.url.startswith(f"http://{LOOPBACK}:")
        return is_near and folder.resolve() == self._recordings.resolve()
