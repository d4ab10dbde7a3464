"""The report of an evaluation: one HTML file that needs no network, no script and no other file."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_file_name
from ...core.skeleton import Skeleton
from ...dataset.report_page.markup import Cell, Markup, figure, join, section, table, tag, text
from ...dataset.report_page.style import STYLE
from ..checkpoint_files import READABLE
from .curves import curve_chart
from .figures import Hits
from .sheet import Sheet, percent, sheet_png

FLAG: Final = "--report"
MARK: Final = '<meta name="generator" content="kincap evaluate">'
_HEAD: Final = 4096
_NO_NETWORK: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_OWN_STYLE: Final = """
.charts { display: flex; flex-wrap: wrap; gap: 24px; } .chart, .sheet { margin: 0; }
.chart svg, .sheet img { max-width: 100%; height: auto; }
"""
NO_INTERVAL: Final = "no interval: what is counted is one block of two seconds, it takes two"
MOST_NAMES: Final = 40
"""Rows of a table by session, outfit or cue."""

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """Content of the page.

    Attributes:
        report: The object of ``--json``.
        hits: For each net its name and what of its poses is counted.
        sheet: Crops with both poses.
        parts: Further sections: a name for links, a title and the section.
        skeleton: The keypoints.
    """

    report: Report
    hits: Sequence[tuple[str, Hits]]
    sheet: Sheet
    skeleton: Skeleton
    parts: Sequence[tuple[str, str, Markup]] = ()


def check_page(path: Path) -> None:
    """Refuse a report that can't be written, before work begins.

    Raises:
        KincapError: It is not named .html, is in no folder, or is a page that kincap did not make.
    """
    check_file_name(FLAG, path, (".html", ".htm"))
    if not os.path.lexists(path):
        return
    with path.open("rb") as file:
        is_own = MARK.encode() in file.read(_HEAD)
    if not is_own:
        raise KincapError(
            f"{FLAG}: {path} exists and is not an evaluation of kincap; choose another name or "
            "remove it"
        )


def save_page(path: Path, evaluation: Evaluation) -> None:
    """Write the report.

    Raises:
        KincapError: It can't be written (exit 1).
    """
    try:
        write_atomic(path, evaluation_page(evaluation), READABLE)
    except OSError as error:
        raise KincapError(
            f"{FLAG}: {path} can't be written ({error.strerror})", exit_code=1
        ) from None


def evaluation_page(evaluation: Evaluation) -> bytes:
    """Return the report as a file, UTF-8."""
    report = evaluation.report
    title = f"Evaluation of {Path(report['checkpoint']).name}"
    parts = [
        ("figures", "Figures", _figures(evaluation)),
        ("curves", "Curves", _curves(evaluation)),
        ("compared", "Comparison", _compared(report)),
        ("teacher", "Off the shelf", _off_the_shelf(report)),
        ("parts", "By session, outfit and cue", _by(report)),
        ("stages", "By stage", _stages(report)),
        ("more", "More figures", _more(report)),
        *evaluation.parts,
        ("pictures", "Pictures", _pictures(evaluation)),
    ]
    shown = [(name, title_of, part) for name, title_of, part in parts if part.html]
    links = join(Markup(f'<a href="#{name}">{title_of}</a>') for name, title_of, _ in shown)
    body = join(Markup(f'<div id="{name}">{part.html}</div>') for name, _, part in shown)
    page = (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8">{MARK}'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_NETWORK}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title).html}</title><style>{STYLE}{_OWN_STYLE}</style></head>\n"
        f"<body><main>{_head(report, title).html}<nav>{links.html}</nav>{body.html}"
        "</main></body></html>\n"
    )
    return page.encode(errors="backslashreplace")


def _head(report: Report, title: str) -> Markup:
    """Return the title, the conclusion and the main figures."""
    about = (
        f"{report['model']} at {report['size']} px on the {report['split']} split of "
        f"{report['data']}: {report['samples']} crops, counted where {report['counted']}, "
        f"{report['boxes']} boxes. Distances in shares of the torso {report['normaliser']}."
    )
    tracked = report["tracked"]
    tiles = [
        (percent(report["pck"]["0.2"]["all"]), "PCK@0.2, all keypoints"),
        (percent(report["pck"]["0.1"]["all"]), "PCK@0.1"),
        (percent(report["pck"]["0.2"].get("wrist")), "PCK@0.2, wrists"),
        (percent(report["median_error_torso"]), "median error, % of the torso"),
        (percent(tracked and tracked["pck"]["0.1"]["all"]), "PCK@0.1 in tracked boxes"),
    ]
    boxes = join(tag("div", tag("b", value) + tag("span", name), "tile") for value, name in tiles)
    said = join(tag("li", line) for line in report["conclusion"])
    return tag("h1", title) + tag("p", about, "note") + tag("ul", said) + tag("div", boxes, "tiles")


def _figures(evaluation: Evaluation) -> Markup:
    """Return the paper's table: PCK by joint, beside what looks at no picture."""
    report, groups = evaluation.report, [*evaluation.skeleton.group_indices, "all"]
    rows: list[list[Cell]] = []
    for a in report["pck"]:
        named = [("net", report["pck"][a]), ("net, no mirror averaging", report["pck_single"][a])]
        if report["tracked"]:
            named.append(("net, tracked boxes", report["tracked"]["pck"][a]))
        for name, figures in teacher_rows(report["off_the_shelf"]):
            named.append((name, figures["pck"][a]))
        named += [
            ("mean pose", report["mean_pose"]["pck"][a]),
            ("upright person", report["upright"]["pck"][a]),
        ]
        rows += [
            [f"@{a}" if n == 0 else "", name, *(percent(pck[g]) for g in groups)]
            for n, (name, pck) in enumerate(named)
        ]
        ends = report["interval"][a]
        rows.append(["", "net, 95 % interval", *(_interval(ends[g]) for g in groups)])
    return section(
        "Figures",
        table(["PCK", "", *groups], rows),
        note="Percentages. The interval comes from blocks of two seconds that were drawn again."
        + ("" if any(report["interval"]["0.1"].values()) else f" Here is {NO_INTERVAL}."),
    )


