"""The whole loop on the simulator, made of the commands that a person would type.

Every step is one ``kincap`` command in a process of its own, printed before it runs; recordings
run two at a time. Finished steps are kept in ``demo.json``: an interrupted demo goes on from there.
"""

import json
import shlex
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.stop_signals import on_stop_signals
from .. import console
from .plan import TEST_OUTFIT, VIDEO, VIDEO_SHEET, DemoSettings, plan
from .steps import DemoSteps

STATE_FILE = "demo.json"


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
        video: The unseen outfit with the poses that the net found.
        video_sheet: Some of its frames.
    """

    out: str
    seconds: float
    mean_pose: dict[str, Any]
    pretrained: dict[str, Any]
    finetuned: dict[str, Any]
    gap_closed: float
    sheet: str
    video: str
    video_sheet: str
    steps: dict[str, float] = field(default_factory=dict)


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
    steps = DemoSteps(out)
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
        video=str(out / VIDEO),
        video_sheet=str(out / VIDEO_SHEET),
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
    console.result(f"The net at work: {result.video}; some frames: {result.video_sheet}")
    console.result()
    console.result("What to type next:")
    for line in (
        f"cd {shlex.quote(result.out)}",
        "kincap review            # look through the recordings, reject frames",
        "kincap predict recordings/clothing1 --weights finetuned.ckpt --poses poses.jsonl",
        "kincap predict camera:0 --weights finetuned.ckpt --serve    "
        "# on a camera; needs pip install 'kincap[predict]'",
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
