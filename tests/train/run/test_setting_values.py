"""Settings from texts: every key, with its type and its range."""

from dataclasses import replace
from pathlib import Path

import pytest

from kincap.core.errors import KincapError
from kincap.train.detect.settings import DetectOptions
from kincap.train.recipe import LIMITS, Recipe, check_recipe
from kincap.train.run.setting_values import key_names, set_values
from kincap.train.settings import TrainOptions, TrainSettings, resolve


def test_values_are_set_by_key_and_inner_ones_with_a_dot() -> None:
    found = set_values(
        Recipe(epochs=3),
        ["lr=0.5", "steps=7", "cosine=true", "augment.rotation_deg=30", "optimizer=adamw"],
    )
    wanted = Recipe(epochs=3, lr=0.5, steps=7, cosine=True, optimizer="adamw")
    assert found == replace(wanted, augment=replace(wanted.augment, rotation_deg=30.0))
    assert set_values(found, ["steps=none"]).steps is None


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("lr", r"^--set: 'lr' is not key=value$"),
        ("weigth_decay=1", r"^--set: there is no 'weigth_decay'; did you mean weight_decay\?$"),
        (
            "rotation_deg=1",
            r"^--set: there is no 'rotation_deg'; did you mean augment.rotation_deg",
        ),
        ("augment.scal=1", r"did you mean augment.scale\?"),
        ("augment=1", "there is no 'augment'"),
        ("lr.x=1", r"there is no 'lr.x'"),
        ("zzzz=1", "the keys are epochs, "),
        ("batch=3.5", r"batch=3.5: expected a whole number$"),
        ("steps=few", r"steps=few: expected a whole number or none$"),
        ("lr=fast", "expected a number$"),
        ("lr=nan", "expected a number$"),
        ("cosine=1", "expected true or false$"),
        ("lr=", "expected a number$"),
        ("ema=1.5", r"^--set: ema=1.5 is outside 0 to "),
        ("augment.mirror=-1", r"^--set: augment.mirror=-1 is outside 0 to 1$"),
        ("save_every_s=301", "outside 0 to 300"),
        ("optimizer=lion", "is not one of sgd, adamw"),
        ("norm=none", "norm=none: expected batch or coords or labelled$"),
    ],
)
def test_a_wrong_text_is_refused(text: str, match: str) -> None:
    with pytest.raises(KincapError, match=match) as caught:
        resolve("finetune", TrainOptions(set=(text,)), None, 64, "cpu")
    assert "\n" not in str(caught.value)


def test_every_limit_is_of_a_key_and_the_recipes_of_the_nets_are_within() -> None:
    assert set(LIMITS) <= set(key_names(Recipe(epochs=1)))
    for kind in ("pretrain", "finetune"):
        for model in ("compact", "linna"):
            check_recipe(resolve(kind, TrainOptions(model=model), None, 64, "cpu").recipe)


def test_settings_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    for options in (TrainOptions(), TrainOptions(model="linna", set=("steps=3", "norm=labelled"))):
        settings = resolve("finetune", options, None, 64, "cpu")
        assert TrainSettings.from_toml(settings.to_toml(), "config.toml") == settings


@pytest.mark.parametrize("flag", ["steps", "epochs", "batch", "patience"])
def test_a_number_that_is_too_large_is_refused_by_the_name_of_its_flag(flag: str) -> None:
    with pytest.raises(
        KincapError, match=rf"^--{flag}: 99999999999 is too many; give [\d,]+ at most$"
    ):
        resolve("finetune", TrainOptions(**{flag: 99_999_999_999}), None, 64, "cpu")
    if flag != "patience":
        with pytest.raises(KincapError, match=f"^--{flag}: 99999999999 is too many"):
            DetectOptions(Path("full.h5"), **{flag: 99_999_999_999}).check()
