"""Settings of a build."""

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import tomli_w

from ..core.errors import DatasetError
from ..core.geometry import BOX_SCALE
from ..core.pairing import PAIR_WITHIN_100NS
from ..core.units import MS_100NS
from .boxes import WIDEN
from .crop import DECODING, EXACT
from .filters import FilterSettings
from .kinect13.format import CROPS, FULL, LARGEST_SIZE, LAYOUTS, MARGINS, SMALLEST_SIZE, ImageShape
from .labels.joint_bias import JointBias, bias_toml
from .labels.label_settings import LARGEST, NEAREST, LabelSettings
from .scheduler.scheduler import dask_place
from .split.balance import LARGEST_FACTOR
from .split.flags import DEFAULT_VAL, GUARD_S, SplitSettings
from .split.folds import Fold
from .split.near_copies import NEAR_COPIES, REPORT


@dataclass(frozen=True)
class BuildSettings:
    """The data set to build, and its sources.

    Attributes:
        out: The data set's file.
        recordings: The folder of all sessions.
        sessions: Glob of the sessions to build from.
        val: Validation: a share of the time, or sessions (``split.flags``).
        test: The test set, in the same way, or None.
        folds: Make as many data sets, each with other outfits as validation; None for one with
            ``val``.
        balance: No bin of poses keeps more than this many times the mean one's training rows; None
            for all.
        near_copies: Do with training rows that nearly show a held-out row: "report", "drop" or
            "refuse".
        guard_s: Seconds around validation and test frames that are left out of training.
        size: Side S of the crops, pixels, a multiple of 4; of 8 with a margin.
        margin: Side of the stored images, in sides of the crop: 1.0 or 1.5.
        decoding: "exact": every pixel of a crop counts by its area; "fast": images are decoded at a
            fraction of their size and resampled.
        layout: "crops": one square crop a person; "full": whole frames with all people.
        masks: Write crops of the sensor's body masks beside the images.
        joints_at: "nearest": as the paired body row has them; "color": moved to the colour frame's
            time, between the two body rows around it.
        skip_damaged: Check every needed picture first and leave damaged ones out; of damaged
            shards use what is whole.
        restart: Throw away what an interrupted build of another plan has done.
        dry_run: Count only.
        workers: Processes to cut pictures with; None for as many as there are cores.
        scheduler: ``dask://HOST:PORT`` of a cluster to build on; None for this machine alone.
        sheet: Where the sheet of examples goes; None for ``<out>.png``.
        blur_faces: Blur faces in the sheet and the report; those in the data set stay.
        report: Where the HTML report goes; None for ``<out>.html``.
        with_report: Whether to make the report.
        filters: Thresholds.
        bodies: Whose labels: see ``LabelSettings``, as the next three.
        unknown_weight: Weight of keypoints without a tracking state.
        swap_back: Put back sides that are exchanged for a moment.
        correct_lag: Move joints by a lag that is certain.
        joint_bias: Correction of the sensor's bias (``labels.joint_bias``); empty: none.
        labels: File of labels that take the place of the sensor's, or None.
    """

    out: Path = Path("kinect13.h5")
    recordings: Path = Path("recordings")
    sessions: str = "*"
    val: str = DEFAULT_VAL
    test: str | None = None
    folds: int | None = None
    balance: float | None = None
    near_copies: str = REPORT
    guard_s: float = GUARD_S
    size: int = 224
    margin: float = 1.0
    decoding: str = EXACT
    masks: bool = False
    layout: str = CROPS
    joints_at: str = NEAREST
    skip_damaged: bool = False
    restart: bool = False
    dry_run: bool = False
    workers: int | None = None
    scheduler: str | None = None
    sheet: Path | None = None
    blur_faces: bool = False
    report: Path | None = None
    with_report: bool = True
    filters: FilterSettings = field(default_factory=FilterSettings)
    bodies: str = LARGEST
    unknown_weight: float = 0.0
    swap_back: bool = True
    correct_lag: bool = True
    joint_bias: JointBias = field(default_factory=dict)
    labels: Path | None = None

    def check(self) -> None:
        """Refuse values that make no data set.

        Raises:
            DatasetError: Names the flag.
        """
        check_shape(self.image_shape)
        if self.decoding not in DECODING:
            raise DatasetError(f"--decoding {self.decoding}: expected one of {', '.join(DECODING)}")
        if self.balance is not None and not 1 <= self.balance <= LARGEST_FACTOR:
            raise DatasetError(
                f"--balance {self.balance:g}: expected 1 to {LARGEST_FACTOR:g} times the rows of "
                "the mean bin"
            )
        if self.near_copies not in NEAR_COPIES:
            raise DatasetError(
                f"--near-copies {self.near_copies}: expected one of {', '.join(NEAR_COPIES)}"
            )
        self.labelling().check()
        check_processes(self.workers, self.scheduler)
        if self.layout == FULL and self.report is not None:
            raise DatasetError(f"--report {self.report}: it is about crops; leave it out")
        if self.folds is not None and self.val != DEFAULT_VAL:
            raise DatasetError(
                f"--val {self.val}: with --folds the outfits of a fold are validation; leave one "
                "of the flags out"
            )
        if self.folds is not None and self.sheet is not None:
            raise DatasetError(
                f"--sheet {self.sheet}: --folds makes a sheet beside each data set; leave it out"
            )
        if self.folds is not None and self.report is not None:
            raise DatasetError(
                f"--report {self.report}: --folds makes a report beside each data set; leave it out"
            )

    @property
    def makes_report(self) -> bool:
        """Return True if an HTML report is made; it is about crops."""
        return self.with_report and self.layout == CROPS

    @property
    def image_shape(self) -> ImageShape:
        """Shape of the stored images."""
        return ImageShape(self.size, self.margin, self.masks, self.layout)

    def with_shared_paths(self) -> "BuildSettings":
        """Return the settings with paths that other machines can follow, where some are asked."""
        if self.scheduler is None:
            return self
        sheet = None if self.sheet is None else self.sheet.absolute()
        return replace(
            self, out=self.out.absolute(), recordings=self.recordings.absolute(), sheet=sheet
        )

    def labelling(self) -> LabelSettings:
        """Return the part of the settings that decides about labels."""
        return LabelSettings(
            filters=self.filters,
            joints_at=self.joints_at,
            bodies=self.bodies,
            unknown_weight=self.unknown_weight,
            swap_back=self.swap_back,
            correct_lag=self.correct_lag,
            joint_bias=self.joint_bias,
        )

    def toml(
        self, split: SplitSettings, labels_sha256: str | None = None, fold: Fold | None = None
    ) -> str:
        """Return all that decides what is in the file, as canonical TOML.

        Args:
            split: How frames are dealt out.
            labels_sha256: Of the file of labels; None: there is none.
            fold: The fold, where there are several.
        """
        given = {} if labels_sha256 is None else {"labels_sha256": labels_sha256}
        kept = {
            **given,
            "size": self.size,
            "margin": self.margin,
            "decoding": self.decoding,
            "masks": self.masks,
            "layout": self.layout,
            "sessions": self.sessions,
            "skip_damaged": self.skip_damaged,
            "box_scale": BOX_SCALE,
            "box_widen": WIDEN,
            "joints_at": self.joints_at,
            "bodies": self.bodies,
            "unknown_weight": self.unknown_weight,
            "swap_back": self.swap_back,
            "correct_lag": self.correct_lag,
            "joint_bias": bias_toml(self.joint_bias),
            "pair_within_ms": PAIR_WITHIN_100NS / MS_100NS,
            "split": self._split_toml(split, fold),
            "filters": asdict(self.filters),
        }
        return tomli_w.dumps(kept)

    def _split_toml(self, split: SplitSettings, fold: Fold | None) -> dict[str, object]:
        """Return what decides the split."""
        kept = {
            "val": self.val,
            "test": self.test or "",
            "guard_s": split.guard_s,
            "near_copies": self.near_copies,
            "balance": self.balance or 0.0,
        }
        if fold is None:
            return kept
        return {
            **kept,
            "val": ",".join(f"outfit:{name}" for name in fold.outfits),
            "fold": fold.number,
            "folds": self.folds,
        }


