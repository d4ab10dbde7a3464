"""``kincap evaluate``: the figures of a net, or of several side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.errors import KincapError
from ..console import print_json, progress, result, say, table
from ..options import RECORDINGS, BlurFaces, Json, Recordings, given_flags
from ..predicting.end_to_end import evaluate_end_to_end
from .evaluate_people import error_kinds, is_of_people, print_people
from .pck_table import figure_text, pck_table
from .train import Data, Device

if TYPE_CHECKING:
    from ...train.evaluation.evaluate import EvaluateResult

_MUCH_OUTSIDE = 0.02
"""Mean share of a box outside of the stored images from which a line says so."""

_OF_SESSIONS = {"--end-to-end", "--detector", "--persons", "--device", "--json"}
_OF_PEOPLE = {
    "--data", "--split", "--device", "--several-scales", "--errors", "--min", "--json",
}  # fmt: skip
"""Flags that have an effect with --end-to-end, and on a net that finds people in whole images."""


def evaluate(
    context: typer.Context,
    checkpoints: Annotated[
        list[Path],
        typer.Argument(
            help="Checkpoint of pretrain or finetune; more of them are compared with the first.",
            metavar="CHECKPOINT...",
        ),
    ],
    data: Data = Path("kinect13.h5"),
    split: Annotated[
        str, typer.Option("--split", metavar="val|test", help="Part of the data set.")
    ] = "val",
    boxes: Annotated[
        str,
        typer.Option(
            "--boxes",
            metavar="BOXES",
            help="truth (of the labels), jittered, tracked (from the net's pose in the frame "
            "before), or a JSON file of detections. auto: truth, with tracked beside it where "
            "frames are consecutive.",
        ),
    ] = "auto",
    include_inferred: Annotated[
        bool, typer.Option("--include-inferred", help="Count inferred keypoints too.")
    ] = False,
    sheet: Annotated[
        Path | None, typer.Option("--sheet", help="Save crops with both poses drawn (PNG).")
    ] = None,
    worst: Annotated[
        bool,
        typer.Option("--worst", help="Show the crops with the largest errors in sheet and report."),
    ] = False,
    crops: Annotated[
        int,
        typer.Option("--crops", help="Number of crops in sheet and report, and of the worst ones."),
    ] = 18,
    report: Annotated[
        Path | None, typer.Option("--report", help="Save all figures, curves and crops (HTML).")
    ] = None,
    save_predictions: Annotated[
        Path | None,
        typer.Option("--save-predictions", help="Save the poses as COCO results (JSON)."),
    ] = None,
    minimum: Annotated[
        list[str] | None,
        typer.Option(
            "--min",
            metavar="FIGURE",
            help="End with exit code 1 below it: pck@0.2=0.9, wrist@0.1=0.5. Repeat it for more.",
        ),
    ] = None,
    session: Annotated[
        Path | None,
        typer.Option(
            "--end-to-end",
            metavar="SESSION",
            help="Measure detector, tracking and poses as predict runs them, on a session.",
        ),
    ] = None,
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector",
            help="With --end-to-end: what finds people, as predict takes it.  [default: session]",
        ),
    ] = None,
    persons: Annotated[
        int, typer.Option("--persons", min=1, help="Most people to follow, with --end-to-end.")
    ] = 1,
    teacher: Annotated[
        str | None,
        typer.Option(
            "--teacher",
            metavar="NAME",
            help="Measure a net of others too: blazepose, or onnx:FILE. On whole images where "
            "the sessions are in --recordings, and in the labels' boxes.",
        ),
    ] = None,
    recordings: Recordings = RECORDINGS,
    errors: Annotated[
        bool,
        typer.Option(
            "--errors",
            help="Count wrong keypoints by kind, and what each kind costs in average precision.",
        ),
    ] = False,
    several_scales: Annotated[
        bool,
        typer.Option(
            "--several-scales",
            help="Of a net of whole images: average over four sizes of each image too.",
        ),
    ] = False,
    blur_faces: BlurFaces = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Measure a checkpoint beside the mean pose, or compare several; sheet, report, predictions.

    For example: kincap evaluate best.ckpt --split test --report report.html
    """
    given = given_flags(context)
    if session is not None:
        _refuse(given - _OF_SESSIONS, "not with --end-to-end, which measures on a session")
        if len(checkpoints) > 1:
            raise KincapError("--end-to-end: takes one checkpoint")
        evaluate_end_to_end(checkpoints[0], session, detector, persons, device, json=json)
        return
    if is_of_people(checkpoints):
        _refuse(
            given - _OF_PEOPLE,
            f"not with {checkpoints[0]}, which finds everyone in whole images; kincap predict "
            "--sheet draws what it finds",
        )
        if len(checkpoints) > 1:
            raise KincapError(
                f"{checkpoints[1]}: {checkpoints[0]} finds everyone in whole images and is "
                "measured alone; give one checkpoint"
            )
        print_people(
            checkpoints[0], data, split, device, several_scales, errors, minimum or [], json=json
        )
        return
    _refuse(given & {"--detector", "--persons"}, "only with --end-to-end SESSION")
    _refuse(given & {"--several-scales"}, "only with a net that finds people in whole images")
    from ...train.evaluation.evaluate import EvaluateSettings
    from ...train.evaluation.evaluate import evaluate as work

    settings = EvaluateSettings(
        checkpoint=checkpoints[0], data=data, split=split, include_inferred=include_inferred,
        sheet=sheet, device=device, blur_faces=blur_faces, others=tuple(checkpoints[1:]),
        boxes=boxes, report=report, predictions=save_predictions,
        minimums=tuple(minimum or ()), sheet_worst=worst, crops=crops, errors=errors,
        teacher=teacher, recordings=recordings,
    )  # fmt: skip
    with progress("evaluate", unit="crops") as bar:
        done = work(settings, on_batch=lambda count, total: bar.update(count, total, ""))
    if not done.net.mirror_training:
        say("this net never saw mirrored pictures: averaging over them may hurt (see single)")
    if json:
        print_json(done.to_json())
    else:
        _print_evaluation(done)
    if done.problems or done.missed:
        raise KincapError("; ".join([*done.problems, *done.missed]), exit_code=1)


