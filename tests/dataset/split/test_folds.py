"""Folds: outfits that are left out together."""

import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.split.folds import deal_folds

OUTFITS = {"a1": "a", "a2": "a", "b": "b", "c": "c", "d": "d", "e": "e"}
FRAMES = {"a1": 300, "a2": 300, "b": 500, "c": 400, "d": 100, "e": 0}


def test_as_many_folds_as_outfits_leave_one_out_each() -> None:
    folds = deal_folds(OUTFITS, FRAMES, 5)
    assert [fold.outfits for fold in folds] == [("a",), ("b",), ("c",), ("d",), ("e",)]
    assert folds[0].sessions == {"a1", "a2"}
    assert [fold.number for fold in folds] == [1, 2, 3, 4, 5]


def test_fewer_folds_are_of_about_equal_length() -> None:
    folds = deal_folds(OUTFITS, FRAMES, 2)
    lengths = [sum(FRAMES[name] for name in fold.sessions) for fold in folds]
    assert sorted(name for fold in folds for name in fold.sessions) == sorted(OUTFITS)
    assert sorted(lengths) == [700, 900]
    assert deal_folds(dict(reversed(OUTFITS.items())), FRAMES, 2) == folds


@pytest.mark.parametrize("count", [1, 0, -1, 6])
def test_folds_that_cannot_be_are_refused(count: int) -> None:
    with pytest.raises(
        DatasetError, match=rf"--folds {count}: expected 2 to .* 5 \(a, b, c, d, e\)"
    ):
        deal_folds(OUTFITS, FRAMES, count)
