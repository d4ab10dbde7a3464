"""A net of several people learns from whole frames, by the commands of all nets."""

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINT, KEYPOINTS_13
from kincap.dataset.kinect13.format import LAYOUTS
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.augment import AugmentSettings
from kincap.train.batch_source import PeopleBatch, RankRows
from kincap.train.data import to_pixels
from kincap.train.finetune import finetune
from kincap.train.nets.registry import build_net
from kincap.train.nets.transfer import PeopleMaps
from kincap.train.people.assembly import AssembledPeople, assemble
from kincap.train.people.batches import PeopleBatches
from kincap.train.people.evaluate import people_figures
from kincap.train.people.find import SEVERAL_SCALES, FindSettings, find_people
from kincap.train.people.frames import PeopleSamples, load_people
from kincap.train.people.loss import map_weights, maps_loss, people_loss, target_maps
from kincap.train.people.run import frame_batch, poses_of_people, validate_people
from kincap.train.settings import TrainOptions
from kincap.train.validate import score_poses

Run = Callable[..., subprocess.CompletedProcess[str]]
SMALL = ("--model", "transfer", "--width", "0.03", "--size", "64", "--batch", "4")
CHANGES = AugmentSettings(mirror=0.5, rotation_deg=30, scale=1.3, shift=0.1, gain=0.1)
FLIP = KEYPOINTS_13.flip


@pytest.fixture(scope="module")
def train(frames_h5: Path) -> Iterator[PeopleSamples]:
    """Return the training split, at the height at which it is stored."""
    with open_kinect13(frames_h5, layouts=LAYOUTS) as dataset:
        yield load_people(dataset, "train", 96)


