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
def test_ctrl_c_keeps_the_weights_and_leaves_with_130(data: Path) -> None:
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
        patience = time.monotonic() + 60
        while not list(data.glob("runs/finetune/*/best.ckpt.sha256")):
            assert running.poll() is None, running.communicate()
            assert time.monotonic() < patience
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, said = running.communicate(timeout=60)
    finally:
        running.kill()
    assert running.returncode == 130
    assert out == ""
    assert "interrupted after" in said.splitlines()[-1]
    (last,) = data.glob("runs/finetune/*/last.ckpt")
    assert torch.isfinite(load_checkpoint(last).weights["maps.weight"]).all()
