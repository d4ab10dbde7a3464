"""The flags --val, --test and --guard."""

import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.split.flags import SplitSession, parse_split

SESSIONS = [
    SplitSession("clothing1", "anna", "1"),
    SplitSession("clothing1b", "anna", "1"),
    SplitSession("clothing2", "bo", "2"),
    SplitSession("lab", "", "lab"),
]


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
        ("subject:cleo", None, "--val subject:cleo: matches none of the subjects anna, bo"),
        ("0.2", "outfit:7", "--test outfit:7: matches none of the outfits 1, 2, lab"),
        ("outfit:1,outfit:9", None, "outfit:9"),
        ("colour:red", None, "colour:red: expected a share, a glob of sessions, or session:NAME"),
        ("subject:anna", "outfit:1", "both take clothing1, clothing1b"),
        ("*", None, "--val *: nothing is left for train"),
        ("subject:*", "lab", "nothing is left for train"),
        ("0.5", "0.5", "--val 0.5 --test 0.5: nothing is left for train"),
    ],
)
def test_a_split_that_cannot_be_is_refused(val: str, test: str | None, named: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_split(val, test, SESSIONS)
    assert caught.value.exit_code == 2
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_session_may_be_named_like_a_number() -> None:
    assert parse_split("3", None, [SplitSession("3"), SplitSession("4")]).val == {"3"}


@pytest.mark.parametrize(
    ("val", "chosen"),
    [
        ("subject:anna", {"clothing1", "clothing1b"}),
        ("outfit:2", {"clothing2"}),
        ("session:*1*", {"clothing1", "clothing1b"}),
        ("outfit:1, lab", {"clothing1", "clothing1b", "lab"}),
    ],
)
def test_whole_sessions_by_subject_and_outfit(val: str, chosen: set[str]) -> None:
    split = parse_split(val, "0.1", SESSIONS)
    assert split.val == chosen
    assert split.shares == {"test": 0.1}
    assert split.asked_for == ("train", "val", "test")


def test_a_subject_that_no_session_names_is_refused() -> None:
    with pytest.raises(DatasetError, match=r"subject:x: no session\.json names a subject"):
        parse_split("subject:x", None, [SplitSession("3"), SplitSession("4")])


@pytest.mark.parametrize("guard_s", [-1.0, float("nan"), float("inf"), 4000.0])
def test_a_guard_that_cannot_be_is_refused(guard_s: float) -> None:
    with pytest.raises(DatasetError, match=r"--guard .*expected 0 to 3600 seconds"):
        parse_split("0.2", None, SESSIONS, guard_s)
