"""The figures of the filters as tables of Markdown, as docs/quality.md has them."""

from collections.abc import Iterator, Sequence

from .faults import SIZES
from .measure import NO_FAULT, Quality
from .score import GOAL_TORSO, Counts


def tables(quality: Quality) -> Iterator[str]:
    """Yield the lines of all tables."""
    yield f"Seeds: clean {quality.seeds['clean']}, simulator's own faults {quality.seeds['own']}."
    yield ""
    yield from _injected(quality)
    yield from _own(quality)
    yield from _by_filter(quality)
    yield from _score(quality)


def _injected(quality: Quality) -> Iterator[str]:
    """Yield the recall, precision and F1 of injected faults by size."""
    head = ["injected fault", "figure", *(f"{size:g}" for size in SIZES), f">= {GOAL_TORSO:g}"]
    yield from _head(head)
    for name, counts in quality.injected.items():
        every = counts[-1]
        rows: list[tuple[str, list[float | None]]] = [
            ("recall", [*every.recall_by_size(), every.recall(GOAL_TORSO)]),
            ("precision", [*(_at(counts, k)[0] for k in _levels()), every.precision(GOAL_TORSO)]),
            ("F1", [*(_at(counts, k)[1] for k in _levels()), every.f1(GOAL_TORSO)]),
        ]
        for figure, values in rows:
            first = f"{name} ({int(every.wrong.sum())})" if figure == "recall" else ""
            yield _line([first, figure, *map(_percent, values)])
    yield ""


def _levels() -> range:
    return range(len(SIZES))


def _at(counts: Sequence[Counts], level: int) -> tuple[float | None, float | None]:
    """Return precision and F1 of the runs of one size, counted in that size and larger ones."""
    return counts[level].precision(SIZES[level]), counts[level].f1(SIZES[level])


def _own(quality: Quality) -> Iterator[str]:
    """Yield the figures of the simulator's own faults."""
    yield from _head(
        [
            "simulator's fault",
            "labels wrong >= 0.2",
            "recall",
            "precision",
            "F1",
            "false alarms",
            "left out with their frame",
        ]
    )
    for name, one in quality.own.items():
        wrong = int(one.wrong[[size >= GOAL_TORSO for size in SIZES]].sum())
        figures = (one.recall(GOAL_TORSO), one.precision(GOAL_TORSO), one.f1(GOAL_TORSO))
        words = "no fault" if name == NO_FAULT else name
        costs = (one.false_alarms(), one.left_out())
        yield _line([words, str(wrong), *map(_percent, (*figures, *costs))])
    yield ""


def _by_filter(quality: Quality) -> Iterator[str]:
    """Yield which filter names what."""
    faults = [*quality.injected.items(), *((n, [one]) for n, one in quality.own.items())]
    names = list(dict.fromkeys(f for _, c in faults for f in c[-1].by_filter))
    names = [n for n in names if any(any(c[-1].by_filter.get(n, (0, 0))) for _, c in faults)]
    yield from _head(["filter", "of clean labels", "names of the wrong ones >= 0.2"])
    for name in names:
        shares = []
        for fault, counts in faults:
            one = counts[-1]
            wrong = int(one.wrong[[size >= GOAL_TORSO for size in SIZES]].sum())
            right = one.by_filter.get(name, (0, 0))[0]
            if wrong and right / wrong >= 0.005:
                shares.append(f"{fault} {100 * right / wrong:.0f} %")
        false = quality.clean.by_filter.get(name, (0, 0))[1]
        share = false / quality.clean.clean if quality.clean.clean else None
        yield _line([name, _percent(share, 2), ", ".join(shares) or "-"])
    yield ""


def _score(quality: Quality) -> Iterator[str]:
    for name, value in quality.score().items():
        yield f"{name}: {_percent(value, 2)}"


def _head(words: Sequence[str]) -> Iterator[str]:
    yield _line(words)
    yield _line(["---"] * len(words))


def _line(words: Sequence[str]) -> str:
    return "| " + " | ".join(words) + " |"


def _percent(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{100 * value:.{digits}f}"
