"""Thresholds from TOML: what is read, and one line for what is wrong."""

from pathlib import Path

import pytest

from kincap.checks.filters.registry import FILTER_NAMES
from kincap.checks.filters.settings import FilterSettings, read_filters
from kincap.core.errors import KincapError


def test_what_a_file_names_is_changed_and_the_rest_keeps_its_default(tmp_path: Path) -> None:
    file = tmp_path / "filters.toml"
    file.write_text('off = ["crossed_arms"]\nbone_arm = 0.3\ndepth_max_m = 5\nmax_untrusted = 3\n')
    assert read_filters(file, FILTER_NAMES) == FilterSettings(
        off=("crossed_arms",), bone_arm=0.3, depth_max_m=5.0, max_untrusted=3
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bone_arms = 0.3", "unknown key 'bone_arms'; did you mean bone_arm?"),
        (
            "[filters]\nbone_arm = 0.3",
            "unknown table ['filters']; did you mean bone_arm = ..., wit",
        ),
        ("[bone_arms]\nx = 1", "unknown table ['bone_arms']; did you mean bone_arm = ..., without"),
        ("[qqq]\nxxx = 1", "unknown table ['qqq']; expected no tables, but off, depth_min_m"),
        ("qqq = 1", "unknown key 'qqq'; expected off, depth_min_m"),
        ("bone_arm = 'x'", "bone_arm = 'x'; expected a number from 0"),
        ("bone_arm = true", "bone_arm = True; expected a number from 0"),
        ("bone_arm = nan", "bone_arm = nan; expected a number"),
        ("max_untrusted = 1.5", "expected a whole number from 0 to 13"),
        ("overlap = 3", "expected a number from 0 to 1"),
        ("symmetry = 0.5", "expected a number from 1"),
        ("[bone_arm]\na = 1", "unknown table ['bone_arm']; did you mean bone_arm"),
        ("off = 'speed'", "expected a list of filters' names"),
        ("off = ['sped']", "off: unknown filter 'sped'; expected of tracking, range"),
        ("depth_min_m = 4.5", "depth_min_m 4.5 is not below depth_max_m 4"),
        ("= 3", "not valid TOML"),
        ("bone_arm = 1" + "0" * 400, "bone_arm = a very large number; expected a number from 0"),
        ("bone_arm = 1" + "0" * 5000, "not valid TOML"),
        ("bone_arm = inf", "bone_arm = inf; expected a number"),
        (f"bone_arm = '{'x' * 9000}'", "xxx...; expected a number from 0"),
        ("x = " + "[" * 5000, "not valid TOML"),
    ],
)
def test_anything_else_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "filters.toml"
    file.write_text(text)
    with pytest.raises(KincapError, match="--filters") as caught:
        read_filters(file, FILTER_NAMES)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("make", ["missing", "folder", "binary", "large"])
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, make: str) -> None:
    file = tmp_path / "filters.toml"
    if make == "folder":
        file.mkdir()
    elif make == "binary":
        file.write_bytes(b"\xff\xfe")
    elif make == "large":
        file.write_text("#" * (2 << 20))
    with pytest.raises(KincapError, match=r"--filters .*filters\.toml: "):
        read_filters(file, FILTER_NAMES)