def _refuse(flags: set[str], why: str) -> None:
    """Refuse flags that would have no effect.

    Raises:
        KincapError: There is one.
    """
    for flag in sorted(flags):
        raise KincapError(f"{flag}: {why}; leave {flag} out")


def _print_evaluation(done: "EvaluateResult") -> None:
    """Print the tables, the conclusion and where the files are."""
    report, asked = done.to_json(), done.settings
    shown = [("net", report["pck"]), ("net, single", report["pck_single"])]
    if report["tracked"]:
        shown.append(("net, tracked boxes", report["tracked"]["pck"]))
    from ...train.evaluation.page import NO_INTERVAL, teacher_rows

    beside = report["off_the_shelf"]
    shown += [(name, figures["pck"]) for name, figures in teacher_rows(beside)]
    pck_table(
        f"{asked.checkpoint} on {asked.split} of {asked.data}: {done.samples} crops, "
        f"{report['counted']}, {report['boxes']} boxes",
        (
            *shown,
            ("mean pose", report["mean_pose"]["pck"]),
            ("upright person", report["upright"]["pck"]),
        ),
    )
    if report["compared"]:
        _comparison(report)
    median, mean = report["median_error_torso"], report["mean_pose"]["median_error_torso"]
    result(f"median error {figure_text(median)} % of the torso (mean pose {figure_text(mean)})")
    for line in _more_figures(report):
        result(line)
    presence = report["presence"]
    if presence:
        ends = presence["interval"]
        result(
            f"presence accuracy {presence['accuracy']:.2f} % (majority class "
            f"{presence['majority']:.2f} %"
            + (f"; difference {_ends(ends)}, 95 %)" if ends else ")")
        )
    if report["stages"]:
        _stages(report["stages"])
    if beside:
        _off_the_shelf(beside)
    ends = report["interval"]["0.1"]["all"]
    if ends is not None:
        result(f"PCK@0.1 {figure_text(report['pck']['0.1']['all'])} (95 %: {_ends(ends)})")
    elif report["pck"]["0.1"]["all"] is not None:
        result(NO_INTERVAL)
    trust = report["confidence"]
    if trust:
        result(
            f"confidence: calibration error {figure_text(trust['calibration_error'])} %; wrist "
            f"PCK@0.2 without the least sure tenth {figure_text(trust['wrist_surest_90'])}"
        )
    outside = done.net.outside
    if outside > _MUCH_OUTSIDE:
        say(
            f"{100 * outside:.0f} % of a box, in the mean, is outside of the stored images: "
            "build with --margin 1.5 to measure boxes that are not the label's"
        )
    if done.net.missed:
        result(f"{done.net.missed} rows have no box: they count as wrong")
    if done.net.mirrored.score.skipped:
        result(f"skipped {done.net.mirrored.score.skipped} frames: no torso to measure by")
    if report["errors"]:
        error_kinds(report["errors"])
    for line in done.conclusion:
        result(line)
    for name in ("sheet", "report", "predictions"):
        if report[name] is not None:
            result(f"{name} {report[name]}")


