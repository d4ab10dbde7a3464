"""Flags of ``record`` that are read without typer mean what typer reads."""

import pytest
import typer
import typer.core

from kincap.cli.daemon.quick_words import quick_arguments
from kincap.cli.main import make_app
from kincap.cli.record import record

GROUP = typer.main.get_command(make_app(["record"]))
assert isinstance(GROUP, typer.core.TyperGroup)
COMMAND = GROUP.commands["record"]

READ = [
    "--session one",
    "--session one --frames 30 --json",
    "--session one --duration 2.5 --no-report --strict",
    "--session one --duration 3 --report --standalone",
    "--session one --tag a --tag b --note x",
    "--session one --recordings some/where --source simulator:outfit=3,seed=1 --streams color,mask",
    "--session one --session two --shard-mib 64 --countdown 3 --start-when body --preview",
    "--frames 007 --session x",
]
LEFT_TO_TYPER = [
    "",
    "--frames 3",
    "--session",
    "--session one --frames",
    "--session one --frames three",
    "--session one --frames -3",
    "--session one --frames 3.0",
    "--session one --frames 1_000",
    "--session one --frames \u0663",
    "--session one --duration nan",
    "--session one --duration 1.2.3",
    "--session=one",
    "--session one --help",
    "--session one --fra 3",
    "--session one two",
    "--session one -- x",
    "--session --frames 3",
]


@pytest.mark.parametrize("line", READ)
def test_what_is_read_is_what_typer_reads(line: str) -> None:
    found = quick_arguments(record, line.split())
    assert found is not None
    expected = COMMAND.make_context("record", line.split()).params
    assert {name: expected[name] for name in found} == found
    usual = COMMAND.make_context("record", ["--session", "x"]).params
    assert {name: expected[name] for name in expected if name not in found} == {
        name: usual[name] for name in usual if name not in found
    }


def test_what_is_empty_is_read() -> None:
    assert quick_arguments(record, ["--session", "x", "--note", ""]) == {"session": "x", "note": ""}


@pytest.mark.parametrize("line", LEFT_TO_TYPER)
def test_anything_else_is_left_to_typer(line: str) -> None:
    assert quick_arguments(record, line.split(" ") if line else []) is None
