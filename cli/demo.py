"""The whole loop on the simulator, made of the commands that a person would type.

Every step is one ``kincap`` command in a process of its own, printed before it runs; recordings
run two at a time. Finished steps are kept in ``demo.json``: an interrupted demo goes on from there.
"""

import json
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import KincapError
from ..core.files.file_io import write_atomic
from ..core.stop_signals import on_stop_signals
from . import console

EXIT_INTERRUPTED = 130

STATE_FILE = "demo.json"
TEST_OUTFIT = 7
"""The outfit that no training session, wild ones included, ever shows."""
TEST_SEED = 9001
"""Its motion seed, likewise."""


@dataclass(frozen=True)
class DemoSettings:
    """Size of the demo.

    Attributes:
        outfits: How many outfits are recorded for training.
        frames: Frames of each, taken at 10 Hz: neighbours at 30 Hz are near-copies.
        wild_frames: Frames of random outfits, rooms and framings, for pretraining.
        test_frames: Frames of the outfit that is never trained on.
        size: The net's input in pixels.
        pretrain_epochs: Passes over the wild scenes.
        epochs: Passes over the recorded outfits.
    """

    outfits: int = 6
    frames: int = 600
    wild_frames: int = 2400
    test_frames: int = 300
    size: int = 64
    pretrain_epochs: int = 8
    epochs: int = 10


@dataclass(frozen=True)
class Step:
    """One command of the demo.

    Attributes:
        key: Its name in ``demo.json``.
        words: Typed after ``kincap``, run inside the demo's folder.
    """

    key: str
    words: tuple[str, ...]


@dataclass
class DemoResult:
    """Figures of a finished demo: percentages of keypoints, PCK normalised by the torso diagonal.

    Attributes:
        out: The demo's folder.
        seconds: Wall time of the steps that this call ran.
        mean_pose: PCK by threshold and column of the mean pose on the unseen outfit.
        pretrained: The same of the net that saw wild scenes only.
        finetuned: The same of the finetuned net.
        gap_closed: Share of the gap between mean pose and 100 that was closed at PCK@0.2, in %.
        sheet: The picture to look at.
    """

    out: str
    seconds: float
    mean_pose: dict[str, Any]
    pretrained: dict[str, Any]
    finetuned: dict[str, Any]
    gap_closed: float
    sheet: str
    steps: dict[str, float] = field(default_factory=dict)


def plan(settings: DemoSettings) -> list[list[Step]]:
    """Return the demo's steps; those of one inner list may run at the same time."""
    sessions = [
        _recording("wild1", f"scene=wild,seed=501,frames={settings.wild_frames // 2}"),
        _recording("wild2", f"scene=wild,seed=502,frames={settings.wild_frames // 2}"),
        *(
            _recording(
                f"clothing{outfit + 1}", f"outfit={outfit},seed={outfit},frames={settings.frames}"
            )
            for outfit in range(settings.outfits)
        ),
        _recording(
            "unseen", f"outfit={TEST_OUTFIT},seed={TEST_SEED},frames={settings.test_frames}"
        ),
    ]
    size = ("--size", str(settings.size))
    evaluate = ("evaluate", "--data", "kinect13.h5", "--split", "test", "--json")
    return [
        sessions,
        [
            Step("build wild", ("build", "--sessions", "wild*", "--out", "wild13.h5", "--json")),
        ],
        [
            Step(
                "build",
                ("build", "--sessions", "[cu]*", "--test", "unseen", "--out", "kinect13.h5",
                 "--json"),
            ),
        ],
        [
            Step(
                "pretrain",
                ("pretrain", "--data", "wild13.h5", "--model", "compact", *size, "--epochs",
                 str(settings.pretrain_epochs), "--out", "pretrain.ckpt", "--json"),
            ),
        ],
        [
            Step(
                "finetune",
                ("finetune", "--init", "pretrain.ckpt", "--data", "kinect13.h5", "--epochs",
                 str(settings.epochs), "--out", "finetuned.ckpt", "--json"),
            ),
        ],
        [
            Step("evaluate pretrained", (*evaluate[:1], "pretrain.ckpt", *evaluate[1:])),
        ],
        [
            Step(
                "evaluate",
                (*evaluate[:1], "finetuned.ckpt", *evaluate[1:], "--sheet", "unseen.png"),
            ),
        ],
    ]  # fmt: skip


def _recording(session: str, scene: str) -> Step:
    """Return the step that records one simulated session as fast as it is drawn, at 10 Hz."""
    source = f"simulator:{scene},fps=10,pace=fast"
    return Step(
        f"record {session}",
        ("record", "--session", session, "--source", source, "--shard-mib", "256", "--json"),
    )


