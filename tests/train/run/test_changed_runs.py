"""Run folders whose files are not as the run wrote them: refused in one line, left as they are."""

import hashlib
import re
from pathlib import Path

import pytest

from kincap.core.errors import KincapError
from kincap.train.finetune import finetune
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions

from ..resume_cases import run_folder


@pytest.fixture(scope="module")
def stopped(figures_h5: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of 9 steps that was interrupted after 2."""
    runs = tmp_path_factory.mktemp("changed")

    def listen(done: int, _steps: int, note: str) -> None:
        if done == 2 and "validating" not in note:
            raise KeyboardInterrupt

    options = TrainOptions(
        data=figures_h5, runs=runs, model="compact", width=0.25, size=32, steps=9, batch=8,
        device="cpu",
    )  # fmt: skip
    with pytest.raises(KincapError, match="goes on"):
        finetune(options, None, listen)
    return run_folder(runs)


@pytest.mark.parametrize(
    ("key", "value", "match"),
    [
        ("lr", "nan", r"config.toml: lr=nan is outside"),
        ("batch", "-8", r"config.toml: batch=-8 is outside"),
        ("steps", "0", r"config.toml: steps=0 is outside"),
        ("mirror", "7.0", r"config.toml: augment.mirror=7 is outside 0 to 1$"),
        ("seed", "-1", r"config.toml: seed: -1 is outside"),
        ("threads", "0", r"config.toml: threads = 0: expected a number from 1"),
        ("threads", "100000", r"config.toml: threads = 100000: expected"),
        ("processes", "0", r"config.toml: processes = 0: expected"),
        ("model", '"nonesuch"', r"config.toml: model: there is no 'nonesuch'"),
        ("model", '"compact-maps"', r"config.toml: size: compact-maps takes 64"),
        ("size", "64", r"config.toml: size is 64, the net of last.ckpt has 32; one of the two"),
        ("width", "0.5", r"config.toml: width is 0.5, the net of last.ckpt has 0.25"),
        ("optimizer", '"sgd"', r"last.ckpt: its state doesn't fit the run of config.toml"),
    ],
)
def test_a_changed_setting_is_refused_before_anything_is_written(
    stopped: Path, key: str, value: str, match: str
) -> None:
    config = stopped / "config.toml"
    written = config.read_text()
    changed = re.sub(rf"^{key} = .*$", f"{key} = {value}", written, count=1, flags=re.MULTILINE)
    assert changed != written
    before = hashlib.sha256((stopped / "last.ckpt").read_bytes()).hexdigest()
    config.write_text(changed)
    try:
        with pytest.raises(KincapError, match=match) as caught:
            resume(ResumeOptions(stopped, "finetune"))
    finally:
        config.write_text(written)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert hashlib.sha256((stopped / "last.ckpt").read_bytes()).hexdigest() == before


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", r"config.toml: \[settings\] or \[\[data\]\] is missing"),
        ("[[[", r"config.toml: not the config of a run$"),
        ('task = "detect"', r"is a run of a detector, which can't be resumed"),
    ],
)
def test_a_config_of_something_else_is_refused(tmp_path: Path, text: str, match: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(KincapError, match=match):
        resume(ResumeOptions(tmp_path, "finetune"))
