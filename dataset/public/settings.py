"""Settings of a build from public sets, and the sets that it is asked to add."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import tomli_w

from ...core.errors import DatasetError
from ...core.geometry import BOX_SCALE
from ..formats.options import CHOICES, NUMBERS, LoadOptions
from ..formats.registry import FORMATS, Format
from ..kinect13.format import ImageShape
from ..settings import check_processes, check_shape

BOXES_TRUTH: Final = "truth"
MOST_VAL: Final = 2000
"""People of the validation split, where the sets have enough that are labelled completely."""
SEED: Final = 13
"""Chooses the validation people."""


@dataclass(frozen=True)
class AddedSet:
    """One ``--add SET[,option=value]:PATH``.

    Attributes:
        name: Of the set, a key of FORMATS.
        path: Its folder or file of labels.
        options: How it is read.
        given: The options as they were given.
    """

    name: str
    path: Path
    options: LoadOptions = field(default_factory=LoadOptions)
    given: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return it as ``--add`` takes it."""
        options = "".join(f",{key}={value}" for key, value in self.given)
        return f"{self.name}{options}:{self.path}"

    @property
    def format(self) -> Format:
        """Its reader."""
        return FORMATS[self.name]


@dataclass(frozen=True)
class PublicSettings:
    """The data set to build, and the public sets in it.

    Attributes:
        out: The data set's file.
        add: The sets.
        boxes: ``truth``: crops around the labels; or a file of detections.
        val: Share of the completely labelled people that is validation (at most 2000 people), or a
            glob of sets, or of parts of sets (``lsp/test``).
        test: A glob of sets or parts that are the test set, or None.
        size: Side S of the crops, pixels, a multiple of 4; of 8 with a margin.
        margin: Side of the stored images, in sides of the crop: 1.0 or 1.5.
        skip_damaged: Leave out pictures that are missing or can't be decoded.
        restart: Throw away what an interrupted build of another plan has done.
        dry_run: Count only.
        workers: Processes; None for as many as there are cores.
        scheduler: ``dask://HOST:PORT`` of a cluster to build on; None for this machine alone.
        sheet: Where the sheet of examples goes; None for ``<out>.png``.
        blur_faces: Blur faces in the sheet and the report; those in the data set stay.
        report: Where the HTML report goes; None for ``<out>.html``.
        with_report: Whether to make the report.
    """

    out: Path
    add: tuple[AddedSet, ...]
    boxes: str = BOXES_TRUTH
    val: str = "0.2"
    test: str | None = None
    size: int = 224
    margin: float = 1.0
    skip_damaged: bool = False
    restart: bool = False
    dry_run: bool = False
    workers: int | None = None
    scheduler: str | None = None
    sheet: Path | None = None
    blur_faces: bool = False
    report: Path | None = None
    with_report: bool = True

    def check(self) -> None:
        """Refuse values that make no data set.

        Raises:
            DatasetError: Names the flag.
        """
        check_shape(self.image_shape)
        check_processes(self.workers, self.scheduler)

    @property
    def image_shape(self) -> ImageShape:
        """Shape of the stored images."""
        return ImageShape(self.size, self.margin)

    def with_shared_paths(self) -> "PublicSettings":
        """Return the settings with paths that other machines can follow, where some are asked."""
        if self.scheduler is None:
            return self
        return replace(
            self,
            out=self.out.absolute(),
            sheet=None if self.sheet is None else self.sheet.absolute(),
            add=tuple(replace(one, path=one.path.absolute()) for one in self.add),
        )

    def toml(self) -> str:
        """Return all that decides what is in the file, as canonical TOML."""
        kept: dict[str, Any] = {
            "size": self.size,
            "margin": self.margin,
            "skip_damaged": self.skip_damaged,
            "box_scale": BOX_SCALE,
            "boxes": BOXES_TRUTH if self.boxes == BOXES_TRUTH else "detections",
            "split": {
                "val": self.val,
                "test": self.test or "",
                "most_val": MOST_VAL,
                "seed": SEED,
            },
            "sets": [{"name": one.name, "options": dict(one.given)} for one in self.add],
        }
        return tomli_w.dumps(kept)


def parse_added(texts: Sequence[str]) -> tuple[AddedSet, ...]:
    """Read the flags ``--add SET[,option=value]:PATH``.

    Returns:
        The sets by name; several of one set in the order given.

    Raises:
        DatasetError: An unknown set or option, or no path.
    """
    return tuple(sorted((_added(text) for text in texts), key=lambda one: one.name))


def _added(text: str) -> AddedSet:
    """Read one flag."""
    head, colon, path = text.partition(":")
    name, *options = head.split(",")
    if name not in FORMATS or not colon or not path:
        raise DatasetError(
            f"--add {text}: expected SET:PATH with one of the sets {', '.join(FORMATS)}"
        )
    given = tuple(_option(text, name, option) for option in options)
    values: dict[str, Any] = {
        key: float(value) if key in NUMBERS else value for key, value in given
    }
    return AddedSet(name, Path(path), LoadOptions(**values), given)


def _option(text: str, name: str, option: str) -> tuple[str, str]:
    """Read one option of a set."""
    key, _, value = option.partition("=")
    known = (*FORMATS[name].options, "sides", *NUMBERS)
    if key not in known:
        raise DatasetError(f"--add {text}: {name} has no option {key!r}, only {', '.join(known)}")
    if key in NUMBERS:
        low, high = NUMBERS[key]
        if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value) or not low <= float(value) <= high:
            raise DatasetError(f"--add {text}: {key} is a number from {low:g} to {high:g}")
    elif value not in CHOICES[key]:
        raise DatasetError(f"--add {text}: {key} is one of {', '.join(CHOICES[key])}")
    return key, value
