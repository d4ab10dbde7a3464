"""Help texts have the usual form, whatever typer makes of a command's types."""

import re

import pytest
from typer.testing import CliRunner

from kincap.cli.help_text import plain_help
from kincap.cli.main import app


def _commands() -> list[tuple[str, ...]]:
    groups = [group for group in app.registered_groups if group.typer_instance is not None]
    alone = [((), command) for command in app.registered_commands]
    inside = [
        ((str(group.name),), command)
        for group in groups
        for command in group.typer_instance.registered_commands
    ]
    return [
        (*words, (command.name or command.callback.__name__).replace("_", "-"))
        for words, command in alone + inside
    ]


@pytest.mark.parametrize("words", [(), ("sessions",), *_commands()], ids=" ".join)
def test_a_help_text_has_no_types_of_python(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "100"})
    assert done.exit_code == 0
    usage = done.stdout.split("\n\n")[0]
    assert usage.startswith("Usage: ")
    assert not re.search(r"[{}<>]", usage)
    assert not re.search(r"<(str|int|float|path|list)", done.stdout)
    assert "default: (" not in done.stdout
    assert "None" not in done.stdout


def test_columns_stay_where_they_are() -> None:
    text = (
        "Usage: kincap show [OPTIONS] {name} {RECORDING...}...\n\n  Show <str>.\n\n"
        "Arguments:\n  name <str>  The name.  [required]\n  RECORDING... <list[str]>  Files.\n\n"
        "Options:\n  --port <int range>  A port.\n  --out <path>        A file.\n"
    )
    assert plain_help(text) == (
        "Usage: kincap show [OPTIONS] NAME RECORDING...\n\n  Show <str>.\n\n"
        "Arguments:\n  NAME        The name.  [required]\n  RECORDING...              Files.\n\n"
        "Options:\n  --port N            A port.\n  --out PATH          A file.\n"
    )
