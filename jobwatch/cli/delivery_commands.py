"""The commands of those who attend to deliveries, and their options. What each one does stands in a module of its own."""

# ruff: noqa: PLC0415  each command imports what it needs, so that `version` and `--help` answer at once
# ruff: noqa: PLR0913  the options of a command are the parameters of its function

from datetime import timedelta
from typing import Annotated

import typer

from jobwatch.cli.options import Config, Group, Output, duration
from jobwatch.cli.screen import OutputFormat

LARGEST_NUMBER = 2**62
MOST_AT_ONCE = 10_000
SHORTEST_MUTE, LONGEST_MUTE = timedelta(minutes=1), timedelta(days=90)

app = typer.Typer()


def _mute_length(text: str) -> timedelta:
    """Read how long a mute lasts. Raises `typer.BadParameter`."""
    lasts = duration(text)
    if not SHORTEST_MUTE <= lasts <= LONGEST_MUTE:
        raise typer.BadParameter("a mute lasts from 1m to 90d")
    return lasts


@app.command(rich_help_panel=Group.ATTEND)
def receivers(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME | pause NAME | resume NAME | test NAME",
            help="One receiver alone, with more of it; or pause it, resume it, send it a test.",
        ),
    ] = None,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """How each receiver fares: state and why, what waits for it, last error."""
    from jobwatch.cli.receivers import TEST, run_receivers

    match words:
        case [verb, name] if verb == TEST:
            from jobwatch.cli.receiver_test import try_receiver

            try_receiver(config, name, output)
        case _:
            run_receivers(config, words or [], output)


@app.command(rich_help_panel=Group.ATTEND)
def redeliver(
    delivery: Annotated[
        int | None,
        typer.Argument(metavar="ID", min=1, max=LARGEST_NUMBER, help="The number of one delivery."),
    ] = None,
    *,
    receiver: Annotated[
        str | None,
        typer.Option("--receiver", metavar="NAME", help="Everything given up for this receiver."),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="TIME", help="Given up since: 2h (ago), or 2026-11-21T20:00:00Z."
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=MOST_AT_ONCE, help="At most so many at once.")
    ] = MOST_AT_ONCE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be sent again.")
    ] = False,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Send again, with the same id: one delivery, or what was given up since a time."""
    from jobwatch.cli.redelivering import Wanted, send_again

    wanted = Wanted(delivery=delivery, receiver=receiver, since=since, limit=limit, dry_run=dry_run)
    send_again(config, wanted, output)


@app.command(rich_help_panel=Group.ATTEND)
def mute(
    *,
    lasts: Annotated[
        timedelta,
        typer.Option(
            "--for", parser=_mute_length, metavar="DURATION", help="How long: from 1m to 90d."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why, in your words.")],
    source: Annotated[
        str | None, typer.Option("--source", metavar="GLOB", help="News of these sources.")
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="SOURCE/ID", help="News of this job.")
    ] = None,
    description: Annotated[
        str | None,
        typer.Option("--description", metavar="GLOB", help="News of jobs described so."),
    ] = None,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Silence what you know already; it expires by itself. All options have to fit."""
    from jobwatch.cli.muting import Order, begin_mute

    order = Order(source=source, job=job, description=description, lasts=lasts, reason=reason)
    begin_mute(config, order, output)


@app.command(rich_help_panel=Group.ATTEND)
def mutes(
    *,
    ended: Annotated[
        bool, typer.Option("--ended", help="Also those that are over, the newest first.")
    ] = False,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """What is muted, until when, and why."""
    from jobwatch.cli.muting import show_mutes

    show_mutes(config, output, ended=ended)


@app.command(rich_help_panel=Group.ATTEND)
def unmute(
    number: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=LARGEST_NUMBER, help="The number of a mute.")
    ],
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """End a mute before its time."""
    from jobwatch.cli.muting import end_mute

    end_mute(config, number, output)
