"""``--distill`` of pretrain and finetune: frames with the labels of a teacher join the data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import KincapError
from ..console import progress, say

if TYPE_CHECKING:
    from ...train.mixing.choice import DataChoice


def distilled_data(
    sources: Sequence[str], teacher: str | None, data: Sequence["DataChoice"], runs: Path
) -> tuple["DataChoice", ...]:
    """Return data sets of a teacher's labels, made now or by an earlier run.

    Args:
        sources: The values of ``--distill``.
        teacher: The value of ``--teacher``.
        data: The data sets of ``--data`` and ``--replay``.
        runs: The folder of run folders; the files are in a folder of its own there.

    Raises:
        KincapError: See ``predict.distill.distill``; or ``--teacher`` without ``--distill``.
    """
    if not sources:
        if teacher is not None:
            raise KincapError("--teacher: labels the frames of --distill SOURCE; give both")
        return ()
    from ...dataset.forget.places import DISTILLED
    from ...predict.distill.distill import DEFAULT_TEACHER, DistillSettings, distill
    from ...train.mixing.choice import parse_data

    found = []
    for text in sources:
        choice = parse_data(text, "--distill")
        settings = DistillSettings(
            str(choice.path), tuple(one.path for one in data), runs / DISTILLED,
            teacher or DEFAULT_TEACHER,
        )  # fmt: skip
        with progress(f"labelling {choice.path}", unit="frames") as bar:
            made = distill(settings, bar.update)
        say(made.text(settings))
        found.append(replace(choice, path=made.path))
    return tuple(found)
