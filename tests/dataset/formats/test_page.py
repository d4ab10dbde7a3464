"""docs/datasets.md names every set and option, and its examples are read."""

import re
from pathlib import Path

from kincap.dataset.formats.options import CHOICES, NUMBERS, LoadOptions
from kincap.dataset.formats.people import PROBLEMS
from kincap.dataset.formats.registry import FORMATS
from kincap.dataset.public.detections import load_detections

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")


def test_every_set_option_and_reason_is_on_the_page() -> None:
    for name in FORMATS:
        assert f"| `{name}` |" in PAGE
        assert name == "people" or f"\n| {name} |" in PAGE
    for option, values in CHOICES.items():
        for value in values:
            assert f"`{option}={value}`" in PAGE
    for option in NUMBERS:
        assert f"`{option}=" in PAGE
    for reason in PROBLEMS:
        assert f"| `{reason}` |" in PAGE


def test_its_examples_are_read(tmp_path: Path) -> None:
    detections, people = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "found.json").write_text(detections)
    assert load_detections(tmp_path / "found.json").of("lspet", "im00001.jpg").shape == (1, 4)
    (tmp_path / "people.json").write_text(people)
    table = re.search(r"```\n(image,.*?)```", PAGE, re.DOTALL)
    assert table is not None
    (tmp_path / "people.csv").write_text(table[1].replace(",...", ""))
    for file, labelled in (("people.json", 2), ("people.csv", 2)):
        read = FORMATS["people"].load(tmp_path / file, LoadOptions())
        assert read.labels.labelled.sum() == labelled
        assert read.labels.xy[0, 0].tolist() == [312.5, 80]
