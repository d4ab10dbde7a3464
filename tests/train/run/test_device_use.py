"""Number formats, compiled code and TensorBoard: used where the device has them, else refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kincap.core.errors import KincapError, MissingPartError
from kincap.train.finetune import finetune
from kincap.train.run.device_use import check_device_use
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions

CPU = torch.device("cpu")


@pytest.fixture
def options(figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run of one validation after 25 steps."""
    return TrainOptions(
        data=figures_h5, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=25,
        batch=16, device="cpu",
    )  # fmt: skip


def test_bf16_learns_nearly_what_float32_learns(options: TrainOptions) -> None:
    losses = []
    for words in ((), ("precision=bf16",)):
        found = finetune(replace(options, set=words), None).learned
        assert found.last.loss < found.first.loss - 0.1
        losses.append(found.last.loss)
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], abs=0.05)


def test_what_a_device_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KincapError, match="precision=fp16: needs a GPU of NVIDIA, not cpu"):
        check_device_use("fp16", False, CPU)
    monkeypatch.setenv("CXX", "/no/compiler")
    monkeypatch.setenv("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
    with pytest.raises(MissingPartError, match="compile=true: torch can't compile here"):
        check_device_use("float32", True, CPU)


def test_tensorboard_has_the_figures_of_all_processes_of_a_run(options: TrainOptions) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")

    def interrupt(done: int, _steps: int, note: str) -> None:
        if done == 30 and "validating" not in note:
            raise KeyboardInterrupt

    with pytest.raises(KincapError, match="goes on"):
        finetune(replace(options, steps=50, tensorboard=True), None, interrupt)
    (run,) = (options.runs / "finetune").iterdir()
    done = resume(ResumeOptions(run, "finetune"))
    found = reader.EventAccumulator(str(run))
    found.Reload()
    losses = found.Scalars("val/loss")
    assert [one.step for one in losses] == [0, 25, 50]
    assert losses[-1].value == pytest.approx(done.learned.last.loss)
    assert len(found.Scalars("train/loss")) == 2
    assert found.Scalars("lr")