def demo(out: Path, settings: DemoSettings) -> DemoResult:
    """Run the demo in a folder, or go on with one that was interrupted there.

    Args:
        out: The folder; made if it is not there.
        settings: How large the demo is.

    Returns:
        The figures on the outfit that was never trained on.

    Raises:
        KincapError: The folder holds something else, or a demo of another size (exit 2); a step
            failed (its exit code); the demo was interrupted (exit 130).
    """
    state = _open_state(out, settings)
    start = time.monotonic()
    steps = _Steps(out)
    with on_stop_signals(steps.stop):
        for group in plan(settings):
            waiting = [step for step in group if step.key not in state["done"]]
            # more than two only share the cores, and each recording encodes in threads of its own
            pool = ThreadPoolExecutor(max_workers=2)
            try:
                for step, seconds, report in pool.map(steps.run, waiting):
                    state["done"][step.key] = {"seconds": round(seconds, 1), "report": report}
                    _save_state(out, state)
            finally:
                # after an interruption or a failure no further step may begin
                pool.shutdown(cancel_futures=True)
    return _result(out, state, time.monotonic() - start)


def _open_state(out: Path, settings: DemoSettings) -> dict[str, Any]:
    """Return the steps done in this folder; refuse a folder that is not a demo's."""
    size = asdict(settings)
    if not (out / STATE_FILE).is_file():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise KincapError(f"--out {out}: exists and is not a demo's folder; name a new one")
        out.mkdir(parents=True, exist_ok=True)
        state: dict[str, Any] = {"schema": "kincap/demo-state/1", "settings": size, "done": {}}
        _save_state(out, state)
        steps = sum(map(len, plan(settings)))
        console.say(
            f"{steps} commands follow, about 5 minutes on two idle cores; "
            "interrupted, the same command goes on where it was"
        )
        return state
    try:
        state = json.loads((out / STATE_FILE).read_text(encoding="utf-8"))
        done, same = dict(state["done"]), state["settings"] == size
    except (ValueError, KeyError, TypeError):
        raise KincapError(
            f"{out / STATE_FILE}: damaged; delete {out} or name another folder with --out"
        ) from None
    if not same:
        raise KincapError(
            f"--out {out}: holds a demo of another size; name another folder or delete this one"
        )
    if done:
        console.say(f"{out}: {len(done)} steps are done already, going on")
    return state


def _save_state(out: Path, state: dict[str, Any]) -> None:
    """Write the state so that a kill at any moment leaves the old one or the new one.

    Steps already done are not lost where it can't be written: the demo goes on without it.
    """
    try:
        write_atomic(out / STATE_FILE, json.dumps(state, indent=1).encode())
    except OSError as error:
        console.say(f"{out / STATE_FILE} can't be written ({error.strerror}); going on without it")


class _Steps:
    """Runs steps as processes, and ends those that run when the demo is asked to end.

    They are in process groups of their own: Ctrl-C reaches the demo alone, which passes it on once,
    as any other signal. So each step saves what it has.

    Args:
        out: The demo's folder.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._is_stopped = False

    def stop(self) -> None:
        """Ask every running step to end; the second time, kill them."""
        is_second, self._is_stopped = self._is_stopped, True
        for process in list(self._running):
            if is_second:
                process.kill()
            elif sys.platform == "win32":  # not tried
                process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                process.terminate()

    def run(self, step: Step) -> tuple[Step, float, Any]:
        """Run one command inside the demo's folder and return its JSON report.

        Raises:
            KincapError: It failed, died by a signal, or the demo was asked to end.
        """
        start = time.monotonic()
        with self._lock:
            self._refuse_after_stop(step)
            console.say()
            console.say(f"$ {command_line(step)}")
            _clear_unfinished(self._out, step)
            process = self._start(step)
        try:
            said, _ = process.communicate()
        finally:
            self._running.remove(process)
        # a recording that was asked to end closes cleanly, but it is not the whole step
        self._refuse_after_stop(step)
        if process.returncode != 0:
            raise _failed(step, process.returncode)
        return step, time.monotonic() - start, json.loads(said)

    def _start(self, step: Step) -> subprocess.Popen[str]:
        """Start a step's process; a signal that arrives meanwhile reaches it too."""
        group: dict[str, Any] = {"process_group": 0}
        if sys.platform == "win32":  # not tried
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        process = subprocess.Popen(
            [sys.executable, "-m", "kincap", *step.words],
            cwd=self._out,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            **group,
        )
        self._running.append(process)
        if self._is_stopped:
            process.terminate()
        return process

    def _refuse_after_stop(self, step: Step) -> None:
        if self._is_stopped:
            raise KincapError(
                f"interrupted in the step '{step.key}'; run the demo again to go on from there",
                exit_code=EXIT_INTERRUPTED,
            )


def _failed(step: Step, code: int) -> KincapError:
    """Return the error about a step that did not end with 0."""
    again = "run the demo again to go on from there"
    if code >= 0:
        return KincapError(
            f"the step '{step.key}' failed (its message is above); {again}", exit_code=code
        )
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    reason = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return KincapError(f"the step '{step.key}' died by {name}{reason}; {again}", exit_code=1)