def teacher_rows(found: Report | None) -> list[tuple[str, Report]]:
    """Return name and figures of each row of a net of others, with offsets too."""
    rows: list[tuple[str, Report]] = []
    for row in found["rows"] if found else ():
        assert found is not None
        name = f"{found['teacher']}, {row['how']}"
        rows.append((name, row))
        if row["fitted"]:
            rows.append((f"{name} + offsets", row["fitted"]))
    return rows


def _off_the_shelf(report: Report) -> Markup:
    """Return the net of others beside this one: median error and CPU time."""
    found = report["off_the_shelf"]
    if not found:
        return Markup("")
    rows: list[list[Cell]] = [
        ["net", percent(report["median_error_torso"]), f"{found['net_cpu_ms']:.1f} ms", "-"]
    ]
    for row in found["rows"]:
        fitted = row["fitted"]
        rows.append(
            [
                f"{found['teacher']}, {row['how']}",
                percent(row["median_error_torso"]),
                f"{row['cpu_ms']:.1f} ms",
                percent(fitted and fitted["median_error_torso"]),
            ]
        )
    note = (
        "CPU time a person on one thread, without decoding; of the net without mirror averaging. "
        "Offsets: one (x, y) for each keypoint, fitted on the training split."
    )
    if found["left_out"]:
        note += f" Whole images were left out: {found['left_out']}."
    head = ["", "median error, % of the torso", "CPU", "median error with offsets"]
    return section("Off the shelf", table(head, rows), note=note)