class Nobody(torch.nn.Module):
    """A net that finds nobody, and keeps the heights of what it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.heights: set[int] = set()

    def forward(self, pixels: torch.Tensor) -> tuple[PeopleMaps, ...]:
        self.heights.add(pixels.shape[2])
        cells = [side // 8 for side in pixels.shape[2:]]
        return (PeopleMaps(*(pixels.new_zeros(len(pixels), n, *cells) for n in (14, 24))),)


@pytest.mark.parametrize("height", [64, 96, 128])
def test_frames_are_judged_at_the_height_of_the_net_not_at_that_of_the_file(
    frames_h5: Path, height: int
) -> None:
    net = Nobody()
    with open_kinect13(frames_h5, layouts=LAYOUTS) as dataset:
        samples = load_people(dataset, "val", height)
        validate_people(net, samples, torch.device("cpu"))
    assert net.heights == {height}


def test_copies_move_keypoints_as_they_move_pixels(train: PeopleSamples) -> None:
    batch = PeopleBatches(train, 128, 16, CHANGES, seed=3).batch(0)
    heads = batch.targets[:, :, KEYPOINT["head"]].round().long()
    inside = ((heads >= 0) & (heads < 128)).all(dim=2) & (batch.weight[:, :, 0] > 0)
    n, person = torch.nonzero(inside, as_tuple=True)
    x, y = heads[n, person].T
    assert len(n) >= 16
    # a head is the only thing that is bright in all colours
    assert (batch.images[n, y, x].min(dim=1).values > 150).all()


def test_an_unchanged_copy_of_a_copy_is_the_same_image(
    train: PeopleSamples, tmp_path: Path
) -> None:
    unchanged = AugmentSettings(mirror=0.0)
    copies = PeopleBatches(train, 64, len(train), unchanged, seed=0).batch(0)
    of = torch.nonzero(copies.weight[:, 0].all(dim=1) & ~copies.weight[:, 1].any(dim=1)).ravel()
    part = {
        "images": copies.images[of].numpy(),
        "keypoints_px": copies.targets[of, :1].numpy(),
        "weight": copies.weight[of, :1].numpy(),
    }
    path = write_kinect13(tmp_path / "copies.h5", {"train": part})
    with open_kinect13(path, layouts=LAYOUTS) as dataset:
        samples = load_people(dataset, "train", 64)
        again = PeopleBatches(samples, 64, len(samples), unchanged, seed=0).batch(0)
    same = (again.images[:, None] == copies.images[of][None]).flatten(2).all(dim=2)
    assert len(again.images) == len(of) > 4
    assert torch.equal(same.sum(dim=1), torch.ones(len(of)))
    targets = copies.targets[of][same.int().argmax(dim=1), :1]
    torch.testing.assert_close(again.targets, targets, atol=1e-3, rtol=0)


def test_a_batch_follows_from_seed_and_step_and_is_split_among_processes(
    train: PeopleSamples,
) -> None:
    source = PeopleBatches(train, 64, 8, CHANGES, seed=1)
    whole = source.batch(5)
    again = PeopleBatches(train, 64, 8, CHANGES, seed=1).batch(5)
    for one, other in zip(whole, again, strict=True):
        assert torch.equal(one, other)
    parts = [source.batch(5, RankRows(rank, 2)) for rank in range(2)]
    for k, tensor in enumerate(whole):
        assert torch.equal(tensor, torch.cat([part[k] for part in parts]))
    assert not torch.equal(whole.targets, source.batch(6).targets)


def test_people_without_labels_count_in_no_map(train: PeopleSamples) -> None:
    rejected = np.flatnonzero(train.frames.there[:, 1] & ~train.frames.known[:, 1].any(axis=1))
    batch, _ = frame_batch(train.frames, rejected[:1], 96)
    wanted = target_maps(batch, KEYPOINTS_13)
    blank = PeopleMaps(*(torch.zeros_like(maps) for maps in wanted))
    before = maps_loss([blank], batch, KEYPOINTS_13)
    x0, y0, x1, y1 = (int(edge) // 8 for edge in batch.boxes[0, 1])
    changed = PeopleMaps(*(maps.clone() for maps in blank))
    for maps in changed:
        maps[:, :, y0:y1, x0:x1] = 100.0
    assert torch.equal(maps_loss([changed], batch, KEYPOINTS_13), before)
    changed.joints[:, 0, y0, 0] = 1.0  # where no one is
    assert maps_loss([changed], batch, KEYPOINTS_13) > before


def test_keypoints_weigh_more_and_the_background_as_much_as_before(train: PeopleSamples) -> None:
    batch, _ = frame_batch(train.frames, np.array([0]), 96)
    right = target_maps(batch, KEYPOINTS_13)
    for place, factor in ((0, 5.0), (-1, 1.0)):
        joints = right.joints.clone()
        joints[:, place] += 0.5
        wrong = [right._replace(joints=joints)]
        once, more = (maps_loss(wrong, batch, KEYPOINTS_13, weight) for weight in (1.0, 5.0))
        assert float(more) == pytest.approx(factor * float(once))
        assert once > 0
    limbs = [right._replace(limbs=right.limbs + 0.5)]
    once, more = (maps_loss(limbs, batch, KEYPOINTS_13, weight) for weight in (1.0, 5.0))
    assert once == more


def test_both_outputs_count_in_the_loss_and_have_a_gradient_of_their_own(
    train: PeopleSamples,
) -> None:
    batch, _ = frame_batch(train.frames, np.arange(2), 96)
    torch.manual_seed(0)
    net = build_net("transfer", 0.06, 96)
    outputs: list[PeopleMaps] = []

    def run(pixels: torch.Tensor) -> tuple[PeopleMaps, ...]:
        outputs.extend(net(pixels))
        return tuple(outputs)

    both = people_loss(run, batch, KEYPOINTS_13, 5.0)
    each = [maps_loss([one], batch, KEYPOINTS_13, 5.0) for one in outputs]
    assert len(each) == 2
    torch.testing.assert_close(both, each[0] + each[1])
    assert min(each) > 0.1 * both
    # the last output is computed from the first: what its layers get is of its own loss alone,
    # and the first heads get more than what comes back to them through the last output
    heads, refined = (list(part.parameters()) for part in (net.heads, net.refinements))
    of_both = torch.autograd.grad(both, heads + refined, retain_graph=True)
    of_last = torch.autograd.grad(each[1], heads + refined, retain_graph=True)
    of_first = torch.autograd.grad(each[0], heads)
    of_first += tuple(torch.zeros_like(one) for one in refined)
    for one, other, whole in zip(of_first, of_last, of_both, strict=True):
        torch.testing.assert_close(one + other, whole, rtol=1e-3, atol=1e-3)
    assert min(one.abs().max() for one in of_first[: len(heads)] + of_last[len(heads) :]) > 0


def test_a_keypoint_that_is_not_known_hides_only_its_own_maps(train: PeopleSamples) -> None:
    batch, _ = frame_batch(train.frames, np.array([0]), 96)
    weight = torch.ones_like(batch.weight)
    weight[:, :, KEYPOINT["l_wrist"]] = 0
    joints, limbs = map_weights(batch._replace(weight=weight), KEYPOINTS_13)
    hidden = torch.nonzero((joints == 0).flatten(2).any(dim=2)[0]).ravel().tolist()
    assert hidden == [KEYPOINT["l_wrist"], len(KEYPOINTS_13)]
    limb = KEYPOINTS_13.bone_indices.index((KEYPOINT["l_elbow"], KEYPOINT["l_wrist"]))
    found = torch.nonzero((limbs == 0).flatten(2).any(dim=2)[0]).ravel().tolist()
    assert found == [2 * limb, 2 * limb + 1]


def assembled(maps: PeopleMaps) -> AssembledPeople:
    return assemble(maps.joints[0].numpy(), maps.limbs[0].numpy(), KEYPOINTS_13.bone_indices)


def test_the_maps_that_are_taught_give_the_people_back(train: PeopleSamples) -> None:
    found = []
    for row in range(len(train.frames)):
        batch, _ = frame_batch(train.frames, np.array([row]), 96)
        found.append(assembled(target_maps(batch, KEYPOINTS_13)))
    poses = poses_of_people(train, found)
    score = score_poses(poses, train)
    assert score.pck["0.2"]["all"] > 98
    assert score.frames == len(train)


def right_net(batch: PeopleBatch, height: int) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return a net that is right about a frame, in any size, and about its mirror image."""

    def run(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = images.shape[1] / height
        points = (batch.targets + 0.5) * scale - 0.5
        turned = points[:, :, FLIP] * torch.tensor([-1.0, 1.0])
        turned = turned + torch.tensor([images.shape[2] - 1.0, 0.0])
        views = [(points, batch.weight), (turned, batch.weight[:, :, FLIP])][: len(images)]
        maps = [
            target_maps(
                batch._replace(images=torch.from_numpy(images[:1]), targets=at, weight=weight),
                KEYPOINTS_13,
            )
            for at, weight in views
        ]
        return (
            torch.cat([one.joints for one in maps]).numpy(),
            torch.cat([one.limbs for one in maps]).numpy(),
        )

    return run


@pytest.mark.parametrize(("mirrored", "scales"), [(True, (1.0,)), (True, SEVERAL_SCALES)])
def test_maps_of_the_mirrored_image_and_of_several_sizes_agree(
    train: PeopleSamples, mirrored: bool, scales: tuple[float, ...]
) -> None:
    row = int(np.flatnonzero(train.frames.known.all(axis=(1, 2)))[0])
    batch, _ = frame_batch(train.frames, np.array([row]), 96)
    image = train.frames.images(np.array([row]))[0]
    net = right_net(batch, 96)
    plain = find_people(net, image, FindSettings(96))
    other = find_people(net, image, FindSettings(96, scales=scales, mirrored=mirrored))
    assert len(plain.score) == len(other.score) == 2
    order = [one.keypoints_px[:, 0, 0].argsort() for one in (plain, other)]
    np.testing.assert_allclose(plain.keypoints_px[order[0]], other.keypoints_px[order[1]], atol=2.0)


def test_places_do_not_look_alike_to_fresh_weights(train: PeopleSamples) -> None:
    batch, _ = frame_batch(train.frames, np.arange(2), 96)
    torch.manual_seed(0)
    net = build_net("transfer", 0.25, 96)
    with torch.inference_mode():
        outputs = net(to_pixels(batch.images.numpy(), torch.device("cpu")))
    for maps in (maps for one in outputs for maps in (one.joints[:, :-1], one.limbs)):
        of_places = maps.var(dim=(2, 3)).mean()
        assert of_places > 0.5 * (maps**2).mean()  # the rest is the same everywhere


def test_shuffled_labels_belong_to_other_frames(train: PeopleSamples) -> None:
    mixed = train.shuffled(0)
    assert not np.array_equal(mixed.frames.keypoints_px, train.frames.keypoints_px)
    assert np.array_equal(mixed.frames.images(np.arange(4)), train.frames.images(np.arange(4)))
    source = PeopleBatches(replace(train, frames=mixed.frames), 64, 4, CHANGES, seed=0)
    assert source.batch(0).images.shape == (4, 64, 64, 3)
    # frames have one person or two: whoever is learnt from is there, with the same box
    assert mixed.frames.known[mixed.frame, mixed.place].any(axis=1).all()
    before, after = (one.frames.box_px[one.frame, one.place] for one in (train, mixed))
    np.testing.assert_array_equal(before, after)


def test_the_chain_as_it_is_typed(kincap: Run, frames_h5: Path, tmp_path: Path) -> None:
    (tmp_path / "kinect13.h5").symlink_to(frames_h5)
    pre = kincap(
        "pretrain", "--data", "kinect13.h5", "--out", "pretrain.ckpt", "--steps", 3, "--json",
        *SMALL,
    )  # fmt: skip
    assert pre.returncode == 0, pre.stderr
    report = json.loads(pre.stdout)
    assert (report["model"], report["steps"]) == ("transfer", 3)
    assert report["val"]["loss"] > 0
    judged = kincap("evaluate", "pretrain.ckpt", "--several-scales", "--errors", "--json")
    assert judged.returncode == 0, judged.stderr
    figures = json.loads(judged.stdout)
    assert figures["frames"] == 8
    assert set(figures["oks"]) == {"ap", "ap50", "ap75", "ap_medium", "ap_large"}
    assert {"head", "wrist", "all"} <= set(figures["several_scales"]["map"])
    assert figures["errors"]["not_found"] <= figures["samples"]


def test_the_wrong_layout_is_refused_before_work_begins(
    frames_h5: Path, figures_h5: Path, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    crops = TrainOptions(data=figures_h5, model="transfer", size=64, device="cpu", runs=runs)
    words = "a data set of crops; a net of several people learns from whole frames"
    with pytest.raises(KincapError, match=words):
        finetune(crops, None)
    frames = TrainOptions(data=frames_h5, model="compact", device="cpu", runs=runs)
    with pytest.raises(KincapError, match="holds whole frames .*, compact learns from crops"):
        finetune(frames, None)
    assert not runs.exists()


def test_figures_count_every_person_and_what_is_found_beside_them(train: PeopleSamples) -> None:
    found = []
    for row in range(len(train.frames)):
        batch, _ = frame_batch(train.frames, np.array([row]), 96)
        found.append(assembled(target_maps(batch, KEYPOINTS_13)))
    right = people_figures(train, found)
    assert right.oks["ap50"] > 95
    assert right.map["all"] > 95
    assert right.found == len(train)
    # a sure person where no one is costs precision, not PCK
    ghost = [
        replace(
            one,
            keypoints_px=np.concatenate([one.keypoints_px[:1] + 400, one.keypoints_px]),
            confidence=np.concatenate([np.ones_like(one.confidence[:1]), one.confidence]),
            score=np.concatenate([np.ones_like(one.score[:1]), one.score]),
        )
        for one in found
    ]
    worse = people_figures(train, ghost)
    assert worse.score.pck == right.score.pck
    assert worse.oks["ap50"] < right.oks["ap50"] - 20
    assert worse.map["all"] < right.map["all"] - 20
    missed = people_figures(train, [one if n else _no_one() for n, one in enumerate(found)])
    assert missed.score.pck["0.2"]["all"] < right.score.pck["0.2"]["all"] - 1


def _no_one() -> AssembledPeople:
    return AssembledPeople(
        np.zeros((0, 13, 2), np.float32), np.zeros((0, 13), np.float32), np.zeros(0, np.float32)
    )
