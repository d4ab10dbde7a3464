"""``kincap daemon``: hold the sensor open between recordings, and record on request."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...capture.daemon.settings import DEFAULT_PORT, DaemonSettings
from ...core.errors import MissingPartError
from ..console import print_json, result, say
from ..options import RECORDINGS, Json, Recordings

if TYPE_CHECKING:
    from ...web.server import PageAddress

EXIT_INTERRUPTED = 130

Source = Annotated[
    str, typer.Option("--source", metavar="SOURCE", help="What to hold open, as for record.")
]
Streams = Annotated[
    str,
    typer.Option(
        "--streams",
        metavar="LIST",
        help="Streams of it, separated by commas. Default: color,bodies.",
        show_default=False,
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        min=0,
        max=65535,
        help=f"Port on this machine [default: {DEFAULT_PORT}, or a free one where that is in use].",
        show_default=False,
    ),
]
PreRoll = Annotated[
    float,
    typer.Option(
        "--pre-roll", metavar="S", min=0, max=10, help="Seconds before a start that are kept."
    ),
]

daemon_app = typer.Typer(invoke_without_command=True, no_args_is_help=False)


@daemon_app.callback()
def daemon(
    context: typer.Context,
    source: Source = "kinect",
    streams: Streams = "",
    recordings: Recordings = RECORDINGS,
    port: Port = None,
    pre_roll: PreRoll = 0.0,
) -> None:
    """Hold the sensor open between recordings; record, show and steer by commands and a page.

    Runs in the foreground until Ctrl-C; `start` runs it in the background. While it runs, `kincap
    record` records through it, at once. Serves this machine alone.
    """
    if context.invoked_subcommand is not None:
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ...capture.daemon.server import run_daemon

    def announce(address: "PageAddress") -> None:
        if address.moved:
            say(f"the usual port is in use; the page is at port {address.port}")
        # the address has the token: a terminal may have it, a log file not
        page = address.url if sys.stderr.isatty() else "kincap daemon status has its address"
        say(f"kincap daemon: {source} is open; its page: {page}")

    settings = _settings(source, streams, recordings, port, pre_roll)
    if not run_daemon(settings, on_ready=announce, on_line=say):
        raise typer.Exit(EXIT_INTERRUPTED)


@daemon_app.command()
def start(
    source: Source = "kinect",
    streams: Streams = "",
    recordings: Recordings = RECORDINGS,
    port: Port = None,
    pre_roll: PreRoll = 0.0,
) -> None:
    """Start the daemon in the background; ends once it is ready, or says why it is not."""
    from ...capture.daemon.background import start_daemon

    found = start_daemon(_settings(source, streams, recordings, port, pre_roll))
    result(f"kincap daemon: process {found.pid}, {found.source} into {found.recordings}")
    result(f"page: {found.page}")


@daemon_app.command()
def status(json: Json = False) -> None:
    """Show the daemon and its recording; exits with 3 if no daemon runs."""
    from ...capture.daemon.connection import DaemonConnection
    from ...capture.daemon.discovery import find_daemon

    found = find_daemon()
    if found is None:
        if json:
            print_json({"schema": "kincap/daemon/1", "running": False})
            raise typer.Exit(3)
        raise MissingPartError("no daemon is running; kincap daemon start starts one")
    state = DaemonConnection(found).get("/api/status")
    if json:
        print_json({**state, "running": True, "pid": found.pid, "url": found.url})
        return
    result(f"kincap daemon: process {found.pid}, {found.source} into {found.recordings}")
    result(f"page: {found.page}")
    for line in _state_lines(state):
        result(line)


@daemon_app.command()
def stop(
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait until a recording is stored and sealed.")
    ] = False,
    recording: Annotated[
        bool, typer.Option("--recording", help="End the recording; the daemon goes on.")
    ] = False,
) -> None:
    """End the daemon, and the recording that runs cleanly."""
    from ...capture.daemon.background import stop_daemon, stop_recording

    if recording:
        result(f"kincap daemon: {stop_recording(now)} ends")
        return
    ended = stop_daemon(now)
    say("no daemon is running" if ended is None else f"kincap daemon: process {ended.pid} ended")


@daemon_app.command()
def install(
    source: Source = "kinect",
    streams: Streams = "",
    recordings: Recordings = RECORDINGS,
    port: Port = None,
    pre_roll: PreRoll = 0.0,
) -> None:
    """Write a systemd user unit (on Windows a scheduled task) that starts the daemon at login."""
    from ...capture.daemon.autostart import install as write

    path, commands = write(_settings(source, streams, recordings, port, pre_roll))
    result(str(path))
    say("now run:")
    for command in commands:
        say(f"  {command}")


def _settings(
    source: str, streams: str, recordings: Path, port: int | None, pre_roll: float
) -> DaemonSettings:
    return DaemonSettings(
        source=source,
        streams=tuple(filter(None, streams.split(","))),
        recordings=recordings,
        port=port,
        pre_roll_s=pre_roll,
    )


def _state_lines(state: dict[str, Any]) -> list[str]:
    """Return the daemon's state for a person."""
    live, sensor, last = state["live"], state["sensor"], state["last"]
    lines = [f"sensor: {sensor['state']}" + (f" ({sensor['text']})" if sensor["text"] else "")]
    if state["recording"] is None:
        lines.append("recording: none")
    else:
        dropped = sum(live["dropped"].values())
        lines.append(
            f"recording: {live['session']}, {live['state']}, {live['elapsed_s']:.0f} s, "
            f"{live['color_frames']} colour frames, {live['body_frames']} body rows, "
            f"{dropped} dropped"
        )
    if last is not None:
        ended = last["error"] or f"{last['color_frames']} colour frames"
        lines.append(f"before: {last['session']}: {ended}")
    return lines + [f"noticed: {line}" for line in state["lines"][-5:]]


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.add_typer(daemon_app, name="daemon")
