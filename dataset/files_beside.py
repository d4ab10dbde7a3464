"""The files beside a data set: when and where it was made, the sheet of examples, the report."""

import json
from datetime import UTC, datetime
from typing import Any, Final

from .. import __version__
from ..core.errors import DatasetError
from ..core.files.file_io import FileIO
from ..core.memory.freed import give_back_freed
from .faces.blur import FaceBlur
from .kinect13.format import LAYOUTS
from .kinect13.reader import Kinect13, open_kinect13
from .outputs import ABOUT_SCHEMA, Outputs
from .plan import BuildPlan
from .report_page.page import About, report_page
from .sheets.examples import draw_sheet

READABLE: Final = 0o644
"""Permissions of the files beside a data set."""


def write_beside(
    outputs: Outputs,
    plan: BuildPlan,
    plan_sha256: str,
    checksum: str,
    origin: dict[str, Any],
    io: FileIO,
) -> None:
    """Write what depends on when and where, and the sheet of examples."""
    out = outputs.out
    about = {
        "schema": ABOUT_SCHEMA,
        "sha256": checksum,
        "plan_sha256": plan_sha256,
        "created_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "kincap_version": __version__,
        "path": str(out.absolute()),
        **origin,
        "blur_faces": outputs.blur_faces,
        "counts": plan.meta.counts,
        "label_error": plan.label_error,
    }
    # a path of another encoding holds lone surrogates
    text = json.dumps(about, indent=1, ensure_ascii=False) + "\n"
    data = text.encode(errors="backslashreplace")
    try:
        with open_kinect13(out, layouts=LAYOUTS) as dataset:
            sheet = draw_sheet(dataset, FaceBlur(dataset) if outputs.blur_faces else None)
            give_back_freed()
            page = None if outputs.report is None else _report(dataset, plan, about)
        io.write_atomic(outputs.about, data, mode=READABLE, unique=True)
        io.write_atomic(outputs.sheet, sheet, mode=READABLE, unique=True)
        if outputs.report is not None and page is not None:
            io.write_atomic(outputs.report, page, mode=READABLE, unique=True)
    except OSError as err:
        raise DatasetError(
            f"{err.filename}: {err.strerror or err}; the data set {out} is whole, the files "
            "beside it are not; make room and build again",
            exit_code=1,
        ) from err


def _report(dataset: Kinect13, plan: BuildPlan, about: dict[str, Any]) -> bytes:
    """Return the HTML report of a finished data set."""
    return report_page(
        dataset,
        About(
            sha256=about["sha256"],
            created_utc=about["created_utc"],
            kincap_version=about["kincap_version"],
            command=about.get("command", ""),
            bytes=dataset.path.stat().st_size,
            warnings=plan.warnings,
            label_error=plan.label_error,
            rejected=plan.rejected,
            blur_faces=about["blur_faces"],
        ),
    )
