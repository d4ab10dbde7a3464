"""Build a data set from public sets: plan from their labels, then cut the pictures in parallel."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import DatasetError
from ...core.files.output_folder import check_file_name
from ...core.progress import OnProgress
from ..build import write_data_set
from ..formats.files.picture_folder import is_folder
from ..outputs import Outputs, report_path, result_json
from ..report_page.command import command_of
from ..scheduler.scheduler import Scheduler, open_scheduler
from .plan import plan_public
from .settings import PublicSettings


@dataclass(frozen=True)
class PublicResult:
    """Result of a build from public sets, or of a dry run.

    Attributes:
        out: The data set.
        candidates: People in the sets' files of labels.
        kept: Those that became rows.
        rejected: The others by reason.
        splits: People by split.
        rows: Rows by split; a training person has one or two.
        boxes_per_person: Rows for each training person, all sets together.
        sets: The same counts by set, with the sides, the keypoints and the boxes of each.
        warnings: What a person should look at.
        resumed_rows: Rows that an interrupted build had made already.
        sha256: Of the data set; None after a dry run.
        sheet: The sheet of examples; None after a dry run.
        report: The HTML report; None after a dry run, or where none was wanted.
    """

    out: Path
    candidates: int
    kept: int
    rejected: dict[str, int]
    splits: dict[str, int]
    rows: dict[str, int]
    boxes_per_person: float
    sets: dict[str, dict[str, Any]]
    warnings: tuple[str, ...]
    resumed_rows: int = 0
    sha256: str | None = None
    sheet: Path | None = None
    report: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report that scripts read."""
        return result_json(self)


def build_public(settings: PublicSettings, on_progress: OnProgress | None = None) -> PublicResult:
    """Build a data set from public sets; a build that was killed goes on where it was.

    Args:
        settings: What to build, and from what.
        on_progress: Called with rows done, rows in all, and the present step.

    Returns:
        Counts and paths.

    Raises:
        DatasetError: Bad settings, a set that can't be read or whose sides are wrong, an empty
            split, an output that is not ours, another plan begun (exit 2); a damaged picture
            (exit 1, nothing at the destination).
        MissingPartError: scipy is needed and not installed (exit 3).
    """
    settings.check()
    settings = settings.with_shared_paths()
    if settings.sheet is not None:
        check_file_name("--sheet", settings.sheet, (".png",), DatasetError)
    tell = on_progress or (lambda done, total, note: None)
    sheet = settings.sheet or settings.out.with_name(settings.out.name + ".png")
    report = report_path(settings.out, settings.report, settings.with_report)
    outputs = Outputs(settings.out, sheet, report, settings.blur_faces)
    outputs.check()
    with open_scheduler(settings.scheduler, settings.workers) as scheduler:
        for one in settings.add:
            folder = one.path if is_folder(one.path) else one.path.parent
            scheduler.check_paths(folder, settings.out.parent)
        return _build(settings, outputs, scheduler, tell)


def _build(
    settings: PublicSettings, outputs: Outputs, scheduler: Scheduler, tell: OnProgress
) -> PublicResult:
    """Plan, and make the file with the processes of a scheduler."""
    plan, sets = plan_public(settings, scheduler, tell)
    more: dict[str, Any] = {}
    if not settings.dry_run:
        made = write_data_set(
            outputs,
            plan,
            settings.image_shape,
            scheduler,
            tell,
            restart=settings.restart,
            origin={
                "sets": [f"{one.name}:{one.path.absolute()}" for one in settings.add],
                "command": command_of(settings),
            },
        )
        more = {"resumed_rows": made.resumed_rows, "sha256": made.sha256, "sheet": outputs.sheet}
        more["report"] = outputs.report
    counts = plan.meta.counts
    return PublicResult(
        out=settings.out,
        candidates=counts["candidates"],
        kept=counts["kept"],
        rejected=counts["rejected"],
        splits=counts["splits"],
        rows=counts["rows"],
        boxes_per_person=round(counts["rows"]["train"] / counts["splits"]["train"], 4),
        sets=sets,
        warnings=plan.warnings,
        **more,
    )
