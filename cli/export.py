"""``kincap export``: a data set out to other tools, or a trained net out to other runtimes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import KincapError
from ..dataset.export.registry import EXPORT_FORMATS
from ..predict.export.formats import NET_FORMATS
from . import console
from .options import BlurFaces

if TYPE_CHECKING:
    from ..dataset.export.export import ExportResult
    from ..predict.export.export import ExportNetResult

CHECKPOINT = ".ckpt"


def export(
    source: Annotated[
        Path,
        typer.Argument(metavar="DATA|WEIGHTS", help="A data set (kinect13.h5) or a checkpoint."),
    ],
    format: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="|".join((*EXPORT_FORMATS, *NET_FORMATS)),
            help="Of a data set, see docs/export.md; of a checkpoint: "
            f"{', '.join(NET_FORMATS)}, see docs/predict.md.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="The folder to make of a data set; the file to make of a checkpoint."
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            "--split", metavar="NAME", help="train, val or test; may be given again; default all."
        ),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option("--pictures", metavar="jpg|png|none", help="The pictures beside; jpg."),
    ] = None,
    blur_faces: BlurFaces = False,
    half: Annotated[bool, typer.Option("--half", help="A checkpoint as float16.")] = False,
    int8: Annotated[
        bool,
        typer.Option(
            "--int8", help="A checkpoint with 8-bit layers, with --format onnx and --data."
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Data set whose crops an exported checkpoint is checked on."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write a data set as a folder for another tool, or a checkpoint as a file for a runtime."""
    if source.suffix == CHECKPOINT:
        for flag, given in (
            ("--split", split), ("--pictures", pictures), ("--blur-faces", blur_faces),
        ):  # fmt: skip
            if given:
                raise KincapError(f"{flag}: only for a data set; {source} is a checkpoint")
        _export_net(source, format, out, json, data=data, half=half, int8=int8)
        return
    if half or int8 or data is not None:
        flag = "--half" if half else "--int8" if int8 else "--data"
        raise KincapError(f"{flag}: only for a checkpoint; {source} is not named .ckpt")
    if format in NET_FORMATS:
        raise KincapError(
            f"--format {format}: only for a checkpoint (.ckpt); {source} is not named so"
        )
    if out is None:
        raise KincapError("--out: name the folder to make")
    _export_data(source, format, out, split, pictures or "jpg", blur_faces, json)


def _export_net(
    source: Path,
    format: str,
    out: Path | None,
    json: bool,
    *,
    data: Path | None,
    half: bool,
    int8: bool,
) -> None:
    from ..predict.export.export import ExportNetSettings, export_net

    with console.progress(f"exporting {source}", unit="steps") as bar:
        bar.update(0, note="the exporter takes some seconds to start")
        done = export_net(ExportNetSettings(source, format, out, data, half, int8))
    if json:
        console.print_json(done.to_json())
    else:
        _show_net(done)


def _show_net(done: "ExportNetResult") -> None:
    console.result(
        f"{done.out}: {done.format}, {done.bytes / 1e6:.1f} MB; differs from torch by at most "
        f"{done.difference:.1g} crop units on {done.crops} crops ({done.checked_on})"
    )
    if done.pck is not None:
        before, after = done.pck
        console.result(f"PCK@0.1 of float32 {before:.2f} %, of int8 {after:.2f} %")


def _export_data(
    source: Path,
    format: str,
    out: Path,
    split: list[str] | None,
    pictures: str,
    blur_faces: bool,
    json: bool,
) -> None:
    from ..dataset.export.export import ExportSettings, consent_to_export
    from ..dataset.export.export import export as run
    from .session_commands.consent import ask_for_export

    ask_for_export(consent_to_export(source))
    settings = ExportSettings(source, format, out, tuple(split or ()), pictures, blur_faces)
    with console.progress(f"exporting {out}", unit="pictures") as bar:
        done = run(settings, on_progress=bar.update)
    if json:
        console.print_json(done.to_json())
    else:
        _show(done)


def _show(done: "ExportResult") -> None:
    """Print the counts."""
    rows = [(split, count["pictures"], count["people"]) for split, count in done.splits.items()]
    console.table(("split", "pictures", "people"), rows, right=(1, 2))
    keypoints = ", ".join(f"{count} {name}" for name, count in done.keypoints.items())
    console.result(f"{done.out}: {done.format}; keypoints: {keypoints}")


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.command("export")(export)
