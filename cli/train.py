"""Commands of this group: to come."""

import typer


def register(app: typer.Typer) -> None:
    """Add the group's commands."""
