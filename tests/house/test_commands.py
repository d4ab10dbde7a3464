"""Every command explains itself, is in the README, and fails in one line."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


def _commands() -> list[tuple[str, ...]]:
    """Return the words of every command, groups opened."""
    words: list[tuple[str, ...]] = []
    for command in app.registered_commands:
        name = command.name or getattr(command.callback, "__name__", "")
        words.append((name.replace("_", "-"),))
    for group in app.registered_groups:
        inner = group.typer_instance
        assert inner is not None
        for command in inner.registered_commands:
            name = command.name or getattr(command.callback, "__name__", "")
            words.append((str(group.name), name.replace("_", "-")))
    return words


COMMANDS = _commands()


def test_the_commands_of_the_users_card_exist() -> None:
    assert {("record",), ("build",), ("pretrain",), ("finetune",), ("review",)} <= set(COMMANDS)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_command_has_help_and_stands_in_the_readme(words: tuple[str, ...], kincap: Run) -> None:
    done = kincap(*words, "--help")
    assert done.returncode == 0
    said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    assert len(said[1]) > 15, "the help's second line says what the command does"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert words[-1] in readme
    assert words[0] in readme


@pytest.mark.parametrize("args", [("nonsense",), ("record",), ("build", "--no-such-flag")])
def test_bad_usage_is_one_line_and_exit_2(args: tuple[str, ...], kincap: Run) -> None:
    done = kincap(*args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("kincap: ")
