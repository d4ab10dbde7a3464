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
    for title, forms in (
        ("Nets at width 1, for kincap's 13 keypoints", [entry.ours for entry in entries]),
        ("The same for the keypoints of their papers", [entry.paper for entry in entries]),
    ):
        table(
            ("net", "keypoints", "maps, limbs", "input", "weights", "with biases", "GMAC"),
            [
                (
                    entry.name,
                    form.keypoints,
                    "" if form.joint_maps is None else f"{form.joint_maps}, {form.limbs}",
                    f"{form.size} px",
                    f"{form.cost.weights:,}",
                    f"{form.cost.parameters:,}",
                    f"{form.cost.macs / GIGA:.3f}",
                )
                for entry, form in zip(entries, forms, strict=True)
            ],
            title=title,
            right=(1, 2, 3, 4, 5, 6),
        )
    table(
        ("net", "about", "source"),
        [(entry.name, entry.about, entry.source) for entry in entries],
        title="What they are",
    )
