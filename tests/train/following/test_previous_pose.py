"""The pose of the frame before as a second input: in data sets, in training and in use."""

import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINTS_13
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.augment import AugmentSettings, augment
from kincap.train.batch_random import BatchRandom
from kincap.train.batch_source import RankRows, SplitBatches
from kincap.train.checkpoint import load_checkpoint
from kincap.train.data import load_samples, to_pixels
from kincap.train.evaluation.boxes import BoxCutter, tracked_poses
from kincap.train.finetune import finetune
from kincap.train.following.previous_pose import FAR, NO_KEYPOINT, NO_POSE, NOISE
from kincap.train.mixing.choice import DataChoice
from kincap.train.mixing.mixture import MixedBatches, MixedSet
from kincap.train.nets.registry import build_net
from kincap.train.pretrain import pretrain
from kincap.train.run.resume import ResumeOptions, resume
from kincap.train.settings import TrainOptions
from kincap.train.validate import run_net

from ..conftest import in_time
from ..resume_cases import ENVIRONMENT, KILL_AT, differences, run_folder

CPU = torch.device("cpu")
FRAMES = 40


@pytest.fixture(scope="module")
def video_h5(figures: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set whose rows follow each other, 40 in each split, but for one gap."""
    train = in_time(figures(FRAMES, seed=31))
    train["time_s"][FRAMES // 2 :] += 3
    splits = {"train": train, "val": in_time(figures(FRAMES, seed=32))}
    return write_kinect13(tmp_path_factory.mktemp("video") / "video13.h5", splits)


@pytest.fixture
def options(video_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run of three steps."""
    return TrainOptions(
        data=video_h5, runs=tmp_path / "runs", model="compact-previous", width=0.25, size=32,
        steps=3, batch=16, device="cpu",
    )  # fmt: skip


def test_neighbours_are_the_labels_around_in_the_units_of_the_own_crop(video_h5: Path) -> None:
    with open_kinect13(video_h5) as dataset:
        samples = load_samples(dataset, "train", 32, with_previous=True)
    found = samples.previous
    assert found is not None
    px = samples.to_image_px(samples.targets)
    for row, which, other in ((5, 0, 4), (5, 1, 6), (FRAMES - 1, 0, FRAMES - 2)):
        corner, side = samples.bbox_xyxy_px[row, :2], np.ptp(samples.bbox_xyxy_px[row, ::2])
        placed = corner + found[row, which, :, :2] * side
        known = samples.visibility[other] > 0
        np.testing.assert_allclose(placed[known], px[other][known], atol=1e-3)
        np.testing.assert_array_equal(found[row, which, :, 2], known)
    half = FRAMES // 2
    for row, which in ((0, 0), (half, 0), (half - 1, 1), (FRAMES - 1, 1)):
        assert not found[row, which, :, 2].any(), "no frame is there, or only after a gap"
    assert samples.shuffled(1).previous is None
    kept = samples.take(np.array([7, 3])).previous
    assert kept is not None
    np.testing.assert_array_equal(kept, found[[7, 3]])


def test_poses_before_go_through_the_map_of_the_copy_and_are_displaced(figures_h5: Path) -> None:
    with open_kinect13(figures_h5) as dataset:
        samples = load_samples(dataset, "train", 32)
    known = np.ones((*samples.targets.shape[:2], 1), np.float32)
    pose = np.concatenate([samples.targets, known], axis=2)
    # a person who does not move: both frames have the pose of the row itself
    still = replace(samples, previous=np.stack([pose, pose], axis=1))
    batch = SplitBatches(still, 400, 1).batch(0)
    limits = AugmentSettings(mirror=0.5, rotation_deg=40, scale=1.3, shift=0.2)
    changed = augment(batch, limits, BatchRandom(1, 0, 400, CPU))
    plain = augment(batch._replace(previous=None), limits, BatchRandom(1, 0, 400, CPU))
    assert torch.equal(plain.images, changed.images)
    assert torch.equal(plain.targets, changed.targets)
    assert changed.previous is not None
    there = changed.previous[..., 2] > 0
    away = (changed.previous[..., :2] - changed.targets).norm(dim=2)[there]
    assert 0.5 * NOISE < away.median() < 2 * NOISE
    assert FAR / 3 < (away > 0.15).float().mean() < 2 * FAR
    assert (~there.any(dim=1)).float().mean() == pytest.approx(NO_POSE, abs=0.08)
    some = there[there.any(dim=1)]
    assert (~some).float().mean() == pytest.approx(NO_KEYPOINT, abs=0.02)


def test_a_mixture_has_poses_before_where_a_set_has_frames_before(
    video_h5: Path, figures_h5: Path
) -> None:
    sets = []
    for path, asked in ((video_h5, True), (figures_h5, False)):
        with open_kinect13(path) as dataset:
            samples = load_samples(dataset, "train", 32, with_previous=asked)
            sets.append(MixedSet(DataChoice(path), samples))
    source = MixedBatches(sets, 110, 1, 32, AugmentSettings())
    batch, which = source.batch(0), source.rows(0)[0]
    assert batch.previous is not None
    known = batch.previous[..., 2].amax(dim=(1, 2)).numpy()
    assert known[which == 0].all()
    assert not known[which == 1].any()
    parts = [source.batch(0, RankRows(rank, 2)).previous for rank in range(2)]
    assert torch.equal(torch.cat([one for one in parts if one is not None]), batch.previous)


def test_without_a_pose_the_net_is_compact_to_the_bit_and_starts_from_its_weights(
    options: TrainOptions, video_h5: Path
) -> None:
    first = pretrain(replace(options, model="compact")).last
    start = load_checkpoint(first)
    plain, grown = start.build(), start.build_as("compact-previous", start.size)
    with open_kinect13(video_h5) as dataset:
        samples = load_samples(dataset, "val", 32)
    assert np.array_equal(run_net(plain, samples, CPU).poses, run_net(grown, samples, CPU).poses)
    done = finetune(replace(options, width=None, size=None), first)
    assert done.model == "compact-previous"
    assert done.learned.first.loss == pytest.approx(run_net(plain, samples, CPU).loss, rel=1e-5)
    after = load_checkpoint(done.last)
    assert after.weights["before.2.weight"].abs().max() > 0, "it has learnt from poses"
    with pytest.raises(KincapError, match="--model compact: the checkpoint of --init has model"):
        finetune(replace(options, model="compact", width=None, size=None), done.last)


def test_the_labels_of_frames_before_teach_where_a_hidden_person_is(
    options: TrainOptions, figures: Callable, tmp_path: Path
) -> None:
    # nothing is to be seen, and the person stays: only the frame before says where
    splits = {}
    for name, seed in (("train", 41), ("val", 42)):
        fields = figures(FRAMES, seed=seed)
        fields["images"][:] = 90
        away = np.random.default_rng(seed).uniform(-14, 14, (FRAMES, 1, 2))
        fields["keypoints_px"] = (fields["keypoints_px"] + away).astype(np.float32)
        corner = fields["bbox_xyxy_px"][:1]
        twice = {k: np.repeat(v, 3, axis=0) for k, v in fields.items()}
        twice["bbox_xyxy_px"][:] = corner
        twice = in_time(twice)
        twice["time_s"] = np.repeat(np.arange(FRAMES) * 5.0, 3) + np.tile([0, 0.1, 0.2], FRAMES)
        splits[name] = twice
    data = write_kinect13(tmp_path / "hidden.h5", splits)
    own = replace(options, data=data, steps=60, batch=32, lr=0.01)
    net = load_checkpoint(pretrain(own).last).build()
    with open_kinect13(data) as dataset:
        batch = SplitBatches(load_samples(dataset, "val", 32, with_previous=True), 120, 1).batch(0)
    assert batch.previous is not None
    rows = batch.previous[:, 0, :, 2].any(dim=1)
    pixels = to_pixels(batch.images[rows].numpy(), CPU)
    with torch.inference_mode():
        errors = [
            (net(pixels, *given).coords - batch.targets[rows]).norm(dim=2).mean()
            for given in ((), (batch.previous[rows, 0],))
        ]
    assert errors[1] < 0.6 * errors[0]


def test_tracked_boxes_give_the_net_its_own_pose_before(video_h5: Path) -> None:
    torch.manual_seed(3)
    net = build_net("compact-previous", 0.25, 32).eval()
    torch.nn.init.normal_(net.get_parameter("before.2.weight"), std=0.3)
    torch.nn.init.normal_(net.get_parameter("maps.weight"), std=5)
    with open_kinect13(video_h5) as dataset:
        samples, rows = load_samples(dataset, "val", 32), dataset.split("val")
        cutter = BoxCutter(rows, 32)
        found = tracked_poses(net, cutter, samples, rows, CPU)
        box = found.boxes[1]
        crop = to_pixels(cutter.cut(np.array([1]), box[None]), CPU)
        label, side = rows.bbox_xyxy_px[0], box[2] - box[0]
    before = label[:2] + found.mirrored[0] * (label[2] - label[0])
    previous = np.concatenate([(before - box[:2]) / side, np.ones((13, 1))], axis=1)
    given = torch.from_numpy(previous[None].astype(np.float32))
    with torch.inference_mode():
        with_pose, without = (net(crop, *one).coords[0].numpy() for one in ((given,), ()))
    label = samples.bbox_xyxy_px[1]
    placed = label[:2] + found.single[1] * (label[2] - label[0])
    np.testing.assert_allclose((placed - box[:2]) / side, with_pose, atol=1e-3)
    assert np.abs(with_pose - without).max() > 0.01
    flipped = KEYPOINTS_13.flip
    assert np.array_equal(flipped[flipped], np.arange(13))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_run_goes_on_bit_for_bit(
    options: TrainOptions, video_h5: Path, figures_h5: Path, tmp_path: Path
) -> None:
    # a set with frames before and one without, as a user mixes them
    data = (DataChoice(video_h5), DataChoice(figures_h5, 0.5))
    options = replace(options, data=data, steps=12, set=("save_every_s=0",))
    whole = finetune(replace(options, runs=tmp_path / "whole"), None)
    words = ["--data", str(video_h5), "--data", f"{figures_h5}:0.5", "--model", "compact-previous"]
    words += ["--width", "0.25", "--size", "32", "--steps", "12", "--batch", "16"]
    words += ["--set", "save_every_s=0", "--device", "cpu", "--runs", str(options.runs)]
    # best and last of step 0, then last.ckpt after each step
    at = random.randint(4, 12)
    dying = subprocess.run(
        [sys.executable, "-c", KILL_AT, str(at), "finetune", *words], env=ENVIRONMENT, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert dying.returncode == -9, dying.stderr
    run = run_folder(options.runs)
    resume(ResumeOptions(run, "finetune"))
    assert differences(whole.run, run) == [], f"killed in large write {at}"


def test_a_cascade_of_it_is_refused(options: TrainOptions) -> None:
    with pytest.raises(KincapError, match="--stages: compact-previous takes the pose") as caught:
        finetune(replace(options, stages="2"), None)
    assert caught.value.exit_code == 2