def _clear_unfinished(out: Path, step: Step) -> None:
    """Delete a half recorded session of an interrupted demo: its frames would be there twice."""
    if step.words[0] != "record":
        return
    from ..sessions.repair.rename_delete import delete

    session = step.words[2]
    if (out / "recordings" / session).is_dir():
        delete(out / "recordings", session)


def command_line(step: Step) -> str:
    """Return a step as a person would type it, without ``--json``."""
    return shlex.join(("kincap", *(word for word in step.words if word != "--json")))


def _result(out: Path, state: dict[str, Any], seconds: float) -> DemoResult:
    """Gather the figures of both evaluations."""
    done = state["done"]
    finetuned = done["evaluate"]["report"]
    mean, net = finetuned["mean_pose"]["pck"], finetuned["pck"]
    gap = 100.0 - mean["0.2"]["all"]
    return DemoResult(
        out=str(out),
        seconds=round(seconds, 1),
        mean_pose=mean,
        pretrained=done["evaluate pretrained"]["report"]["pck"],
        finetuned=net,
        gap_closed=round(100.0 * (net["0.2"]["all"] - mean["0.2"]["all"]) / gap, 1) if gap else 0.0,
        sheet=str(out / "unseen.png"),
        steps={key: value["seconds"] for key, value in done.items()},
    )


def _rows(result: DemoResult) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table that the demo ends with."""
    for threshold in ("0.2", "0.1", "0.05"):
        for name, pck in (
            ("mean pose", result.mean_pose),
            ("pretrained", result.pretrained),
            ("finetuned", result.finetuned),
        ):
            columns = pck[threshold]
            cells = (f"{value:.1f}" if value is not None else "-" for value in columns.values())
            yield (f"@{threshold}", name, *cells)


def _print(result: DemoResult) -> None:
    """Print the figures, the picture's name and the commands to type next."""
    columns = ("PCK", "on the unseen outfit", *result.finetuned["0.2"])
    console.table(columns, list(_rows(result)), right=range(2, len(columns)))
    console.result(
        f"{result.gap_closed:.0f} % of the gap between the mean pose and 100 % PCK@0.2 is closed "
        f"on an outfit that was never trained on ({result.seconds:.0f} s)."
    )
    console.result(f"Look at it: {result.sheet}  (prediction red, Kinect green)")
    console.result()
    console.result("What to type next:")
    for line in (
        f"cd {shlex.quote(result.out)}",
        "kincap review            # look through the recordings, reject frames",
        "kincap sessions list     # what was recorded",
        "kincap record --session clothing8 --source simulator:outfit=8,frames=900",
        "kincap build --out more13.h5 --sessions 'clothing*' && "
        "kincap finetune --init finetuned.ckpt --data more13.h5",
    ):
        console.result(f"  {line}")


def _command(
    out: Annotated[Path, typer.Option(help="The demo's folder.")] = Path("kincap-demo"),
    outfits: Annotated[int, typer.Option(help="Outfits to train on, 1 to 7.")] = 6,
    frames: Annotated[int, typer.Option(help="Frames of each outfit, at 10 Hz.")] = 600,
    wild_frames: Annotated[int, typer.Option(help="Frames of wild scenes to pretrain on.")] = 2400,
    test_frames: Annotated[int, typer.Option(help="Frames of the unseen outfit.")] = 300,
    pretrain_epochs: Annotated[int, typer.Option(help="Passes over the wild scenes.")] = 8,
    epochs: Annotated[int, typer.Option(help="Passes over the outfits.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Run the whole loop on simulated outfits and evaluate on one never trained on."""
    if not 1 <= outfits <= TEST_OUTFIT:
        raise KincapError(f"--outfits {outfits}: expected 1 to {TEST_OUTFIT}")
    # a take must outlast the 2 s guard before its validation part; the wild scenes are two takes
    for flag, value, least in (
        ("--frames", frames, 60),
        ("--wild-frames", wild_frames, 80),
        ("--test-frames", test_frames, 40),
    ):
        if value < least:
            raise KincapError(f"{flag} {value}: expected at least {least}")
    for flag, value in (("--pretrain-epochs", pretrain_epochs), ("--epochs", epochs)):
        if value < 1:
            raise KincapError(f"{flag} {value}: expected at least 1")
    result = demo(
        out,
        DemoSettings(
            outfits=outfits,
            frames=frames,
            wild_frames=wild_frames,
            test_frames=test_frames,
            pretrain_epochs=pretrain_epochs,
            epochs=epochs,
        ),
    )
    if as_json:
        console.print_json({"schema": "kincap/demo/1", **asdict(result)})
    else:
        _print(result)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo")(_command)
