"""What the picture of a report shows where much lies close together."""

from kincap.report.plot import label_lines


def test_labels_of_short_takes_lie_above_each_other() -> None:
    assert label_lines([0.0, 40.0, 80.0], 100.0) == [(0, 0), (1, 0), (2, 0)]
    assert label_lines([0.0, 38.0, 41.0, 42.5, 60.0], 60.0) == [
        (0, 0), (1, 0), (2, 0), (3, 1), (4, 0),
    ]  # fmt: skip


def test_of_very_many_takes_some_stay_without_a_label() -> None:
    starts = [float(i) for i in range(200)]
    lines = label_lines(starts, 200.0)
    for line in range(3):
        own = [starts[place] for place, at in lines if at == line]
        assert min(b - a for a, b in zip(own, own[1:], strict=False)) >= 10
    assert label_lines([], 1.0) == []
