"""Every command and flag that README and the pages show exists."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer

from kincap.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tests/*.md"),
     *ROOT.glob("recordings/*.md")]
)  # fmt: skip
PLANNED = {"predict"}
"""Commands that the pages call planned."""


def _shown(page: Path) -> list[str]:
    """Return the commands of kincap in a page's code: lines of blocks, and spans."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.DOTALL))
    found = [re.search(r"(?:^\s*|&& |; |[/\\])kincap ([a-z].*)", code) for code in lines + spans]
    return sorted({match[1] for match in found if match})


def _ends(word: str) -> bool:
    return word.startswith("#") or word in ("&&", ";", "|")


def unknown_words(command: Any, line: str) -> list[str]:
    """Return the words of a command line that the command does not know: its own, or flags."""
    words = shlex.split(re.sub(r"[\[\]]", " ", line).replace("'", " "), comments=True)
    while hasattr(command, "commands"):
        if command.invoke_without_command and (not words or words[0].startswith("--")):
            break
        if not words or words[0] not in command.commands:
            return words[:1]
        command = command.commands[words.pop(0)]
    known = {"--help", "--debug", *(flag for option in command.params for flag in option.opts)}
    known |= {flag for option in command.params for flag in option.secondary_opts}
    flags = []
    for word in words:
        if _ends(word):
            break
        if word.startswith("--"):
            flags.append(word.split("=")[0].rstrip(",.;:)"))
    return [flag for flag in flags if flag not in known]


COMMAND = typer.main.get_command(app)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_exists(page: Path) -> None:
    unknown = {
        line: found
        for line in _shown(page)
        if line.split()[0] not in PLANNED and (found := unknown_words(COMMAND, line))
    }
    assert unknown == {}


def test_unknown_words_are_found() -> None:
    assert _shown(ROOT / "README.md")
    assert unknown_words(COMMAND, "record --session a --no-such-flag 3") == ["--no-such-flag"]
    assert unknown_words(COMMAND, "sessions nonsense") == ["nonsense"]
    assert unknown_words(COMMAND, "build --out set.h5  # comment") == []
