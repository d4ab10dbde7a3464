"""The command ``kincap nets``."""

import typer

from ..console import print_json, table
from ..options import Json

GIGA = 10**9


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(nets)


def nets(json: Json = False) -> None:
    """List the nets that --model accepts, with size and cost."""
    from ...train.nets.catalogue import SCHEMA, list_nets

    entries = list_nets()
    if json:
        print_json({"schema": SCHEMA, "nets": [entry.to_json() for entry in entries]})
        return
    table(
        ("net", "about", "input", "parameters", "GMAC", "keypoints, paper", "weights, paper"),
        [
            (
                entry.name,
                entry.about,
                f"{entry.ours.size} px",
                f"{entry.ours.cost.parameters:,}",
                f"{entry.ours.cost.macs / GIGA:.3f}",
                entry.paper.keypoints,
                f"{entry.paper.cost.weights:,}",
            )
            for entry in entries
        ],
        title="Nets at width 1, for kincap's 13 keypoints and for the keypoints of their papers",
        right=(2, 3, 4, 5, 6),
    )
