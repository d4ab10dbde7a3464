"""``kincap export``: a data set out to other tools."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..dataset.export.registry import EXPORT_FORMATS
from . import console
from .options import BlurFaces

if TYPE_CHECKING:
    from ..dataset.export.export import ExportResult


def export(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="The data set, kinect13.h5.")],
    format: Annotated[
        str,
        typer.Option(
            "--format", metavar="|".join(EXPORT_FORMATS), help="The form; see docs/export.md."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder to make.")],
    split: Annotated[
        list[str] | None,
        typer.Option(
            "--split", metavar="NAME", help="train, val or test; may be given again; default all."
        ),
    ] = None,
    pictures: Annotated[
        str, typer.Option("--pictures", metavar="jpg|png|none", help="The pictures beside.")
    ] = "jpg",
    blur_faces: BlurFaces = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Write the labels and pictures of a data set as a folder for another tool."""
    from ..dataset.export.export import ExportSettings, consent_to_export
    from ..dataset.export.export import export as run
    from .session_commands.consent import ask_for_export

    ask_for_export(consent_to_export(data))
    settings = ExportSettings(data, format, out, tuple(split or ()), pictures, blur_faces)
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
