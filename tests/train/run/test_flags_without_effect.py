"""A flag that would have no effect is refused, not left out in silence."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from kincap.cli.learning.train import FinetuneFlags
from kincap.cli.main import app
from kincap.core.errors import KincapError
from kincap.train.checkpoint import Checkpoint, save_checkpoint
from kincap.train.finetune import finetune
from kincap.train.nets.registry import build_net
from kincap.train.settings import TrainOptions


def save_net(path: Path, model: str, size: int) -> Path:
    """Save fresh weights of a net and return their file."""
    width = 0.25
    weights = build_net(model, width, size, 13).state_dict()
    save_checkpoint(
        path, Checkpoint(model, width, size, weights, torch.full((13, 2), 0.5), False, {})
    )
    return path


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return a net of crops and one of whole images."""
    folder = tmp_path_factory.mktemp("nets")
    return {
        "crops": save_net(folder / "crops.ckpt", "compact", 32),
        "people": save_net(folder / "people.ckpt", "transfer", 64),
    }


@pytest.mark.parametrize(
    ("net", "words", "flag"),
    [
        # a gate that is not looked at would always be passed
        ("crops", ("--end-to-end", "s", "--min", "pck@0.2=0.9"), "--min"),
        ("crops", ("--end-to-end", "s", "--sheet", "s.png"), "--sheet"),
        ("crops", ("--persons", "1"), "--persons"),
        ("crops", ("--several-scales",), "--several-scales"),
        ("people", ("--blur-faces",), "--blur-faces"),
        ("people", ("--boxes", "auto"), "--boxes"),
    ],
)
def test_evaluate(nets: dict[str, Path], net: str, words: tuple[str, ...], flag: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(nets[net]), *words])
    assert isinstance(done.exception, KincapError)
    assert done.exception.exit_code == 2
    assert str(done.exception).startswith(f"{flag}: ")
    assert str(done.exception).endswith(f"leave {flag} out")


@pytest.mark.parametrize("words", [("--data", "d.h5"), ("--steps", "3"), ("--init", "a.ckpt")])
def test_audit_by_a_teacher(words: tuple[str, str]) -> None:
    done = CliRunner().invoke(app, ["audit", "--teacher", "blazepose", *words])
    assert isinstance(done.exception, KincapError)
    assert str(done.exception).startswith(f"{words[0]}: not with --teacher")


def test_export_of_a_data_set_as_a_net(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", str(tmp_path / "kinect13.h5"), "--format", "onnx"])
    assert isinstance(done.exception, KincapError)
    assert str(done.exception).startswith("--format onnx: only for a checkpoint (.ckpt)")


def test_evaluate_measures_a_net_of_whole_images_alone(
    nets: dict[str, Path], figures_h5: Path
) -> None:
    for one, other in (("people", "crops"), ("crops", "people")):
        words = ["evaluate", str(nets[one]), str(nets[other]), "--data", str(figures_h5)]
        done = CliRunner().invoke(app, words)
        assert isinstance(done.exception, KincapError)
        assert "measured alone" in str(done.exception)


@pytest.mark.parametrize(
    ("change", "flag"),
    [
        ({"homogeneous": True}, "--homogeneous"),
        ({"set": ("augment.patches=0.5",)}, "--set augment.patches"),
        ({"set": ("augment.background=0.5",)}, "--set augment.background"),
        ({"set": ("beyond=0.25",)}, "--set beyond"),
    ],
)
def test_a_net_of_whole_images_refuses_what_only_crops_have(
    figures_h5: Path, tmp_path: Path, change: dict[str, Any], flag: str
) -> None:
    options = TrainOptions(figures_h5, runs=tmp_path, model="transfer", width=0.25, size=64)
    with pytest.raises(KincapError, match=f"{flag}: .*leave it out"):
        finetune(replace(options, **change), None)


@pytest.mark.parametrize("value", ["presence_share=0.5", "masks=selfie", "dropout=0.5"])
def test_a_net_refuses_a_value_of_the_recipe_that_it_has_no_use_for(
    figures_h5: Path, tmp_path: Path, value: str
) -> None:
    options = TrainOptions(figures_h5, runs=tmp_path, model="compact", size=32, set=(value,))
    with pytest.raises(KincapError, match=f"^--set: {value}: "):
        finetune(options, None)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["seed", "lr", "patience", "width"])
def test_a_run_that_goes_on_refuses_a_flag_of_value_0(name: str) -> None:
    flags = FinetuneFlags(resume=Path("run"), **{name: 0})
    with pytest.raises(KincapError, match=f"--{name}: a run goes on with its own settings"):
        flags.resume_options("finetune")
