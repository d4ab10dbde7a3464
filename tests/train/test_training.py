"""Training from start to end on stick figures."""

import copy
import csv
import json
import math
import shutil
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import DatasetError, KincapError
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.augment import AugmentSettings
from kincap.train.batch_source import Batch
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.data import load_samples
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.finetune import TrainResult, finetune
from kincap.train.metrics.pck import Score
from kincap.train.mirror import mirror_images, mirror_targets
from kincap.train.nets.registry import build_net
from kincap.train.pretrain import pretrain
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainOptions, resolve
from kincap.train.validate import run_net, score_poses

CPU = torch.device("cpu")


@pytest.fixture
def options(figures_h5: Path, tmp_path: Path) -> TrainOptions:
    """Return options of a run of a few seconds at most."""
    return TrainOptions(
        data=figures_h5,
        runs=tmp_path / "runs",
        model="compact",
        width=0.25,
        size=32,
        steps=4,
        batch=16,
        device="cpu",
    )


@pytest.fixture(scope="module")
def trained(figures_h5: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainResult:
    """Return a run that was long enough to learn something."""
    folder = tmp_path_factory.mktemp("trained")
    options = TrainOptions(
        data=figures_h5, out=folder / "figures.ckpt", runs=folder / "runs", model="compact",
        width=0.5, size=48, steps=260, batch=24, device="cpu",
    )  # fmt: skip
    return finetune(options, None)


def _all(score: Score, threshold: str = "0.2") -> float:
    value = score.pck[threshold]["all"]
    assert value is not None
    return value


def _wrist(score: Score) -> float:
    value = score.pck["0.2"]["wrist"]
    assert value is not None
    return value


def test_compact_learns_to_look(trained: TrainResult, figures_h5: Path) -> None:
    assert trained.out is not None
    found = evaluate(EvaluateSettings(trained.out, figures_h5, "test", device="cpu"))
    net, mean = found.net.mirrored.score, found.mean_pose.score
    assert _wrist(net) > _wrist(mean) + 40
    assert _all(net, "0.1") > _all(mean, "0.1") + 10


def test_shuffled_labels_teach_the_mean_pose_and_no_more(options: TrainOptions) -> None:
    control = finetune(replace(options, steps=120, shuffle_labels=True), None)
    assert _wrist(control.learned.last.score) < _wrist(control.learned.mean_pose) + 10
    config = tomllib.loads((control.run / "config.toml").read_text())
    assert config["settings"]["shuffle_labels"] is True


def test_the_first_validation_is_what_evaluate_says_of_the_init(
    trained: TrainResult, options: TrainOptions
) -> None:
    again = finetune(replace(options, model=None, width=None, size=None), trained.out)
    assert trained.out is not None
    found = evaluate(EvaluateSettings(trained.out, options.data, "val", device="cpu"))
    report, first = found.to_json(), again.to_json()["first"]
    for threshold, pck in report["pck_single"].items():
        assert first["pck_single"][threshold] == pytest.approx(pck, abs=1e-6)
    assert first["pck"] == pytest.approx(report["pck_single"]["0.2"]["all"], abs=1e-6)
    assert report["mean_pose"]["pck"] == again.to_json()["mean_pose"]["pck"]
    assert found.net.size == 48


def test_a_run_leaves_settings_figures_and_weights(options: TrainOptions, tmp_path: Path) -> None:
    done = pretrain(replace(options, name="first", out=tmp_path / "pre.ckpt"))
    assert done.run.parent == tmp_path / "runs" / "pretrain"
    assert done.run.name.endswith("-first")
    assert ":" not in done.run.name
    config = tomllib.loads((done.run / "config.toml").read_text())
    assert config["settings"]["kind"] == "pretrain"
    assert config["settings"]["lr"] == 2e-3
    with (done.run / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [0, 4]
    assert float(rows[-1]["val_loss"]) == pytest.approx(done.learned.last.loss)
    assert float(rows[0]["mean_pose_pck_0.2_all"]) == pytest.approx(_all(done.learned.mean_pose))
    assert load_checkpoint(done.last).trained["step"] == 4
    best = load_checkpoint(done.best)
    assert best.trained["step"] == done.learned.best_step
    assert (tmp_path / "pre.ckpt").read_bytes() == done.best.read_bytes()
    assert (best.model, best.width, best.size, best.mirror_training) == ("compact", 0.25, 32, True)


def test_the_report_is_json_with_the_keys_that_scripts_rely_on(options: TrainOptions) -> None:
    report = json.loads(json.dumps(finetune(options, None).to_json(), allow_nan=False))
    assert report["schema"] == "kincap/train/1"
    assert {"run", "best", "last", "steps", "val"} <= report.keys()
    assert {"pck", "loss"} <= report["val"].keys()


def test_the_same_seed_gives_the_same_weights_and_another_does_not(options: TrainOptions) -> None:
    first, same = (load_checkpoint(finetune(options, None).last) for _ in range(2))
    other = load_checkpoint(finetune(replace(options, seed=1), None).last)
    assert all(torch.equal(v, same.weights[k]) for k, v in first.weights.items())
    assert not torch.equal(first.weights["maps.weight"], other.weights["maps.weight"])


@pytest.mark.parametrize(("optimizer", "lr"), [("sgd", 1e-3), ("adamw", 5e-4)])
def test_linna_trains_with_a_finite_loss(options: TrainOptions, optimizer: str, lr: float) -> None:
    done = finetune(
        replace(options, model="linna", width=1 / 16, size=48, optimizer=optimizer), None
    )
    config = tomllib.loads((done.run / "config.toml").read_text())["settings"]
    assert (config["optimizer"], config["lr"]) == (optimizer, lr)
    assert math.isfinite(done.learned.last.loss)
    assert config["augment"]["rotation_deg"] == 0


def test_linna_takes_the_papers_recipe_and_the_data_sets_size(options: TrainOptions) -> None:
    done = pretrain(replace(options, model="linna", width=1 / 32, size=None, batch=None, steps=1))
    config = tomllib.loads((done.run / "config.toml").read_text())["settings"]
    wanted = {"lr": 1e-2, "batch": 256, "momentum": 0.9, "weight_decay": 5e-4, "size": 48}
    assert {name: config[name] for name in wanted} == wanted
    assert config["augment"]["mirror"] == 0.5


def test_a_share_of_dropout_replaces_that_of_the_net(options: TrainOptions) -> None:
    settings = resolve("finetune", replace(options, model="linna", size=48), None, 48, "cpu")
    torch.manual_seed(0)
    net = build_net("linna", 1 / 16, 48)
    images = torch.randint(0, 255, (8, 48, 48, 3), dtype=torch.uint8)
    batch = Batch(images, torch.rand(8, 13, 2), torch.ones(8, 13))

    def losses(share: float | None) -> int:
        """Return how many losses there are for three draws of the units that are left out."""
        recipe = replace(settings.recipe, dropout=share, augment=AugmentSettings(mirror=0))
        found = set()
        for seed in range(3):
            own = replace(settings, recipe=recipe, seed=seed)
            found.add(float(Trainer(own, copy.deepcopy(net), 1, CPU).learn(batch)))
        return len(found)

    assert (losses(0.0), losses(None), losses(0.2)) == (1, 3, 3)
    with pytest.raises(KincapError, match=r"^--set: dropout=0.3: this net has no dropout"):
        finetune(replace(options, set=("dropout=0.3",)), None)
    assert not options.runs.exists()


def test_init_gives_weights_model_width_and_size(
    trained: TrainResult, options: TrainOptions
) -> None:
    plain = replace(options, model=None, width=None, size=None, lr=1e-9)
    done = finetune(plain, trained.out)
    found, start = load_checkpoint(done.last), load_checkpoint(trained.best)
    assert (found.model, found.width, found.size) == ("compact", 0.5, 48)
    torch.testing.assert_close(
        found.weights["maps.weight"], start.weights["maps.weight"], atol=1e-6, rtol=0
    )
    finetune(replace(plain, model="compact", width=0.5, size=48, steps=1), trained.out)


@pytest.mark.parametrize(
    "change", [{"width": 1.0}, {"model": "linna"}], ids=lambda c: next(iter(c))
)
def test_a_flag_that_contradicts_the_checkpoint_is_refused(
    trained: TrainResult, options: TrainOptions, change: dict[str, object]
) -> None:
    plain = {"model": None, "width": None, "size": None}
    asked = replace(options, **{**plain, **change})
    flag = next(iter(change))
    with pytest.raises(KincapError, match=rf"^--{flag} .*the checkpoint of --init has {flag}"):
        finetune(asked, trained.out)
    assert not options.runs.exists()


def test_a_net_goes_on_with_larger_crops(trained: TrainResult, options: TrainOptions) -> None:
    asked = replace(options, model=None, width=None, size=64, steps=1, lr=1e-9)
    done = finetune(asked, trained.out)
    assert load_checkpoint(done.best).size == done.size == 64
    before, mean = _all(done.learned.first.score), _all(done.learned.mean_pose)
    assert before > mean + 20


def test_another_size_that_the_layers_do_not_fit_is_refused(
    options: TrainOptions, tmp_path: Path
) -> None:
    small = replace(options, model="linna", width=1 / 16, size=48, steps=1)
    done = finetune(replace(small, out=tmp_path / "small.ckpt"), None)
    shutil.rmtree(options.runs)
    asked = replace(options, model=None, width=None, size=64)
    with pytest.raises(KincapError, match=r"^--size 64: .*--init has size 48.* linna depend on it"):
        finetune(asked, done.out)
    assert not options.runs.exists()


def test_bad_flags_are_refused_before_anything_is_written(
    options: TrainOptions, tmp_path: Path
) -> None:
    for change in (
        {"steps": 0}, {"steps": 5, "epochs": 5}, {"batch": 0}, {"lr": 0.0}, {"lr": math.nan},
        {"optimizer": "lion"}, {"name": "../x"}, {"device": "abacus"}, {"seed": -1},
        {"model": "resnet"}, {"model": ""}, {"size": 0}, {"device": "meta"}, {"out": tmp_path},
    ):  # fmt: skip
        with pytest.raises(KincapError, match="^--") as caught:
            finetune(replace(options, **change), None)
        assert caught.value.exit_code == 2
    if not torch.cuda.is_available():
        with pytest.raises(KincapError) as caught:
            finetune(replace(options, device="cuda"), None)
        assert caught.value.exit_code == 3
    assert not options.runs.exists()


def test_a_missing_split_is_said(options: TrainOptions, figures_h5: Path, tmp_path: Path) -> None:
    with open_kinect13(figures_h5) as dataset:
        rows = dataset.split("train")
        fields = {"images": rows.images(np.arange(20)), "keypoints_px": rows.keypoints_px[:20]}
    path = write_kinect13(tmp_path / "train.h5", {"train": fields})
    with pytest.raises(DatasetError, match=r"train.h5: no val split \(it has train\)"):
        finetune(replace(options, data=path), None)
    with pytest.raises(DatasetError, match="no-such.h5"):
        finetune(replace(options, data=tmp_path / "no-such.h5"), None)
    assert not options.runs.exists()


def test_a_loss_that_is_not_a_number_ends_the_run(options: TrainOptions) -> None:
    wild = replace(options, model="linna", width=1 / 16, size=48, optimizer="sgd", lr=99.0)
    with pytest.raises(KincapError, match="try a lower --lr") as caught:
        finetune(replace(wild, steps=40), None)
    assert caught.value.exit_code == 1
    (run,) = (options.runs / "finetune").iterdir()
    load_checkpoint(run / "last.ckpt")


def test_an_interrupted_run_keeps_its_weights(options: TrainOptions) -> None:
    def stop(done: int, _total: int, _note: str) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KincapError, match="after 3 of 50 steps") as caught:
        finetune(replace(options, steps=50), None, stop)
    assert caught.value.exit_code == 130
    (run,) = (options.runs / "finetune").iterdir()
    assert load_checkpoint(run / "last.ckpt").trained["step"] == 3


def test_progress_shows_the_mean_pose_beside_every_figure(options: TrainOptions) -> None:
    notes: list[str] = []
    finetune(options, None, lambda _done, _total, note: notes.append(note))
    steps = [note for note in notes if "validating" not in note]
    assert len(steps) == 4
    assert "mean pose" in steps[0]
    assert "wrist" in steps[-1]


def test_pictures_are_resized_by_area_and_boxes_lead_back(figures_h5: Path) -> None:
    with open_kinect13(figures_h5) as dataset:
        samples = load_samples(dataset, "val", 24)
        rows = dataset.split("val")
        whole = rows.images(np.arange(3)).astype(float)
    halved = whole.reshape(3, 24, 2, 24, 2, 3).mean(axis=(2, 4))
    assert np.abs(samples.images(np.arange(3)) - halved).max() <= 0.5 + 1e-6
    wanted = rows.bbox_xyxy_px[:, None, :2] + (rows.keypoints_px + 0.5) * 4
    np.testing.assert_allclose(samples.to_image_px(samples.targets), wanted, atol=1e-3)


def test_a_net_sees_the_crops_of_images_with_a_margin(figures, tmp_path: Path) -> None:
    columns = figures(8, seed=1)
    around = ((0, 0), (12, 12), (12, 12), (0, 0))
    wide = {**columns, "images": np.pad(columns["images"], around, constant_values=255)}
    plain = write_kinect13(tmp_path / "plain.h5", {"train": columns})
    margin = write_kinect13(tmp_path / "margin.h5", {"train": wide}, margin=1.5)
    every = np.arange(8)
    for size in (48, 24):
        with open_kinect13(plain) as one, open_kinect13(margin) as other:
            expected, found = (load_samples(file, "train", size) for file in (one, other))
            np.testing.assert_array_equal(found.images(every), expected.images(every))
            np.testing.assert_array_equal(found.targets, expected.targets)


def test_inferred_keypoints_count_only_when_asked(trained: TrainResult, figures_h5: Path) -> None:
    plain = evaluate(EvaluateSettings(trained.best, figures_h5, device="cpu"))
    every = evaluate(
        EvaluateSettings(trained.best, figures_h5, include_inferred=True, device="cpu")
    )
    assert plain.to_json()["counted"] == "weight > 0"
    assert every.to_json()["counted"] == "visibility >= 1"
    counted, all_labelled = plain.to_json()["pck"]["0.2"], every.to_json()["pck"]["0.2"]
    assert counted["wrist"] != all_labelled["wrist"]
    assert counted["knee"] == all_labelled["knee"]


def test_a_net_that_always_says_the_mean_pose_scores_as_it_does(
    figures_h5: Path, tmp_path: Path
) -> None:
    with open_kinect13(figures_h5) as dataset:
        train = load_samples(dataset, "train", 48)
    weight = train.weight[..., None]
    mean = (train.targets * weight).sum(axis=0) / weight.sum(axis=0)
    net = build_net("linna", 1 / 32, 48)
    weights = {name: torch.zeros_like(tensor) for name, tensor in net.state_dict().items()}
    weights["regress.6.bias"] = torch.from_numpy(mean.astype(np.float32).ravel())
    path = tmp_path / "mean.ckpt"
    save_checkpoint(
        path, Checkpoint("linna", 1 / 32, 48, weights, torch.from_numpy(mean).float(), True)
    )
    found = evaluate(EvaluateSettings(path, figures_h5, device="cpu"))
    assert _all(found.net.single.score) == pytest.approx(_all(found.mean_pose.score), abs=0.2)
    assert found.to_json()["mean_pose"]["of"] == "checkpoint"


def test_a_mirrored_crop_says_the_same_of_the_crop_as_it_is(
    figures_h5: Path, trained: TrainResult
) -> None:
    net, cpu = load_checkpoint(trained.best).build(), torch.device("cpu")
    with open_kinect13(figures_h5) as dataset:
        samples = load_samples(dataset, "val", 48)
        mirrored = replace(samples, images=lambda chosen: mirror_images(samples.images(chosen)))
        by_net = run_net(net, samples, cpu, mirrored=True).poses
        by_hand = run_net(net, mirrored, cpu).poses
    np.testing.assert_allclose(by_net, mirror_targets(by_hand), atol=1e-6)
    assert _wrist(score_poses(by_net, samples)) > 40