def _more_figures(report: dict[str, Any]) -> list[str]:
    """Return the figures of other papers in lines."""
    oks, pcp, error = report["oks"], report["pcp"], report["error"]
    figures: tuple[tuple[str, float | None], ...] = (
        ("PDJ@0.2", report["pdj"]["0.2"]["all"]),
        ("PCP strict", pcp["strict"]["all"]),
        ("loose", pcp["loose"]["all"]),
        ("PCKi", report["pcki"]["all"]),
        ("OKS AP", oks["ap"]),
        ("AP50", oks["ap50"]),
        ("AP75", oks["ap75"]),
        ("AUC to 0.2", report["auc"]["0.2"]),
    )
    heads = report["pckh"] or {}
    figures += tuple((f"PCKh@{a}", pck["all"]) for a, pck in heads.items())
    return [
        ", ".join(f"{name} {figure_text(value)}" for name, value in figures),
        f"mean error {figure_text(error['mean_torso'])} % of the torso, "
        f"{figure_text(error['mean_px'])} px of a crop of 224; left and right exchanged in "
        f"{figure_text(report['swap_rate'])} % of the pairs",
    ]


def _stages(stages: list[dict[str, Any]]) -> None:
    """Print PDJ and PCP of a cascade by stage, with the gain of each."""
    rows = []
    for one in stages:
        gain = one["gain"] and one["gain"]["0.1"]
        ends = gain and gain["interval"]
        rows.append(
            (
                str(one["stage"]),
                *(figure_text(one["pdj"][a]["all"]) for a in ("0.2", "0.1", "0.05")),
                f"{gain['points']:+.1f}" if gain else "-",
                _ends(ends) if ends else "-",
                figure_text(one["pcp"]["strict"]["all"]),
                figure_text(one["pcp"]["loose"]["all"]),
            )
        )
    head = ("stage", "PDJ@0.2", "PDJ@0.1", "PDJ@0.05", "gain@0.1", "95 %", "PCP", "PCP loose")
    table(head, rows, title="By stage; gains over the stage before", right=range(1, 8))


def _off_the_shelf(found: dict[str, Any]) -> None:
    """Print median error and CPU time of a net of others."""
    for row in found["rows"]:
        fitted = row["fitted"]
        offsets = figure_text(fitted["median_error_torso"]) if fitted else "-"
        result(
            f"{found['teacher']}, {row['how']}: median error "
            f"{figure_text(row['median_error_torso'])} % (with offsets {offsets}), "
            f"{row['cpu_ms']:.1f} ms of CPU a person; the net {found['net_cpu_ms']:.1f} ms"
        )
    if found["left_out"]:
        say(f"whole images were left out: {found['left_out']}")


def _comparison(report: dict[str, Any]) -> None:
    """Print all nets in one table: their figures, and how far the first is from each."""
    from ...train.evaluation.page import COMPARISON_HEAD, comparison_rows

    rows = comparison_rows(report, ("all", "wrist"))
    table(COMPARISON_HEAD, rows, title="All nets on the same rows", right=range(2, 5))


def _ends(ends: Sequence[float]) -> str:
    return f"{ends[0]:.1f} to {ends[1]:.1f}"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("evaluate")(evaluate)
