"""Help texts have the usual form, whatever typer makes of a command's types."""

import re
from typing import Any

import pytest
import typer.main
from typer.core import TyperGroup
from typer.testing import CliRunner

from kincap.cli.help_text import plain_help
from kincap.cli.main import app, make_app


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


def _described(command: Any) -> Any:
    """Return what a command, or a group with its commands, says of itself."""
    inside = {name: _described(one) for name, one in getattr(command, "commands", {}).items()}
    flags = [(one.name, one.opts, getattr(one, "help", "")) for one in command.params]
    return command.help, flags, inside


def test_a_command_is_the_same_when_it_is_loaded_alone() -> None:
    whole = typer.main.get_command(make_app())
    assert isinstance(whole, TyperGroup)
    assert len(whole.commands) > 12
    for name, command in whole.commands.items():
        alone = typer.main.get_command(make_app([name, "--help"]))
        assert isinstance(alone, TyperGroup)
        assert len(alone.commands) <= 2
        assert _described(alone.commands[name]) == _described(command)


def test_an_application_that_is_made_again_has_no_command_twice() -> None:
    def commands() -> list[int]:
        groups = [group.typer_instance for group in make_app().registered_groups]
        return [len(group.registered_commands) for group in groups if group is not None]

    assert commands() == commands()


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
