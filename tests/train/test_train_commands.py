"""The commands themselves: pretrain, finetune, evaluate, as a person types them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest
import torch

from kincap.train.checkpoint import load_checkpoint
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate

Run = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ("--model", "compact", "--width", "0.25", "--size", "32", "--batch", "16")


@pytest.fixture
def data(figures_h5: Path, tmp_path: Path) -> Path:
    """Return the folder of work, with the data set under its usual name."""
    (tmp_path / "kinect13.h5").symlink_to(figures_h5)
    return tmp_path


def test_the_chain_as_it_is_typed(kincap: Run, data: Path) -> None:
    pre = kincap(
        "pretrain", "--data", "kinect13.h5", "--out", "pretrain.ckpt", "--steps", 6, *SMALL
    )
    assert pre.returncode == 0, pre.stderr
    assert "mean pose" in pre.stdout
    assert "copied to pretrain.ckpt" in pre.stdout

    fine = kincap("finetune", "--init", "pretrain.ckpt", "--steps", 6, "--json")
    assert fine.returncode == 0, fine.stderr
    report = json.loads(fine.stdout)
    assert report["schema"] == "kincap/train/1"
    assert report["steps"] == 6

    judged = kincap("evaluate", "pretrain.ckpt", "--json")
    assert judged.returncode == 0, judged.stderr
    single = json.loads(judged.stdout)["pck_single"]["0.2"]["all"]
    assert report["first"]["pck"] == pytest.approx(single, abs=1e-6)

    shown = kincap("evaluate", report["best"], "--split", "test", "--sheet", "sheet.png")
    assert shown.returncode == 0, shown.stderr
    for word in ("wrist", "mean pose", "@0.05", "median error", "sheet sheet.png"):
        assert word in shown.stdout
    sheet = cv2.imread(str(data / "sheet.png"))
    assert sheet is not None
    red = (sheet[..., 2] > 200) & (sheet[..., 1] < 100)
    green = (sheet[..., 1] > 180) & (sheet[..., 2] < 110)
    assert red.sum() > 1000
    assert green.sum() > 1000


def test_a_run_that_nothing_came_of_says_so(kincap: Run, data: Path) -> None:
    done = kincap("finetune", "--steps", 2, "--lr", "1e-12", *SMALL)
    assert done.returncode == 0, done.stderr
    assert "best (step 0)" in done.stdout
    assert "no validation was better than the first one: the best checkpoint has" in done.stderr


def test_bad_input_is_one_line_and_leaves_nothing(kincap: Run, data: Path) -> None:
    (data / "notes.txt").write_text("mine")
    (data / "bad.ckpt").write_text("not a checkpoint")
    (data / "empty.h5").write_bytes(b"")
    before = sorted(path.name for path in data.iterdir())
    for args in (
        ("finetune", "--init", "bad.ckpt"),
        ("finetune", "--init", "none", "--data", "empty.h5"),
        ("finetune", "--init", "none", "--out", "notes.txt"),
        ("evaluate", "bad.ckpt"),
        ("evaluate", "no-such.ckpt", "--split", "train"),
    ):
        done = kincap(*args)
        assert done.returncode == 2, args
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert sorted(path.name for path in data.iterdir()) == before
    assert (data / "notes.txt").read_text() == "mine"


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to one process there")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_keeps_the_weights_and_exits_with_130(data: Path, name: str) -> None:
    command = [sys.executable, "-m", "kincap", "finetune", "--init", "none", "--steps", "100000"]
    running = subprocess.Popen(
        [*command, *SMALL],
        cwd=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        patience = time.monotonic() + 200
        while not list(data.glob("runs/finetune/*/best.ckpt.sha256")):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < patience
            time.sleep(0.05)
        running.send_signal(getattr(signal, name))
        out, said = running.communicate(timeout=60)
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130
    assert out == ""
    errors = [line for line in said.splitlines() if line.startswith("kincap: ")]
    assert len(errors) == 1
    assert "interrupted after" in errors[0]
    assert "Traceback" not in said
    (last,) = data.glob("runs/finetune/*/last.ckpt")
    checkpoint = load_checkpoint(last)
    assert torch.isfinite(checkpoint.weights["maps.weight"]).all()
    assert f"the weights of step {checkpoint.trained['step']} are in" in errors[0]


def test_finetune_starts_without_a_checkpoint_and_plans_first(kincap: Run, data: Path) -> None:
    done = kincap("finetune", "--steps", 6, "--batch", 16, "--width", 0.25, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert "compact (default on cpu)" in done.stderr
    assert "6 steps of 16 of 400 crops" in done.stderr
    assert "compact at 64 px on cpu" in done.stdout


def test_a_missing_start_says_where_one_comes_from(kincap: Run, data: Path) -> None:
    done = kincap("finetune", "--init", "pretrain.ckpt")
    assert done.returncode == 2
    assert "--init: pretrain.ckpt: no such file" in done.stderr
    assert "kincap pretrain --data FILE --out pretrain.ckpt makes one" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_out_never_replaces_the_start(kincap: Run, data: Path) -> None:
    pre = kincap(
        "pretrain", "--data", "kinect13.h5", "--out", "p.ckpt", "--steps", 2, *SMALL, timeout=200
    )
    assert pre.returncode == 0, pre.stderr
    start = (data / "p.ckpt").read_bytes()
    (data / "link.ckpt").symlink_to("p.ckpt")
    for out in ("./p.ckpt", "link.ckpt"):
        done = kincap("finetune", "--init", "p.ckpt", "--out", out, "--steps", 2)
        assert done.returncode == 2
        assert "which the run starts from" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (data / "p.ckpt").read_bytes() == start
    assert not (data / "runs" / "finetune").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_sheet_that_can_not_be_written_costs_no_figures(kincap: Run, data: Path) -> None:
    pre = kincap("pretrain", "--data", "kinect13.h5", "--out", "p.ckpt", "--steps", 2, *SMALL)
    assert pre.returncode == 0, pre.stderr
    (data / "holiday.png").write_bytes(b"\x89PNG my own picture")
    done = kincap("evaluate", "p.ckpt", "--sheet", "holiday.png")
    assert done.returncode == 2
    assert "holiday.png exists and is not a sheet of kincap" in done.stderr
    full = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500));"
    limited = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{full} sys.argv = ['kincap', *sys.argv[1:]]; "
            "from kincap.cli.main import main; main()",
            *("evaluate", "p.ckpt", "--sheet", "sheet.png", "--json"),
        ],
        cwd=data, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert limited.returncode == 1
    assert json.loads(limited.stdout)["sheet"] is None
    assert "sheet.png can't be written" in limited.stderr
    for _ in ("a new one", "its own sheet"):
        evaluate(
            EvaluateSettings(
                data / "p.ckpt", data / "kinect13.h5", sheet=data / "sheet.png", device="cpu"
            )
        )
        assert (data / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert (data / "holiday.png").read_bytes() == b"\x89PNG my own picture"
