"""Start ``kincap review`` on a folder, ask for everything that its page asks for, press Ctrl-C.

``python -m tests.crash.review_visit FOLDER`` leaves with what kincap left with where it refuses the
folder, with 9 where the page's server answers with a fault of its own, hangs or does not end.
"""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

FAULT = 9
ANSWER_S = 40.0
LIST_S = 10.0
END_S = 5.0
STATUSES = (200, 400, 404, 405, 409, 410, 413, 422, 500, 503)
"""What may be answered; 500 only for what the disk refuses."""
ODD_NAMES = ("..", "%2e%2e", "CON", "a%00b", "<script>", "x" * 300)


class FaultError(Exception):
    """Something that must not happen."""


class Visitor:
    """Asks a running server as its page does.

    Args:
        url: The printed address.
    """

    def __init__(self, url: str) -> None:
        self._host = urlsplit(url).netloc
        self._headers = {"Origin": f"http://{self._host}", "Content-Type": "application/json"}
        token = urlsplit(url).query.removeprefix("token=")
        opened = self.ask("/open", {"token": token})[1]
        self._headers["Kincap-Secret"] = json.loads(opened)["secret"]

    def ask(self, path: str, body: object = None, limit_s: float = ANSWER_S) -> tuple[int, bytes]:
        """Send one request.

        Raises:
            FaultError: The answer is a fault of the server's own, or comes late or never.
        """
        connection = http.client.HTTPConnection(self._host, timeout=limit_s)
        with contextlib.closing(connection):
            try:
                sent = None if body is None else json.dumps(body)
                connection.request("GET" if sent is None else "POST", path, sent, self._headers)
                answer = connection.getresponse()
                read = answer.read()
            except (OSError, http.client.HTTPException) as error:
                raise FaultError(f"{path}: {error!r}") from error
        if answer.status not in STATUSES or b"the server failed" in read:
            raise FaultError(f"{path}: {answer.status} {read[:300]!r}")
        return answer.status, read

    def look_at_all(self) -> None:
        """Ask for the list, and for all of each session."""
        report = json.loads(self.ask("/api/sessions", limit_s=LIST_S)[1])
        for line in report["sessions"]:
            for path, body in self._requests(line):
                self.ask(f"/api/sessions/{quote(line['name'])}{path}", body)
        for name in ODD_NAMES:
            if self.ask(f"/api/sessions/{quote(name)}")[0] != 404:
                raise FaultError(f"a session called {name!r}")
        self.ask("/api/sessions", limit_s=LIST_S)

    def _requests(self, line: dict[str, Any]) -> Iterator[tuple[str, object]]:
        """Yield what is asked about one session."""
        # a server answers an address of a megabyte by closing the connection
        about = {"uuid": line["uuid"][:500] or "none"}
        last = max(0, int(line["frames"]) - 1)
        yield from ((path, None) for path in ("", "/thumbnail", "/timeline/0", "/bodies/0"))
        yield from ((f"/frames/{seq}", None) for seq in {0, 3, last, 10**9})
        yield "/findings", None
        yield "/edits", {"op": "reject", "first": 0, "last": 1, **about}
        yield "/edits", {"op": "keep", "first": 0, "last": 10**14, **about}
        yield from ((path, about) for path in ("/undo", "/redo"))
        yield f"/frames/0?uuid={quote(about['uuid'])}", None


def visit(recordings: str) -> int:
    """Look at a folder of sessions; return the code to leave with."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", "review", "--no-open", "--port", "0"]
        + ["--recordings", recordings],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            _, said = process.communicate(timeout=END_S)
            sys.stderr.write(said)
            return process.returncode
        Visitor(url).look_at_all()
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=END_S * 4)
        seconds = time.monotonic() - began
        sys.stderr.write(said)
        if process.returncode != 0 or seconds > END_S or "Traceback" in said:
            raise FaultError(f"left with {process.returncode} after {seconds:.1f} s")
    except (FaultError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"review: {error}\n")
        return FAULT
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(visit(sys.argv[1]))
