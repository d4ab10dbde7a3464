"""``kincap evaluate`` of a net that finds everyone in whole images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import KincapError
from ..console import print_json, progress, result, table
from .pck_table import figure_text, pck_table

if TYPE_CHECKING:
    from ...train.people.evaluate import PeopleReport


def is_of_people(checkpoints: Sequence[Path]) -> bool:
    """Return True if the first checkpoint is of a net that finds people in whole images."""
    from ...train.checkpoint import load_checkpoint
    from ...train.nets.registry import finds_people

    return finds_people(load_checkpoint(checkpoints[0]).model)


def print_people(
    checkpoint: Path,
    data: Path,
    split: str,
    device: str,
    several_scales: bool,
    errors: bool,
    minimums: Sequence[str],
    *,
    json: bool,
) -> None:
    """Measure and print.

    Raises:
        KincapError: An input is wrong (exit 2), or a minimum is not reached (exit 1).
    """
    from ...train.people.evaluate import PeopleEvaluateSettings, evaluate_people_file

    settings = PeopleEvaluateSettings(
        checkpoint, data, split, device, several_scales, errors, tuple(minimums)
    )
    with progress("evaluate", unit="frames") as bar:
        done = evaluate_people_file(
            settings, on_batch=lambda count, total: bar.update(count, total, "")
        )
    if json:
        print_json(done.to_json())
    else:
        _print(done)
    if done.missed:
        raise KincapError("; ".join(done.missed), exit_code=1)


def _print(done: "PeopleReport") -> None:
    asked, found = done.settings, done.found
    ways = [("net", found.mirrored), ("net, single", found.single)]
    if found.scales is not None:
        ways.insert(0, ("net, four sizes", found.scales))
    pck_table(
        f"{asked.checkpoint} on {asked.split} of {asked.data}: {found.people} people in "
        f"{found.frames} frames, weight > 0",
        [(name, one.score.pck) for name, one in ways],
    )
    names = ("ap", "ap50", "ap75", "ap_medium", "ap_large")
    table(
        ("", "AP", "AP50", "AP75", "AP medium", "AP large", "mAP", "found"),
        [
            (
                name,
                *(figure_text(one.oks[key]) for key in names),
                figure_text(one.map["all"]),
                one.found,
            )
            for name, one in ways
        ],
        title="Over all that was found: OKS, and mAP of keypoints within 0.2 torso",
        right=range(1, 8),
    )
    median = found.mirrored.score.median_error_torso
    result(f"median error {figure_text(median)} % of the torso")
    report = done.to_json()
    if report["errors"]:
        error_kinds(report["errors"])


def error_kinds(errors: dict[str, Any]) -> None:
    """Print the kinds of wrong keypoints, and the precision as they are corrected in turn."""
    corrected = dict(errors["ap_corrected"])
    rows: list[tuple[str, object, str]] = [("as it is", None, figure_text(errors["ap"]))]
    for kind in corrected:
        share = errors["shares"].get(kind)
        count = errors.get(kind)
        size = f"{share:.1f} %" if share is not None else count
        rows.append((kind.replace("_", " "), size, figure_text(corrected[kind])))
    table(
        ("error", "keypoints, or people", "OKS AP without it"),
        rows,
        title="Errors by kind, corrected in turn",
        right=(1, 2),
    )
