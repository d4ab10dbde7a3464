"""config.toml of a run: what it was started with, enough to make it again or to go on with it."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core.errors import DatasetError, KincapError
from ...core.files.small_files import read_small
from ..cascade.settings import CascadeSettings
from ..mixing.choice import DataChoice
from ..settings import TrainSettings
from .setting_values import read_values

CONFIG: Final = "config.toml"
MOST_THREADS: Final = 4096
MOST_PROCESSES: Final = 4096
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class DataFile:
    """A data set that a run learns from.

    Attributes:
        path: As it was given.
        sha256: Of its bytes.
        weight: How often its samples are drawn, see ``DataChoice``.
        rotation_deg: Largest turn of its copies, or None: that of the recipe.
        share: Its share of every batch where it is rehearsed, or None.
    """

    path: str
    sha256: str
    weight: float = 1.0
    rotation_deg: float | None = None
    share: float | None = None

    @staticmethod
    def of(choice: DataChoice) -> "DataFile":
        """Return the file of a choice, with its SHA-256.

        Raises:
            DatasetError: It can't be read.
        """
        return DataFile(
            str(choice.path), data_sha256(choice.path), choice.weight, choice.rotation_deg,
            choice.share,
        )  # fmt: skip

    def choice(self, path: Path | None = None) -> DataChoice:
        """Return the choice; at another path where the file has moved."""
        where = Path(self.path) if path is None else path
        return DataChoice(where, self.weight, self.rotation_deg, self.share)


@dataclass(frozen=True)
class RunConfig:
    """Content of config.toml.

    Attributes:
        data: The data sets.
        leave_out: Sessions that the net neither trains on nor is chosen by.
        outfit: Glob over the outfits that the net trains on and is chosen by; None: all.
        homogeneous: Only samples with all keypoints are learnt from.
        init: The checkpoint that the run started from, or ``"none"``.
        trunk: The file that the trunk's weights are from, or None.
        out: File that the best checkpoint is copied to, or None.
        device: The device.
        threads: Threads of the CPU; another number may change the last bits.
        processes: Processes that share each batch.
        settings: All settings of the training.
        cascade: Settings of the later stages of a cascade, or None.
    """

    data: tuple[DataFile, ...]
    leave_out: tuple[str, ...]
    outfit: str | None
    init: str
    out: str | None
    device: str
    threads: int
    processes: int
    settings: TrainSettings
    homogeneous: bool = False
    trunk: str | None = None
    cascade: CascadeSettings | None = None

    @property
    def data_name(self) -> str:
        """Return the names of the data sets, for checkpoints."""
        return " + ".join(Path(one.path).name for one in self.data)

    def to_toml(self) -> dict[str, Any]:
        """Return the content as TOML takes it: no null, what is None is left out."""
        content = {
            "data": [
                {key: value for key, value in vars(one).items() if value is not None}
                for one in self.data
            ],
            "leave_out": list(self.leave_out),
            "outfit": self.outfit,
            "homogeneous": self.homogeneous,
            "init": self.init,
            "trunk": self.trunk,
            "out": self.out,
            "device": self.device,
            "threads": self.threads,
            "processes": self.processes,
            "settings": self.settings.to_toml(),
            "cascade": None if self.cascade is None else self.cascade.to_toml(),
        }
        return {key: value for key, value in content.items() if value is not None}


def read_config(folder: Path) -> RunConfig:
    """Return the config of a run's folder.

    Raises:
        KincapError: It is missing, not such a file, or has unknown keys or values of another type.
    """
    path = folder / CONFIG
    try:
        content = tomllib.loads(read_small(path, _MOST_BYTES).decode())
    except FileNotFoundError:
        raise KincapError(
            f"--resume: {folder} has no {CONFIG}; expected the folder of a run, as "
            "runs/finetune/20261121T091500Z-compact"
        ) from None
    except OSError as error:
        raise KincapError(f"{path}: can't be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise KincapError(f"{path}: not the config of a run") from None
    settings, data = content.pop("settings", None), content.pop("data", None)
    if content.get("task") == "detect":
        raise KincapError(
            f"--resume: {folder} is a run of a detector, which can't be resumed; start a new one "
            f"with --task detect --init {folder / 'last.ckpt'}"
        )
    if not isinstance(settings, dict) or not _is_list_of_tables(data):
        raise KincapError(
            f"{path}: [settings] or [[data]] is missing, as in runs of older kincaps; it can't be "
            f"resumed, start a new one with --init {folder / 'last.ckpt'}"
        )
    cascade = content.pop("cascade", None)
    if cascade is not None and not isinstance(cascade, dict):
        raise KincapError(f"{path}: cascade is not a table")
    for version in ("kincap_version", "torch_version"):
        content.pop(version, None)
    header = read_values(_PlainValues, content, str(path))
    for name, most in (("threads", MOST_THREADS), ("processes", MOST_PROCESSES)):
        if not 1 <= getattr(header, name) <= most:
            raise KincapError(
                f"{path}: {name} = {getattr(header, name)}: expected a number from 1 to {most}"
            )
    return RunConfig(
        data=tuple(read_values(DataFile, one, str(path)) for one in data),
        settings=TrainSettings.from_toml(settings, str(path)),
        cascade=None if cascade is None else read_values(CascadeSettings, cascade, str(path)),
        **vars(header),
    )


@dataclass(frozen=True)
class _PlainValues:
    """The plain values of config.toml."""

    leave_out: tuple[str, ...]
    outfit: str | None
    init: str
    out: str | None
    device: str
    threads: int
    processes: int
    homogeneous: bool = False
    trunk: str | None = None


def _is_list_of_tables(found: object) -> bool:
    return isinstance(found, list) and bool(found) and all(isinstance(one, dict) for one in found)


def data_sha256(path: Path) -> str:
    """Return the SHA-256 of a data set's file.

    Raises:
        DatasetError: It can't be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"{path}: can't be read ({error.strerror})") from None
