"""The daemon's routes: every one is closed to strangers, and answers what it should."""

import json
import time
from typing import Any

import pytest
from starlette.applications import Starlette

from kincap.capture.daemon.routes import DaemonRoutes, error_answer
from kincap.capture.daemon.server import STATIC_FOLDER
from kincap.web.access import Access
from kincap.web.app import inner_app
from kincap.web.static_files import PageFiles
from tests.web.asking import PORT, STRANGERS, all_requests

from .conftest import DaemonClient, wait_until

OPEN = ("/", "/static/main.js", "/open")
"""Answered without the secret: the page's own files, and where a token is exchanged for it."""


def inner(client: DaemonClient) -> Starlette:
    """Return the daemon's routes without the guard."""
    routes = DaemonRoutes(client.supervisor, client.ended.append).routes()
    access = Access(PORT, "kincap daemon")
    return inner_app(routes, PageFiles(STATIC_FOLDER), access, error_answer)


def requests(client: DaemonClient) -> list[tuple[str, str]]:
    """Return each method and path that the daemon answers."""
    found = all_requests(inner(client), {"file": "main.js", "number:int": "1"})
    # GET and HEAD of six, POST of ten
    assert len(found) == 22
    return found


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_refused_on_every_route(client: DaemonClient, stranger: str) -> None:
    for method, path in requests(client):
        if path in OPEN and "secret" in stranger:
            continue  # tests/web/test_guard.py: these disclose nothing
        headers = STRANGERS[stranger](client.good)
        body = b"{}" if method == "POST" else b""
        answer = client.ask(path, method, [*headers, ("content-type", "application/json")], body)
        assert answer.status in (401, 403, 421), f"{method} {path}"
        assert answer.body.count(b"\n") == 1
    assert client.ended == []
    assert client.supervisor.status()["recording"] is None
    assert client.supervisor.status()["last"] is None or stranger != next(iter(STRANGERS))


def test_no_get_changes_anything(client: DaemonClient) -> None:
    for method, path in requests(client):
        if method == "POST" and path != "/open":
            assert client.ask(path, "GET").status == 405
    assert client.ended == []


def record(client: DaemonClient, **asked: Any) -> dict[str, Any]:
    """Record through the application; return the outcome."""
    answer = client.post("/api/record", asked)
    assert answer.status == 200, answer.body
    return follow(client, answer.json()["recording"])


def follow(client: DaemonClient, number: int) -> dict[str, Any]:
    """Follow a recording to its end."""
    outcome: dict[str, Any] = wait_until(
        lambda: client.ask(f"/api/recordings/{number}").json()["outcome"]
    )
    return outcome


def test_a_recording_is_made_and_its_outcome_is_that_of_the_command(client: DaemonClient) -> None:
    outcome = record(client, session="one", frames=10, outfit="red", tags=["a", "b"])
    assert outcome["exit_code"] == 0
    assert outcome["error"] is None
    assert outcome["result"]["schema"] == "kincap/record/1"
    assert outcome["result"]["color_frames"] == 10
    assert outcome["lines"][0][0] == "quality"
    last = client.ask("/api/status").json()["last"]
    assert last["session"] == "one"
    assert last["color_frames"] == 10
    sessions = client.ask("/api/sessions").json()["sessions"]
    assert [(s["name"], s["color_frames"], s["outfit"]) for s in sessions] == [("one", 10, "red")]


def test_a_recording_is_paused_marked_retaken_and_stopped(client: DaemonClient) -> None:
    number = client.post("/api/record", {"session": "steered", "report": False}).json()["recording"]

    def live() -> dict[str, Any]:
        found: dict[str, Any] = client.ask("/api/status").json()["live"]
        return found

    wait_until(lambda: live()["color_frames"] > 5)
    assert client.post("/api/mark", {"text": "now"}).status == 200
    assert client.post("/api/pause", {}).status == 200
    wait_until(lambda: live()["state"] == "paused")
    assert client.post("/api/resume", {}).status == 200
    wait_until(lambda: live()["state"] == "recording" and live()["take"] == 1)
    assert client.post("/api/retake", {}).status == 200
    wait_until(lambda: live()["take"] == 2)
    busy = client.post("/api/record", {"session": "other"})
    assert busy.status == 409
    assert busy.json()["exit_code"] == 2
    assert "is recording steered" in busy.json()["error"]
    assert client.post("/api/stop", {}).status == 200
    outcome = follow(client, number)
    assert outcome["exit_code"] == 0
    assert outcome["result"]["takes"] == 3
    edits = json.loads(
        (client.supervisor.settings.recordings / "steered" / "edits.json").read_text()
    )
    assert "reject" in json.dumps(edits)


def test_a_cue_is_stored_and_shown_until_it_ends(client: DaemonClient) -> None:
    number = client.post("/api/record", {"session": "cued", "report": False}).json()["recording"]
    cue = {"name": "zoom", "phase": "begin", "text": "hands apart", "seconds": 5, "repetition": 2}
    assert client.post("/api/cue", cue).status == 200
    shown = client.ask("/api/status").json()["card"]
    assert (shown["name"], shown["text"], shown["repetition"]) == ("zoom", "hands apart", 2)
    assert 0 < shown["left_s"] <= 5
    assert client.post("/api/cue", {"name": "zoom", "phase": "end"}).status == 200
    assert client.ask("/api/status").json()["card"] is None
    for wrong in ({}, {"name": "zoom"}, {**cue, "phase": "middle"}, {**cue, "seconds": "x"},
                  {**cue, "seconds": 10**400}):  # fmt: skip
        assert client.post("/api/cue", wrong).status == 409
    client.post("/api/stop", {})
    assert follow(client, number)["exit_code"] == 0


