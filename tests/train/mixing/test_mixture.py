"""Several data sets in one run: the batches, the plan, the validation pool, and rehearsal."""

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import DatasetError, KincapError
from kincap.core.skeleton import KEYPOINT
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.augment import AugmentSettings, augment
from kincap.train.batch_random import BatchRandom
from kincap.train.batch_source import RankRows
from kincap.train.checkpoint import load_checkpoint
from kincap.train.data import load_samples
from kincap.train.finetune import finetune
from kincap.train.mixing.choice import DataChoice, parse_data, parse_replay
from kincap.train.mixing.mixture import MixedBatches, MixedSet
from kincap.train.pretrain import pretrain
from kincap.train.settings import TrainOptions

CPU = torch.device("cpu")
LEGS = [KEYPOINT[f"{side}_{joint}"] for side in ("l", "r") for joint in ("knee", "ankle")]


@pytest.fixture(scope="module")
def upper_h5(figures: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 100 crops without labels of legs, and 20 to validate."""
    splits = {}
    for name, count, seed in (("train", 100, 11), ("val", 20, 12)):
        fields = figures(count, seed=seed, size=64)
        for part in ("visibility", "weight"):
            fields[part][:, LEGS] = 0
        fields["keypoints_px"][:, LEGS] = -1
        splits[name] = fields
    path = tmp_path_factory.mktemp("upper") / "upper13.h5"
    return write_kinect13(path, splits)


@pytest.fixture
def options(figures_h5: Path, upper_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run of four steps on both sets."""
    return TrainOptions(
        data=(DataChoice(figures_h5), DataChoice(upper_h5, 2)), runs=tmp_path / "runs",
        model="compact", width=0.25, size=32, steps=4, batch=16, device="cpu",
    )  # fmt: skip


def _source(paths: dict[Path, dict], batch: int = 16, **change: object) -> MixedBatches:
    sets = []
    for path, about in paths.items():
        with open_kinect13(path) as dataset:
            sets.append(MixedSet(DataChoice(path, **about), load_samples(dataset, "train", 32)))
    return MixedBatches(sets, batch, 3, 32, AugmentSettings(**change))


def _drawn(source: MixedBatches, steps: int) -> Counter[tuple[int, int]]:
    found: Counter[tuple[int, int]] = Counter()
    for step in range(steps):
        which, rows = source.rows(step)
        found.update(zip(which.tolist(), rows.tolist(), strict=True))
    return found


def test_equal_weights_draw_every_sample_of_the_union_once(figures_h5, upper_h5) -> None:
    source = _source({figures_h5: {}, upper_h5: {}}, batch=25)
    assert len(source) == 500
    assert _drawn(source, 20) == Counter({(0, k): 1 for k in range(400)} | {
        (1, k): 1 for k in range(100)
    })  # fmt: skip
    # both sets are in nearly every batch: it is drawn from the whole
    assert all(len(set(source.rows(step)[0])) == 2 for step in range(20))


def test_weights_say_how_often_samples_are_drawn(figures_h5, upper_h5) -> None:
    source = _source({figures_h5: {"weight": 1}, upper_h5: {"weight": 4}}, batch=20)
    assert len(source) == 200
    found = _drawn(source, 40)
    # in four epochs each sample of the first set comes once, each of the second four times
    assert {found[0, k] for k in range(400)} == {1}
    assert {found[1, k] for k in range(100)} == {4}


def test_a_rehearsed_set_has_its_share_of_every_batch(figures_h5, upper_h5) -> None:
    source = _source({figures_h5: {}, upper_h5: {"share": 0.25}})
    assert all((source.rows(step)[0] == 1).sum() == 4 for step in range(50))
    found = _drawn(source, 100)
    assert {found[0, k] for k in range(400)} == {3}
    assert {found[1, k] for k in range(100)} == {4}
    # an epoch is one of the own set
    assert len(source) == round(400 / 0.75)


def test_parts_are_equal_and_make_up_the_batch(figures_h5, upper_h5) -> None:
    source = _source({figures_h5: {}, upper_h5: {"share": 0.25}}, rotation_deg=10)
    whole = source.batch(9)
    parts = [source.batch(9, RankRows(rank, 4)) for rank in range(4)]
    kept = source.on_device(CPU).batch(9)
    assert whole.previous is None
    for index, tensor in enumerate(whole[:-1]):
        assert torch.equal(torch.cat([part[index] for part in parts]), tensor)
        assert torch.equal(kept[index], tensor)
    assert source.image_bytes == 500 * 32 * 32 * 3


def test_a_set_without_margin_is_not_moved_and_turns_as_it_says(
    figures: Callable, figures_h5: Path, tmp_path: Path
) -> None:
    fields = {name: value[:20] for name, value in figures(20, seed=5).items()}
    wide = np.pad(fields["images"], ((0, 0), (12, 12), (12, 12), (0, 0)))
    path = write_kinect13(tmp_path / "wide.h5", {"train": fields | {"images": wide}}, margin=1.5)
    limits = AugmentSettings(mirror=0, rotation_deg=30, shift=0.2, stay_inside=True)
    with ExitStack() as stack:
        sets = []
        for choice in (DataChoice(path), DataChoice(figures_h5, rotation_deg=0)):
            dataset = stack.enter_context(open_kinect13(choice.path))
            samples = load_samples(dataset, "train", 48, with_margin=True)
            sets.append(MixedSet(choice, samples.take(np.arange(20))))
        source = MixedBatches(sets, 40, 1, 48, limits)
        batch = source.batch(0)
    assert batch.images.shape == (40, 72, 72, 3)
    second = torch.from_numpy(source.rows(0)[0] == 1)
    changed = augment(batch, limits, BatchRandom(1, 0, 40, CPU), size=48)
    moved = (changed.targets - batch.targets).abs().amax(dim=(1, 2))
    # without a margin there is no room, and rotation 0 was asked for
    assert moved[second].max() < 1e-6
    assert moved[~second].min() > 1e-3
    crops = batch.images[second][:, 12:60, 12:60].permute(0, 3, 1, 2).float()
    assert torch.allclose(changed.images[second], crops, atol=1e-2)


def test_the_plan_names_every_share_and_the_pool(
    options: TrainOptions, upper_h5: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    same_name = tmp_path / options.choices[0].path.name
    shutil.copy(upper_h5, same_name)
    data = (options.choices[0], DataChoice(same_name, 2))
    done = pretrain(replace(options, data=data), on_notice=lines.append)
    assert any("of 300 crops" in line and "of 80 crops" in line for line in lines), lines
    assert (
        f"{same_name}: 100 crops, 33.3 % of those drawn; "
        "20 of the 80 crops of the validation pool (25.0 %)"
    ) in lines
    trained = load_checkpoint(done.best).trained
    assert trained["data"] == "kinect13.h5 + kinect13.h5"


def test_labels_that_a_set_does_not_have_change_no_bit(
    options: TrainOptions, upper_h5: Path, figures_h5: Path, figures: Callable, tmp_path: Path
) -> None:
    garbage = figures(100, seed=11, size=64)
    for part in ("visibility", "weight"):
        garbage[part][:, LEGS] = 0
    garbage["keypoints_px"][:, LEGS] = 7e5
    val = figures(20, seed=12, size=64)
    other = write_kinect13(tmp_path / "upper13.h5", {"train": garbage, "val": val})
    one, two = (
        pretrain(replace(options, data=(DataChoice(figures_h5), DataChoice(path, 2))))
        for path in (upper_h5, other)
    )
    weights = [load_checkpoint(done.last).weights for done in (one, two)]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_the_homogeneous_baseline_learns_from_complete_samples_only(
    options: TrainOptions,
) -> None:
    lines: list[str] = []
    pretrain(replace(options, homogeneous=True), on_notice=lines.append)
    with open_kinect13(options.choices[0].path) as dataset:
        complete = int((dataset.split("train").weight > 0).all(axis=1).sum())
    assert 0 < complete < 400
    assert any(f"of {complete} crops, " in line and "of 80 crops" in line for line in lines), lines
    upper = replace(options, data=options.choices[1:], homogeneous=True)
    with pytest.raises(DatasetError, match="no training row of --data has all keypoints"):
        pretrain(upper)


def test_what_can_not_be_mixed_is_refused_in_a_line(options: TrainOptions, tmp_path: Path) -> None:
    first, second = options.choices
    linked = replace(first, path=tmp_path / "another name.h5")
    linked.path.symlink_to(first.path)
    rehearsed = replace(second, weight=1.0, share=0.01)
    for data, match in (
        ((first, first), "--data: .* is given twice"),
        ((first, linked), "--data: .* is given twice"),
        ((first, rehearsed), "--replay: 0.01 of a batch of 16 is less than one crop"),
        ((first, replace(rehearsed, share=0.99)), "leave no crop of --data in a batch of 16"),
    ):
        with pytest.raises(KincapError, match=match) as caught:
            finetune(replace(options, data=data), None)
        assert caught.value.exit_code == 2


def test_flags_are_read_as_written(tmp_path: Path) -> None:
    assert parse_data(r"C:\x") == DataChoice(Path(r"C:\x"))
    assert parse_data("a.h5") == DataChoice(Path("a.h5"))
    assert parse_data("a.h5:2") == DataChoice(Path("a.h5"), 2)
    assert parse_data(r"C:\a.h5:.5") == DataChoice(Path(r"C:\a.h5"), 0.5)
    assert parse_data("a.h5,rotation=40") == DataChoice(Path("a.h5"), 1, 40)
    assert parse_data("a.h5:3,rotation=0") == DataChoice(Path("a.h5"), 3, 0)
    there = tmp_path / "b.h5:2"
    there.touch()
    assert parse_data(str(there)) == DataChoice(there)
    for rest in ("-1", "nan", "1,turn=3"):
        with pytest.raises(KincapError, match=f"^--data {there}:{rest}: '{rest}' is not a weight"):
            parse_data(f"{there}:{rest}")
    assert parse_replay(r"C:\a.h5:0.25") == DataChoice(Path(r"C:\a.h5"), share=0.25)
    for text in ("a.h5:0", "a.h5:5000", "a.h5,rotation=200", "a.h5,rotation=x", ""):
        with pytest.raises(KincapError, match="--data"):
            parse_data(text)
    for text in ("a.h5", "a.h5:", "a.h5:1", "a.h5:0", "a.h5:x", ":0.5", r"C:\x"):
        with pytest.raises(KincapError, match="--replay"):
            parse_replay(text)
