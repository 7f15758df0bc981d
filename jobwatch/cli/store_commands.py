"""The commands about the store as a file, and their options: what each one does stands in `cli.backup`."""

# ruff: noqa: PLC0415  each command imports what it needs, so that `version` and `--help` answer at once

from pathlib import Path
from typing import Annotated

import typer

from jobwatch.cli.options import Config, Group, Output
from jobwatch.cli.screen import OutputFormat

app = typer.Typer()


@app.command(rich_help_panel=Group.STORE)
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - is standard output.")],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Copy the store as it is now into a file, daemon running or not."""
    from jobwatch.cli.backup import back_up

    back_up(config, file, output, force=force)


@app.command(rich_help_panel=Group.STORE)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup of a store.")],
    *,
    force: Annotated[
        bool,
        typer.Option("--force", help="Where there is a store already: keep it beside its place."),
    ] = False,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Put a backup in the place of the store, while no daemon runs."""
    from jobwatch.cli.backup import put_back

    put_back(config, file, output, force=force)