def test_halves_of_characters_break_no_answer(client: DaemonClient) -> None:
    half = "half \ud800"
    asked = {"session": "half", "report": False, "note": half, "tags": [half]}
    number = client.post("/api/record", asked).json()["recording"]
    cue = {"name": half, "phase": "begin", "text": half}
    assert client.post("/api/cue", cue).status == 200
    assert client.post("/api/mark", {"text": half}).status == 200
    assert client.ask("/api/status").json()["card"]["text"] == "half \ufffd"
    client.post("/api/stop", {})
    assert follow(client, number)["exit_code"] == 0


def test_a_countdown_and_cue_cards_run_in_the_daemon(client: DaemonClient) -> None:
    deck = {"ready_s": 0.5, "cue": [{"name": "wave", "text": "with both hands", "seconds": 0.5}]}
    asked = {"session": "guided", "report": False, "countdown_s": 1, "cues": deck}
    number = client.post("/api/record", asked).json()["recording"]

    def live() -> dict[str, Any]:
        found: dict[str, Any] = client.ask("/api/status").json()["live"]
        return found

    assert wait_until(lambda: live()["state"] == "countdown" and live())["note"] == "1"
    shown = wait_until(lambda: live()["card"])
    assert (shown["name"], shown["text"]) == ("wave", "with both hands")
    outcome = follow(client, number)
    assert outcome["exit_code"] == 0
    assert outcome["result"]["color_frames"] > 20
    lines = client.ask(f"/api/recordings/{number}").json()["lines"]
    assert lines[-1] == "ended: the last card was shown"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "session name ''"),
        ({"session": "../up"}, "session name"),
        ({"session": 7}, "session: found int"),
        ({"session": "x", "frames": 0}, "--frames 0"),
        ({"session": "x", "frames": True}, "frames"),
        ({"session": "x", "frames": "5"}, "frames"),
        ({"session": "x", "frames": 1, "duration_s": 1}, "--frames and --duration"),
        ({"session": "x", "duration_s": -1}, "--duration"),
        ({"session": "x", "duration_s": 10**400}, "--duration inf"),
        ({"session": "x", "countdown_s": -(10**400)}, "--countdown -inf"),
        ({"session": "x", "tags": "a"}, "tags"),
        ({"session": "x", "tags": [1]}, "tag: found int"),
        ({"session": "x", "note": "n" * 5000}, "note: 5000 characters"),
        ({"session": "x", "source": "kinect"}, "--source kinect: the daemon holds"),
        ({"session": "x", "streams": ["color", "mask"]}, "--streams color,mask"),
        ({"session": "x", "recordings": "/elsewhere"}, "--recordings /elsewhere"),
        ({"session": "x", "countdown_s": -1}, "--countdown -1"),
        ({"session": "x", "start_when": "moon"}, "--start-when moon"),
        ({"session": "x", "cues": {"cue": []}}, "cues"),
        ({"session": "x", "cues": [1]}, "cues"),
        ({"session": "x", "sensor": "y"}, "sensor: the daemon does not know this setting"),
    ],
)
def test_a_bad_request_is_refused_in_one_line_with_exit_code_2(
    client: DaemonClient, asked: dict[str, Any], said: str
) -> None:
    answer = client.post("/api/record", asked)
    assert answer.status == 409
    assert answer.json()["exit_code"] == 2
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert client.supervisor.status()["recording"] is None


def test_steering_without_a_recording_is_refused(client: DaemonClient) -> None:
    for action in ("start", "stop", "pause", "resume", "mark", "retake"):
        answer = client.post(f"/api/{action}", {})
        assert answer.status == 409
        assert "not recording" in answer.json()["error"]
    assert client.ask("/api/recordings/999").json()["exit_code"] == 2


def test_the_picture_comes_with_its_bodies_once(client: DaemonClient) -> None:
    def ask(after: int) -> Any:
        return client.ask("/api/picture", query=f"after={after}")

    answer = wait_until(lambda: (found := ask(-1)).status == 200 and found)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.body[:2] == b"\xff\xd8"
    about = json.loads(answer.headers["kincap-bodies"])
    assert about["mirrored"] is True
    (body,) = about["bodies"]
    assert body[0] == [60, 20, 2]
    assert len(body) == 25
    again = ask(int(answer.headers["kincap-number"]))
    assert again.status in (200, 204)
    assert again.headers.get("kincap-number") != answer.headers["kincap-number"]


def test_pictures_are_given_at_most_twelve_times_a_second(client: DaemonClient) -> None:
    began, given = time.monotonic(), 0
    while time.monotonic() - began < 0.6:
        given += client.ask("/api/picture").status == 200
    assert given <= 12 * (time.monotonic() - began) + 1


def test_a_shutdown_is_passed_on(client: DaemonClient) -> None:
    assert client.post("/api/shutdown", {}).status == 200
    assert client.post("/api/shutdown", {"at_once": True}).status == 200
    assert client.ended == [False, True]
    client.ended.clear()
