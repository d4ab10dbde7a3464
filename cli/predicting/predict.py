"""``kincap predict``: the poses of people in pictures, videos, cameras and sessions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import KincapError
from .. import console
from ..learning.pck_table import pck_table
from ..options import Json

if TYPE_CHECKING:
    from ...predict.predict import PredictResult
    from ...web.server import PageAddress

EXIT_DAMAGED = 1
EXIT_INTERRUPTED = 130
SWAPPED = 0.8
"""Share of frames with exchanged sides from which the person is asked about --mirrored."""


def predict(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Picture, folder, pattern in quotes, video, camera:0, camera:VIDEO, session, "
            "kinect or another source of record.",
        ),
    ],
    weights: Annotated[
        Path, typer.Option("--weights", help="Checkpoint, or an .onnx file of kincap export.")
    ],
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector",
            help="whole, box:x,y,w,h, session, own:FILE, blazepose or onnx:FILE. Default: "
            "session for a session, else whole.",
        ),
    ] = None,
    persons: Annotated[
        int | None,
        typer.Option(
            "--persons", help="Most people to follow; 1, or everyone with a net of whole images."
        ),
    ] = None,
    detect_every: Annotated[
        int, typer.Option("--detect-every", help="Frames between two calls of the detector.")
    ] = 10,
    smooth: Annotated[
        bool | None,
        typer.Option(
            "--smooth/--no-smooth",
            help="Smooth by time; default: where the extra is installed. Pictures never are.",
            show_default=False,
        ),
    ] = None,
    every: Annotated[int, typer.Option("--every", help="Look at every N-th frame only.")] = 1,
    mirrored: Annotated[
        bool, typer.Option("--mirrored", help="The source shows a mirror image.")
    ] = False,
    mirror_average: Annotated[
        bool,
        typer.Option(
            "--mirror-average",
            help="Average over each crop and its mirror image: better, at twice the cost.",
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Drawn video, .mp4, or a short .gif.")
    ] = None,
    poses: Annotated[
        Path | None,
        typer.Option("--poses", help="Poses, a JSON line for each frame; - prints them."),
    ] = None,
    coco: Annotated[Path | None, typer.Option("--coco", help="COCO keypoint results.")] = None,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Contact sheet of the run, .png.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out pictures that --poses has already.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Show the run in a window.")] = False,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Show the run in the browser, and on a local web socket."),
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port of --serve [default: 8735, or a free one].",
            show_default=False,
        ),
    ] = None,
    compare: Annotated[
        bool,
        typer.Option("--compare", help="Compare with the sensor of a session or kinect."),
    ] = False,
    device: Annotated[
        str, typer.Option("--device", help="Where torch computes: auto, cpu, cuda ...")
    ] = "auto",
    json: Json = False,
) -> None:
    """Find the 13 keypoints of people in images with a trained net.

    For example: kincap predict clip.mp4 --weights best.ckpt --poses poses.jsonl --out drawn.mp4
    """
    from ...predict.live.views import LiveSettings
    from ...predict.predict import PredictSettings
    from ...predict.predict import predict as work

    settings = PredictSettings(
        source, weights, detector, persons, detect_every, smooth, every, mirrored,
        mirror_average, out, poses, coco, sheet, resume, device,
        LiveSettings(show, serve, port, compare),
    )  # fmt: skip
    if json and str(poses) == "-":
        raise KincapError("--poses -: prints lines, and --json prints one object; choose one")
    if port is not None and not serve:
        raise KincapError("--port: only with --serve")
    with console.progress(f"predicting {source}", unit="frames") as bar:
        done = work(settings, bar.update, _announce)
    if str(poses) == "-":
        pass  # stdout is for the lines alone
    elif json:
        console.print_json(done.to_json())
    else:
        _show(done)
    if done.interrupted:
        raise typer.Exit(EXIT_INTERRUPTED)
    if done.problem:
        raise KincapError(
            f"{done.problem}; {done.frames} frames were read and written", exit_code=EXIT_DAMAGED
        )


def _announce(address: "PageAddress") -> None:
    if address.moved:
        console.say(f"the usual port is in use; this page is at port {address.port}")
    console.say(f"live page: {address.url}")


def _show(done: "PredictResult") -> None:
    from ...predict.sources.frame_source import PICTURES

    for note in done.notes:
        console.say(note)
    if done.unsmoothed:
        console.say("not smoothed: pip install 'kincap[predict]' brings the filter")
    rate = done.looked_at / done.seconds if done.seconds else 0.0
    # ids begin anew in each picture
    people = "" if done.kind == PICTURES else f", {done.ids} people"
    console.result(
        f"{done.frames} frames, {done.with_people} with people{people}; {rate:.1f} frames/s"
    )
    if done.skipped:
        console.result(f"{done.skipped} pictures were done before")
    if done.dropped:
        console.result(f"{done.dropped} frames of the camera came while the net was busy")
    if done.stages_ms:
        console.table(
            ("ms a frame", "median", "95 %"),
            [(name, f"{ms['p50']:.2f}", f"{ms['p95']:.2f}") for name, ms in done.stages_ms.items()],
            right=(1, 2),
        )
    if done.agreement is not None:
        _show_agreement(done.agreement)
    for path in done.outputs:
        console.result(path)
    if done.sides_swapped is not None and done.sides_swapped >= SWAPPED:
        console.say(
            "left and right look exchanged in most frames: is the person seen from the back? "
            "If the camera mirrors, use --mirrored"
        )


def _show_agreement(found: "dict[str, Any]") -> None:
    pck_table(
        f"Against the sensor: {found['people']} people in {found['frames']} frames, "
        f"{found['missed']} missed, {found['extra']} others",
        (("all", found["pck"]), ("found", found["pck_found"])),
    )


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("predict")(predict)
