"""People followed over losses of tracking, and the one whom a take is about."""

import numpy as np

from kincap.checks.people import follow_people, main_people

TICK = 333_333


def bodies(*tracks: tuple[int, int, int, float, float]):
    """Tracks of id, first and last row, place and size."""
    rows = [(i, t, x, size) for i, first, last, x, size in tracks for t in range(first, last)]
    ids, times, x, size = (np.array(column) for column in zip(*rows, strict=True))
    place = np.stack([x, np.zeros(len(x)), np.full(len(x), 2.5)], axis=-1)
    length = size[:, None] * np.array([0.3, 0.25, 0.4, 0.4])
    return np.zeros(len(ids), int), ids, times * TICK, place, length


def who(*tracks) -> list[int]:
    """The person of each track."""
    given = bodies(*tracks)
    person = follow_people(*given)
    return [int(person[given[1] == i][0]) for i in dict.fromkeys(given[1].tolist())]


def test_an_id_that_changes_after_a_short_loss_is_followed() -> None:
    assert who((7, 0, 50, 0.0, 1.0), (9, 60, 99, 0.2, 1.3)) == [0, 0]
    assert who((7, 0, 50, 0.0, 1.0), (9, 60, 99, 2.5, 1.3)) == [0, 1]


def test_after_a_long_loss_the_size_of_the_body_decides() -> None:
    assert who((7, 0, 50, 0.0, 1.0), (9, 500, 550, 2.0, 1.05)) == [0, 0]
    assert who((7, 0, 50, 0.0, 1.0), (9, 500, 550, 0.0, 1.3)) == [0, 1]


def test_two_people_at_once_are_two() -> None:
    assert who((7, 0, 50, 0.0, 1.0), (9, 20, 70, 0.2, 1.0), (11, 60, 99, 0.1, 1.0)) == [0, 1, 0]


def test_the_largest_and_most_central_person_is_the_one() -> None:
    take = np.zeros(4, int)
    boxes = np.array([[900, 300, 1000, 900], [100, 300, 200, 900], [900, 400, 950, 600],
                      [np.nan] * 4])  # fmt: skip
    main = main_people(take, np.arange(4), boxes, (1920, 1080))
    assert main.tolist() == [True, False, False, False]
    assert not main_people(take[:0], take[:0], boxes[:0], (1920, 1080)).any()
