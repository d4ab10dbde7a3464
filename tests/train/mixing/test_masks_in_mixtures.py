"""Masks in a mixture: sets that have them are changed by them, the others are left alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINTS_13
from kincap.dataset.kinect13.reader import write_kinect13
from kincap.train.augment import AugmentSettings, augment
from kincap.train.batch_random import BatchRandom
from kincap.train.finetune import finetune
from kincap.train.mixing.choice import DataChoice
from kincap.train.mixing.mixture import MixedBatches
from kincap.train.mixing.pool import load_splits, open_sets
from kincap.train.pretrain import pretrain
from kincap.train.run.config_file import read_config
from kincap.train.settings import TrainOptions, resolve

CPU = torch.device("cpu")
PERSON = (slice(8, 40), slice(16, 32))
SWAP = AugmentSettings(mirror=0, background=1.0)


@pytest.fixture(scope="module")
def masked_h5(figures: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of 60 crops with masks, and 10 to validate."""
    splits = {}
    for name, count, seed in (("train", 60, 21), ("val", 10, 22)):
        masks = np.full((count, 48, 48), 255, dtype=np.uint8)
        masks[:, *PERSON] = 0
        splits[name] = figures(count, seed=seed) | {"masks": masks}
    return write_kinect13(tmp_path_factory.mktemp("masked") / "masked13.h5", splits)


@pytest.fixture
def options(masked_h5: Path, figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run of two steps on a set with masks and one without."""
    return TrainOptions(
        data=(DataChoice(masked_h5), DataChoice(figures_h5)), runs=tmp_path / "runs",
        model="compact", width=0.25, size=48, steps=2, batch=40, device="cpu",
        set=("augment.background=1", "augment.forearm=0.5"),
    )  # fmt: skip


def test_only_crops_of_the_set_with_masks_are_changed(
    options: TrainOptions, masked_h5: Path, figures_h5: Path, tmp_path: Path
) -> None:
    with open_sets(options.choices, KEYPOINTS_13) as sets:
        settings = resolve("pretrain", options, None, 48, "cpu")
        source = load_splits(sets, settings, homogeneous=False).source
        assert isinstance(source, MixedBatches)
        assert source.image_bytes == 60 * 48 * 48 * 4 + 400 * 48 * 48 * 3
        batch, kept = source.batch(0), source.on_device(CPU).batch(0)
        which = torch.from_numpy(source.rows(0)[0])
    assert torch.equal(batch.images, kept.images)
    changed = augment(batch._replace(limits=None), SWAP, BatchRandom(1, 0, 40, CPU), size=48).images
    images = batch.images[..., :3].permute(0, 3, 1, 2).float()
    masked = which == 0
    assert 0 < masked.sum() < 40
    torch.testing.assert_close(changed[~masked], images[~masked], atol=1e-2, rtol=0)
    person = (..., *PERSON)
    torch.testing.assert_close(changed[masked][person], images[masked][person], atol=1e-2, rtol=0)
    assert ((changed[masked] - images[masked]).abs().amax(dim=1) > 1).float().mean() > 0.5


def test_the_plan_says_which_set_the_masks_leave_alone(
    options: TrainOptions, figures_h5: Path
) -> None:
    lines: list[str] = []
    done = pretrain(options, on_notice=lines.append)
    said = [line for line in lines if "no masks" in line]
    assert said == [
        f"{figures_h5}: no masks, so augment.background and augment.forearm leave its crops as "
        "they are"
    ]
    assert read_config(done.run).settings.recipe.augment.background == 1
    lines.clear()
    first, second = options.choices
    rehearsed = replace(options, data=(first, replace(second, share=0.25)))
    finetune(rehearsed, None, on_notice=lines.append)
    assert any(f"{figures_h5}: no masks" in line for line in lines)


def test_masks_go_with_a_rotation_of_one_set(options: TrainOptions) -> None:
    turned = replace(options, data=(replace(options.choices[0], rotation_deg=20.0),))
    lines: list[str] = []
    pretrain(turned, on_notice=lines.append)
    assert not any("no masks" in line for line in lines)


def test_a_mixture_without_any_masks_is_refused(
    options: TrainOptions, figures_h5: Path, tmp_path: Path, figures: Callable
) -> None:
    other = write_kinect13(
        tmp_path / "other13.h5", {"train": figures(9, seed=5), "val": figures(4, seed=6)}
    )
    data = (options.choices[1], DataChoice(other))
    with pytest.raises(DatasetError, match=r"no masks, which augment\.background") as caught:
        pretrain(replace(options, data=data))
    assert caught.value.exit_code == 2
    assert str(figures_h5) in str(caught.value)
    assert str(other) in str(caught.value)
