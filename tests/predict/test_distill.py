"""``--distill``: frames without labels, labelled by BlazePose, as data to learn from."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from kincap.cli.learning.distilling import DistillFlags, with_distilled
from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import KEYPOINT
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.engines.teacher_process import TeacherProcess
from kincap.predict.distill.distill import DistillSettings, distill
from kincap.predict.distill.frames import read_train_frames
from kincap.train.checkpoint import load_resumable
from kincap.train.outfits import sessions_left_out
from kincap.train.run.config_file import data_sha256
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions
from tests.dataset.conftest import Body, Frame, Sessions
from tests.train.conftest import draw_figures
from tests.train.resume_cases import ENVIRONMENT, KILL_AT, differences

Run = Callable[..., subprocess.CompletedProcess[str]]
LEGS = [KEYPOINT[f"{side}_{part}"] for side in "lr" for part in ("knee", "ankle")]
ARMS = [KEYPOINT[f"{side}_{part}"] for side in "lr" for part in ("shoulder", "elbow")]
SMALL = ("--model", "compact", "--width", "0.25", "--size", "32", "--batch", "16", "--steps", 12)


@pytest.fixture(scope="module")
def frames(data_dir: Path) -> list[np.ndarray]:
    """Return 24 frames (H, W, 3) RGB of a person whose legs are outside of the picture."""
    path = data_dir / "videos_asl" / "again.mkv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    with av.open(str(path)) as video:
        every = (frame.to_ndarray(format="rgb24") for frame in video.decode(video=0))
        return [frame for _, frame in zip(range(24), every, strict=False)]


@pytest.fixture(scope="module")
def figures_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of stick figures that no sensor saw, 48 pixels."""
    path = tmp_path_factory.mktemp("figures") / "kinect13.h5"
    return write_kinect13(path, {"train": draw_figures(40, 1), "val": draw_figures(20, 2)})


@pytest.fixture
def pictures(frames: list[np.ndarray], tmp_path: Path) -> Path:
    """Return a folder: four pictures of the person, one without people, a short video."""
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    for n, frame in enumerate([*frames[:4], np.zeros((120, 160, 3), np.uint8)]):
        cv2.imwrite(str(folder / f"{n}.png"), frame[..., ::-1])
    with av.open(str(folder / "clip.mp4"), "w") as video:
        stream = video.add_stream("mpeg4", rate=30, width=640, height=480, pix_fmt="yuv420p")
        stream.bit_rate = 8_000_000
        for frame in frames[4:7]:
            video.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        video.mux(stream.encode())
    return folder