def _interval(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{ends[0]:.1f} to {ends[1]:.1f}"


def _curves(evaluation: Evaluation) -> Markup:
    """Return PCK against the threshold: of all nets, and of the first by joint."""
    groups = evaluation.skeleton.group_indices
    first = evaluation.hits[0][1]
    charts = [
        (curve_chart({name: (hits, None) for name, hits in evaluation.hits}), "All keypoints"),
        (curve_chart({g: (first, k) for g, k in groups.items()}), "First net, by joint"),
    ]
    shown = join(
        tag("figure", chart + tag("figcaption", caption), "chart") for chart, caption in charts
    )
    return section("Curves", tag("div", shown, "charts"))


def _compared(report: Report) -> Markup:
    """Return the other nets and their distance from the first."""
    if not report["compared"]:
        return Markup("")
    rows: list[list[Cell]] = [list(row) for row in comparison_rows(report, ("all", "wrist"))]
    return section(
        "Comparison",
        table(COMPARISON_HEAD, rows),
        note="Differences on the same rows. An interval without 0 is a clear difference.",
    )


COMPARISON_HEAD: Final = ("PCK", "net", "its figure", "first minus it, points", "95 % interval")


def comparison_rows(report: Report, groups: Sequence[str]) -> list[tuple[str, ...]]:
    """Return all nets of an evaluation, the first one on top, by threshold and group.

    Args:
        report: The object of ``--json``.
        groups: Groups of keypoints, and ``all``.
    """
    rows: list[tuple[str, ...]] = []
    for a in report["pck"]:
        for group in groups:
            first = percent(report["pck"][a].get(group))
            rows.append((f"@{a} {group}", report["checkpoint"], first, "", ""))
            for other in report["compared"]:
                one = other["difference"][a].get(group)
                points = "-" if one is None else f"{one['points']:+.1f}"
                ends = "-" if one is None else _interval(one["interval"])
                figure_of = percent(other["pck"][a].get(group))
                rows.append(("", other["checkpoint"], figure_of, points, ends))
    return rows


def _by(report: Report) -> Markup:
    """Return PCK of the first net by session, outfit and cue, where there are several."""
    parts = []
    for kind, named in report["by"].items():
        if len(named) > 1:
            rows: list[list[Cell]] = [
                [name, *(percent(pck[a].get(g)) for a in ("0.2", "0.1") for g in ("all", "wrist"))]
                for name, pck in list(named.items())[:MOST_NAMES]
            ]
            head = [kind, "@0.2 all", "@0.2 wrist", "@0.1 all", "@0.1 wrist"]
            parts += [tag("h3", f"By {kind}"), table(head, rows)]
    return section("By session, outfit and cue", *parts) if parts else Markup("")


def _stages(report: Report) -> Markup:
    """Return PDJ and PCP of a cascade by stage, with the gain of each."""
    if not report["stages"]:
        return Markup("")
    rows: list[list[Cell]] = []
    for one in report["stages"]:
        row: list[Cell] = [str(one["stage"])]
        for a in ("0.2", "0.1", "0.05"):
            gain = one["gain"] and one["gain"][a]
            row.append(percent(one["pdj"][a]["all"]))
            row.append(f"{gain['points']:+.1f} ({_interval(gain['interval'])})" if gain else "-")
        for how in ("strict", "loose"):
            row.append(percent(one["pcp"][how]["all"]))
        rows.append(row)
    head = ["stage", "PDJ@0.2", "gain", "@0.1", "gain", "@0.05", "gain", "PCP strict", "PCP loose"]
    limbs: list[list[Cell]] = [
        [str(one["stage"]), how, *(percent(value) for value in one["pcp"][how].values())]
        for one in report["stages"]
        for how in ("strict", "loose")
    ]
    names = list(report["stages"][0]["pcp"]["strict"])
    return section(
        "By stage",
        table(head, rows),
        table(["stage", "PCP", *names], limbs),
        note="Gains over the stage before, in points of PDJ, with their 95 % intervals.",
    )


def _more(report: Report) -> Markup:
    """Return the figures of other papers."""
    oks, error = report["oks"], report["error"]
    rows: list[list[Cell]] = [
        ["AUC, mean of PCK up to 0.2 torso", percent(report["auc"]["0.2"])],
        ["AUC, up to 0.5 torso", percent(report["auc"]["0.5"])],
        ["PDJ@0.2 (other diagonal of the torso)", percent(report["pdj"]["0.2"]["all"])],
        ["PCP strict", percent(report["pcp"]["strict"]["all"])],
        ["PCP loose", percent(report["pcp"]["loose"]["all"])],
        ["PCKi (a twelfth of the input)", percent(report["pcki"]["all"])],
        ["OKS AP / AP50 / AP75", " / ".join(percent(oks[k]) for k in ("ap", "ap50", "ap75"))],
        ["left and right exchanged, % of pairs", percent(report["swap_rate"])],
    ]
    for a, pck in (report["pckh"] or {}).items():
        rows.append([f"PCKh@{a}", percent(pck["all"])])
    for which in ("mean", "median"):
        torso, px = (percent(error[f"{which}_{unit}"]) for unit in ("torso", "px"))
        rows.append([f"{which} error", f"{torso} % of the torso, {px} px of a crop of 224"])
    trust = report["confidence"]
    if trust:
        auroc = trust["miss_auroc"]
        rows += [
            ["confidence: expected calibration error", percent(trust["calibration_error"])],
            ["confidence: AUROC of a miss", "-" if auroc is None else f"{auroc:.3f}"],
            ["wrist PCK@0.2 without the least sure tenth", percent(trust["wrist_surest_90"])],
        ]
    return section("More figures", table(["", ""], rows))


def _pictures(evaluation: Evaluation) -> Markup:
    """Return the sheet."""
    title = evaluation.sheet.title
    shown = figure(sheet_png(evaluation.sheet), "png", title, text(title), "sheet")
    return section("Pictures", shown)