def check_shape(shape: ImageShape) -> None:
    """Refuse images of a shape that no data set has.

    Raises:
        DatasetError: Names the flag.
    """
    if not SMALLEST_SIZE <= shape.size <= LARGEST_SIZE or shape.size % 4:
        raise DatasetError(
            f"--size {shape.size}: expected a multiple of 4 from {SMALLEST_SIZE} to {LARGEST_SIZE}"
        )
    if shape.layout not in LAYOUTS:
        raise DatasetError(f"--layout {shape.layout}: expected one of {', '.join(LAYOUTS)}")
    if shape.layout == FULL and (shape.margin != 1 or shape.size % 8):
        raise DatasetError(
            f"--layout full with --size {shape.size} --margin {shape.margin:g}: expected a height "
            "that is a multiple of 8, and no margin"
        )
    if shape.margin not in MARGINS:
        raise DatasetError(
            f"--margin {shape.margin:g}: expected one of {', '.join(map(str, MARGINS))}"
        )
    if shape.margin != 1 and shape.size % 8:
        raise DatasetError(
            f"--size {shape.size}: expected a multiple of 8 with --margin {shape.margin:g}"
        )


def check_processes(workers: int | None, scheduler: str | None) -> None:
    """Refuse a number of processes, or an address of a cluster, that can't be used.

    Raises:
        DatasetError: Names the flag.
    """
    if workers is not None and workers < 1:
        raise DatasetError(f"--workers {workers}: expected at least 1")
    if scheduler is not None:
        dask_place(scheduler)
        if workers is not None:
            raise DatasetError(
                f"--workers {workers}: processes of this machine, and --scheduler uses "
                "those of its cluster; leave one of them out"
            )
