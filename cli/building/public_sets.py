"""``kincap build --add SET:PATH``: from public sets into a data set."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from ...core.errors import KincapError
from .. import console

if TYPE_CHECKING:
    from ...dataset.public.build import PublicResult

OF_PUBLIC_SETS: Final = frozenset(
    ("add", "boxes", "out", "val", "test", "size", "margin", "skip_damaged", "restart", "dry_run")
    + ("workers", "scheduler", "sheet", "report", "no_report", "blur_faces", "json")
)
"""Flags of ``kincap build`` that public sets take; all others are about recordings."""


def build_from_sets(
    context: typer.Context, add: Sequence[str], json: bool, **settings: Any
) -> None:
    """Build from public sets and print the result.

    Args:
        context: Of the command; shows which flags were given.
        add: The values of ``--add``.
        json: Print one JSON object.
        settings: Values of ``PublicSettings``.

    Raises:
        KincapError: A flag that is about recordings was given too.
    """
    from ...dataset.public.build import build_public
    from ...dataset.public.settings import PublicSettings, parse_added

    _refuse_flags_of_sessions(context)
    if not add:
        raise KincapError(f"--boxes {settings['boxes']}: only for public sets; give --add SET:PATH")
    asked = PublicSettings(add=parse_added(add), **settings)
    with console.progress(f"building {asked.out}", unit="rows") as bar:
        done = build_public(asked, on_progress=bar.update)
    if json:
        console.print_json(done.to_json())
        return
    for warning in done.warnings:
        console.say(f"warning: {warning}")
    _show(done)


def _refuse_flags_of_sessions(context: typer.Context) -> None:
    """Refuse to mix recordings and public sets in one file.

    Raises:
        KincapError: Names the flag.
    """
    for parameter in context.command.params:
        name = parameter.name or ""
        source = context.get_parameter_source(name)
        if name in OF_PUBLIC_SETS or source is None or source.name != "COMMANDLINE":
            continue
        raise KincapError(
            f"{parameter.opts[0]}: about recordings, and --add about public sets; build two files, "
            "pretrain on the public one and finetune on the other"
        )


def _show(done: "PublicResult") -> None:
    """Print the counts by set and the paths of the results."""
    splits = [name for name in ("train", "val", "test") if done.rows.get(name)]
    console.table(
        ("set", "people", "kept", *splits, "13 keypoints", "boxes a person", "paper"),
        [
            (
                name,
                one["candidates"],
                one["kept"],
                *(one["splits"].get(split, 0) for split in splits),
                one["complete"],
                _figure(one["boxes_per_person"]),
                _figure(one["paper_boxes_per_person"]),
            )
            for name, one in done.sets.items()
        ]
        + [
            (
                "all",
                done.candidates,
                done.kept,
                *(done.splits.get(split, 0) for split in splits),
                sum(one["complete"] for one in done.sets.values()),
                _figure(done.boxes_per_person),
                "1.30",
            )
        ],
        right=range(1, 6 + len(splits)),
    )
    _show_rejected(done)
    console.table(
        ("sides", "people", "left shoulder on the left", "frontal", "median torso", "problem"),
        [
            (
                name,
                check["people"],
                _percent(check["left_share"]),
                check["frontal"],
                _figure(check["frontal_median_torso"]),
                check["problem"] or "none",
            )
            for name, one in done.sets.items()
            for check in one["sides"]
        ],
        right=range(1, 5),
    )
    for name, one in done.sets.items():
        count = sum(check["exchanged"] for check in one["sides"])
        if count:
            console.result(
                f"{name}: the set has the sides of the picture; left and right of {count} people "
                f"seen from behind were exchanged (--add {name},backs=drop:PATH leaves them out)"
            )
    rows = sum(done.rows.values())
    if done.sha256 is None:
        console.result(f"{done.out}: would hold {rows} rows (nothing was written)")
        return
    resumed = f", {done.resumed_rows} of them made earlier" if done.resumed_rows else ""
    console.result(f"{done.out}: {rows} rows{resumed}, SHA-256 {done.sha256}")
    console.result(f"Look at it: {done.report or done.sheet}")


def _show_rejected(done: "PublicResult") -> None:
    """Print why people were left out."""
    rows = [
        (name, reason, count)
        for name, one in done.sets.items()
        for reason, count in one["rejected"].items()
        if count
    ]
    if rows:
        console.table(("left out", "reason", "people"), rows, right=(2,))


def _figure(value: float | None) -> str:
    """Return a number with two digits, or a dash."""
    return "-" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    """Return a share in percent, or a dash."""
    return "-" if value is None else f"{100 * value:.1f} %"
