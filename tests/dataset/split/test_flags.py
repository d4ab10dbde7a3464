"""The flags --val, --test and --guard."""

import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.split.flags import parse_split

NAMES = ["clothing1", "clothing1b", "clothing2"]


@pytest.mark.parametrize(
    ("val", "test", "named"),
    [
        ("nobody*", None, "--val nobody*"),
        ("0.2", "nobody", "--test nobody"),
        ("0", None, "--val 0"),
        ("1.0", None, "--val 1.0"),
        ("-0.1", None, "--val -0.1"),
        ("nan", None, "--val nan"),
        ("clothing*", "*b", "clothing1b"),
    ],
)
def test_a_split_that_cannot_be_is_refused(val: str, test: str | None, named: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_split(val, test, NAMES)
    assert caught.value.exit_code == 2
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_session_may_be_named_like_a_number() -> None:
    assert parse_split("3", None, ["3", "4"]).val == {"3"}


@pytest.mark.parametrize("guard_s", [-1.0, float("nan"), float("inf"), 4000.0])
def test_a_guard_that_cannot_be_is_refused(guard_s: float) -> None:
    with pytest.raises(DatasetError, match=r"--guard .*expected 0 to 3600 seconds"):
        parse_split("0.2", None, NAMES, guard_s)
