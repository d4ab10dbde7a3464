"""A small demo runs whole, goes on where it was, and keeps its test outfit apart."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import pytest

from kincap.cli.demo.plan import TEST_OUTFIT, TEST_SEED, DemoSettings, plan
from kincap.sessions.session_file import load_session

Run = Callable[..., subprocess.CompletedProcess[str]]
SMALL = (
    "--outfits", "1", "--frames", "60", "--wild-frames", "80", "--test-frames", "40",
    "--pretrain-epochs", "1", "--epochs", "1",
)  # fmt: skip


def test_a_small_demo_runs_whole_and_goes_on_where_it_was(kincap: Run, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    first = kincap("demo", "--out", out, *SMALL, "--json", timeout=280)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert report["schema"] == "kincap/demo/1"
    for pck in (report["mean_pose"], report["pretrained"], report["finetuned"]):
        assert set(pck) == {"0.2", "0.1", "0.05"}
        assert 0 <= pck["0.2"]["all"] <= 100
    for sheet in (report["sheet"], report["video_sheet"]):
        assert Path(sheet).read_bytes().startswith(b"\x89PNG")
    with av.open(report["video"]) as video:
        assert sum(1 for _ in video.decode(video=0)) == 40
    assert load_session(out / "recordings" / "unseen").outfit != (
        load_session(out / "recordings" / "clothing1").outfit
    )

    # an evaluation that was interrupted is all that is left to do
    state = json.loads((out / "demo.json").read_text())
    del state["done"]["evaluate"]
    (out / "demo.json").write_text(json.dumps(state))
    again = kincap("demo", "--out", out, *SMALL, "--json", timeout=280)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["finetuned"] == report["finetuned"]
    assert again.stderr.count("$ kincap") == 1


def test_the_unseen_outfit_and_its_motion_are_in_no_training_session() -> None:
    sources = {
        step.words[2]: dict(pair.split("=") for pair in step.words[4].split(":")[1].split(","))
        for group in plan(DemoSettings(outfits=7))
        for step in group
        if step.words[0] == "record"
    }
    unseen = sources.pop("unseen")
    assert unseen["outfit"] == str(TEST_OUTFIT)
    assert unseen["seed"] == str(TEST_SEED)
    assert sources
    for source in sources.values():
        assert source["seed"] != unseen["seed"]
        assert source.get("outfit") != unseen["outfit"]


def _start(out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "kincap", "demo", "--out", str(out), *SMALL],
        cwd=out.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def _children(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a process has started and that still run."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    threads = children.parents[1].glob("*/children")
    return [int(word) for path in threads for word in path.read_text().split()]


def _wait_for_steps(demo: subprocess.Popen[str], out: Path) -> list[int]:
    """Wait until two recordings run; return their processes."""
    patience = time.monotonic() + 60
    while len(list(out.glob("recordings/*/session.json"))) < 2:
        assert demo.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.05)
    return _children(demo)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks into /proc")
def test_a_demo_names_the_signal_of_a_step_and_passes_its_own_on(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    demo = _start(out)
    try:
        steps = _wait_for_steps(demo, out)
        for step in steps:
            os.kill(step, signal.SIGKILL)
        _, said = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert demo.returncode == 1
    assert "died by SIGKILL" in said.splitlines()[-1]
    assert "run the demo again" in said.splitlines()[-1]

    for folder in (out / "recordings").iterdir():
        shutil.rmtree(folder)
    demo = _start(out)
    try:
        steps = _wait_for_steps(demo, out)
        demo.send_signal(signal.SIGTERM)
        _, said = demo.communicate(timeout=60)
    finally:
        demo.kill()
    assert demo.returncode == 130
    assert [line for line in said.splitlines() if "interrupted in the step 'record wild" in line]
    assert not any(Path(f"/proc/{step}").exists() for step in steps)
    done = json.loads((out / "demo.json").read_text())["done"]
    assert done == {}, "a recording that was cut short is not a finished step"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--outfits", "9"), "--outfits 9"),
        (("--frames", "59"), "--frames 59: expected at least 60"),
        (("--wild-frames", "40"), "--wild-frames 40: expected at least 80"),
        (("--epochs", "0"), "--epochs 0"),
    ],
)
def test_bad_sizes_are_refused_in_one_line(
    args: tuple[str, ...], says: str, kincap: Run, tmp_path: Path
) -> None:
    done = kincap("demo", *args)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_else_is_left_alone(kincap: Run, tmp_path: Path) -> None:
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter1.txt").write_text("years of work")
    done = kincap("demo", "--out", other)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in other.iterdir()] == ["chapter1.txt"]