def test_a_run_learns_from_frames_that_the_teacher_labelled_once(
    kincap: Run, figures_h5: Path, frames: list[np.ndarray], pictures: Path, tmp_path: Path,
    teacher_weights: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    words = ("finetune", "--data", figures_h5, "--distill", f"{pictures}:0.5", *SMALL)
    done = kincap(*words)
    assert done.returncode == 0, done.stderr
    assert "of 8 frames labelled by blazepose (no sensor labels" in done.stderr
    (made,) = (tmp_path / "runs" / "distilled").glob("*.h5")
    sha256 = data_sha256(made)
    (run,) = (tmp_path / "runs" / "finetune").iterdir()
    config = tomllib.loads((run / "config.toml").read_text())
    assert sha256 in str(config)  # --resume refuses any other file

    with open_kinect13(made) as dataset:
        assert dataset.splits == ("train",)
        assert {one["teacher"] for one in dataset.meta.sources} == {"blazepose"}
        rows = dataset.split("train")
        # seven frames, each in the box of what is seen and in that of the whole person
        assert len(rows) == 14
        assert not rows.weight[:, LEGS].any()
        assert (rows.weight[:, ARMS] > 0.5).all()
        filled = np.uint32(1 << dataset.meta.quality_bits["keypoint_quality"]["filled"])
        assert np.array_equal(rows.keypoint_quality & filled > 0, rows.weight > 0)
        box = rows.bbox_xyxy_px[:, None]
        placed = box[..., :2] + (rows.keypoints_px + 0.5) * (box[..., 2:3] - box[..., :1]) / 48
        (picture,) = np.flatnonzero(np.array(dataset.meta.sessions) == f"001-{pictures.name}")
        first = np.flatnonzero(rows.session == picture)[0]
    with TeacherProcess("blazepose") as teacher:
        pose = teacher.follow(frames[0])
    assert pose is not None
    assert np.abs(placed[first] - pose.keypoints_px)[ARMS].max() < 10
    with open_kinect13(made) as dataset:
        assert sessions_left_out(dataset, ("a",), "clothing*") == ("a",)  # it has no outfits

    settings = DistillSettings(str(pictures), (figures_h5,), tmp_path / "runs" / "distilled")
    again = distill(settings)
    assert (again.path.name, again.is_new, again.rows) == (made.name, False, 14)
    assert data_sha256(made) == sha256

    # a run that was killed needs neither the teacher nor the pictures to go on
    killed = [sys.executable, "-c", KILL_AT, "4", *map(str, words), "--seed", "0"]
    dying = subprocess.run(
        [*killed, "--set", "save_every_s=0", "--runs", "runs", "--name", "killed"], cwd=tmp_path,
        env=ENVIRONMENT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert dying.returncode == -9, dying.stderr
    (other,) = (tmp_path / "runs" / "finetune").glob("*-killed")
    assert load_resumable(other / "last.ckpt")[0].trained["step"] < 12
    shutil.rmtree(pictures)
    monkeypatch.setenv("KINCAP_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.chdir(tmp_path)
    resume(ResumeOptions(other, "finetune"))
    assert differences(run, other) == []


def test_frames_that_judge_a_net_are_not_learnt_from(
    frames: list[np.ndarray], tmp_path: Path, teacher_weights: Path
) -> None:
    sessions = Sessions(tmp_path / "recordings")
    small = [cv2.resize(one, (320, 240), interpolation=cv2.INTER_AREA) for one in frames]
    blobs = [encode_jpeg(np.ascontiguousarray(one[:, ::-1, ::-1]), 95) for one in small]
    sessions("a", [Frame((Body(x=100 + n),), blob=blob) for n, blob in enumerate(blobs)])
    data = tmp_path / "kinect13.h5"
    build(BuildSettings(data, sessions.recordings, size=64, guard_s=0.0, val="0.3", workers=1))
    allowed = read_train_frames([data])
    with open_kinect13(data) as dataset:
        judged = set(dataset.split("val").color_seq.tolist())
    (train,) = allowed.values()
    assert judged
    assert not train & judged

    folder = sessions.recordings / "a"
    done = distill(DistillSettings(str(folder), (data,), tmp_path / "distilled"))
    assert done.frames == len(train)
    with open_kinect13(done.path) as dataset:
        assert set(dataset.split("train").color_seq.tolist()) <= train
        (source,) = dataset.meta.sources
    assert (source["session"], source["labels"]) == ("a", "teacher")
    assert source["uuid"]


def test_what_can_not_be_labelled_is_refused(
    kincap: Run, figures_h5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    for source, reason in (
        ("camera:0", "record it first"),
        (str(tmp_path / "empty"), "no picture, no video"),
        ("nothing.mp4", "no such file"),
    ):
        with pytest.raises(KincapError, match=reason) as caught:
            distill(DistillSettings(source, (figures_h5,), tmp_path / "distilled"))
        assert caught.value.exit_code == 2
    with pytest.raises(KincapError, match="--distill SOURCE; give both"):
        with_distilled(TrainOptions(figures_h5), DistillFlags((), "blazepose", "finetune", None, 1))
    cv2.imwrite(str(tmp_path / "one.png"), draw_figures(1, 0)["images"][0])
    missing = kincap("pretrain", "--data", figures_h5, "--distill", "one.png", *SMALL,
                     KINCAP_WEIGHTS=str(tmp_path / "empty"))  # fmt: skip
    assert missing.returncode == 3
    assert "kincap weights get blazepose" in missing.stderr
    assert not (tmp_path / "runs" / "pretrain").exists()


def test_all_else_is_checked_before_minutes_of_labelling(
    kincap: Run, figures_h5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINCAP_WEIGHTS", str(tmp_path / "empty"))  # labelling would end at once
    cv2.imwrite(str(tmp_path / "one.png"), draw_figures(1, 0)["images"][0])
    mine = tmp_path / "mine.ckpt"
    mine.write_bytes(b"not a checkpoint")
    first = str(tmp_path / "one.png")
    options = TrainOptions(
        figures_h5, runs=tmp_path / "runs", model="compact", width=0.25, size=32, steps=2,
        device="cpu",
    )  # fmt: skip
    flags = DistillFlags((first,), None, "finetune", None, 1)

    def refused(match: str, flags: DistillFlags = flags, **change: object) -> None:
        with pytest.raises(KincapError, match=match) as caught:
            with_distilled(replace(options, **change), flags)
        assert caught.value.exit_code == 2

    refused("no 'emma'", set=("emma=0.9",))
    refused("mine.ckpt", out=mine)
    refused("--model", model="compacct")
    refused("--outfit: 'red' matches no outfit", outfit="red")
    refused("--trunk", trunk=tmp_path / "none.pth")
    refused("--distill: transfer learns from whole frames", model="transfer", size=184)
    refused("--stages: a cascade", replace(flags, processes=2), stages="2")
    refused("2 processes can't share batches of 15", replace(flags, processes=2), batch=15)
    refused("--init: .*none.ckpt", replace(flags, init=tmp_path / "none.ckpt"))
    refused("nothing.mp4: no such file", replace(flags, sources=(first, "nothing.mp4")))
    refused("a weight is above 0", replace(flags, sources=(first, f"{first}:0")))
    with pytest.raises(KincapError, match="kincap weights get blazepose") as caught:
        with_distilled(options, flags)
    assert caught.value.exit_code == 3
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2")):
        monkeypatch.setenv(name, value)
    refused("run this command once without torchrun")
    assert not list((tmp_path / "runs").glob("distilled/*.h5"))
    monkeypatch.delenv("RANK")
    monkeypatch.delenv("WORLD_SIZE")
    done = kincap("finetune", "--data", figures_h5, "--distill", first, *SMALL, "--gpus", 3,
                  "--device", "cpu")  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("kincap: --gpus: 3 processes can't share")
