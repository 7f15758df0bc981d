"""The commands and their options, and nothing else: what each one does stands in a module of its own.

To add a command, write its module and a function here.
"""

# ruff: noqa: PLC0415  each command imports what it needs, so that `version` and `--help` answer at once
# ruff: noqa: PLR0913  the options of a command are the parameters of its function

from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.version import version_document, version_line
from jobwatch.core.durations import parse_duration
from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome, Phase
from jobwatch.core.outbox import DeliveryState

MOST_ROWS = 1000
LAST_PORT = 65_535

app = typer.Typer(
    help="Watches batch jobs in the cloud and tells people how they end.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 a source could not be read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _duration(text: str) -> timedelta:
    try:
        duration = parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if not duration:
        raise typer.BadParameter("must be longer than nothing")
    return duration


Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration; else $JOBWATCH_CONFIG, ./jobwatch.yaml, /etc/jobwatch/jobwatch.yaml.",
    ),
]
Output: TypeAlias = Annotated[
    OutputFormat,
    typer.Option("--output", help="A table for people, or one JSON document for programs."),
]
SourceName: TypeAlias = Annotated[
    str | None, typer.Option("--source", metavar="NAME", help="Of this source alone.")
]
Limit: TypeAlias = Annotated[
    int, typer.Option("--limit", min=1, max=MOST_ROWS, help="At most so many.")
]
Cursor: TypeAlias = Annotated[
    str | None,
    typer.Option("--cursor", metavar="TEXT", help="Go on where the list before this one ended."),
]
Seed: TypeAlias = Annotated[int, typer.Option("--seed", help="The same seed, the same jobs.")]
Speed: TypeAlias = Annotated[
    float, typer.Option("--speed", min=0.01, max=10_000, help="How many times faster jobs live.")
]


@app.command()
def run(config: Config = None) -> None:
    """The daemon, until SIGTERM or SIGINT."""
    from jobwatch.cli.running import run_daemon

    run_daemon(config)


@app.command()
def demo(
    lasts: Annotated[
        timedelta | None,
        typer.Option("--for", parser=_duration, metavar="DURATION", help="Stop after this time."),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            "--port", min=0, max=LAST_PORT, help="Of the status page; a free one where it is taken."
        ),
    ] = 19_870,
    seed: Seed = 1,
    speed: Speed = 60.0,
) -> None:
    """Everything on loopback, no account needed: a simulated cloud, the real daemon, a receiver."""
    from jobwatch.cli.demo import run_demo
    from jobwatch.cli.demo.plan import Plan

    run_demo(Plan(lasts=lasts, port=port, seed=seed, speed=speed))


@app.command()
def check(config: Config = None, output: Output = OutputFormat.TABLE) -> None:
    """Validate the configuration and show what it amounts to, and who is told what."""
    from jobwatch.cli.checking import show_check

    show_check(config, output)


@app.command()
def once(config: Config = None, output: Output = OutputFormat.TABLE) -> None:
    """One full sweep of every source, deliver what is due, exit: for cron."""
    from jobwatch.cli.running import run_once

    run_once(config, output)


@app.command()
def sources(config: Config = None, output: Output = OutputFormat.TABLE) -> None:
    """How each source fares."""
    from jobwatch.cli.sources import show_sources

    show_sources(config, output)


@app.command()
def jobs(
    *,
    source: SourceName = None,
    status: Annotated[
        str | None, typer.Option("--status", metavar="WORD", help="In this status of the cloud.")
    ] = None,
    phase: Annotated[Phase | None, typer.Option("--phase", help="In this phase.")] = None,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="WORD", help="Doing this operation.")
    ] = None,
    outcome: Annotated[Outcome | None, typer.Option("--outcome", help="Ended so.")] = None,
    unfinished: Annotated[
        bool | None, typer.Option("--unfinished/--finished", help="Not ended yet, or ended.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Jobs as last recorded, the newest observation first."""
    from jobwatch.cli.jobs import show_jobs
    from jobwatch.store.values import JobFilter

    wanted = JobFilter(
        source=source,
        status=status,
        phase=phase,
        operation=operation,
        outcome=outcome,
        unfinished=unfinished,
    )
    show_jobs(config, wanted, limit=limit, cursor=cursor, output=output)


@app.command()
def job(
    name: Annotated[
        str, typer.Argument(metavar="SOURCE/ID", help="SOURCE/SCOPE/ID where a source has scopes.")
    ],
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Everything known of one job: its fields, its changes, who was told and why not."""
    from jobwatch.cli.job import show_job

    show_job(config, name, output)


@app.command()
def events(
    *,
    source: SourceName = None,
    event_type: Annotated[EventType | None, typer.Option("--type", help="Of this type.")] = None,
    job_name: Annotated[
        str | None,
        typer.Option("--job", metavar="SOURCE/ID", help="Of this job; an id alone will do."),
    ] = None,
    limit: Limit = 20,
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on with new events until Ctrl-C.")
    ] = False,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """The last events, the newest last."""
    from jobwatch.cli.events import Wanted, show_events

    wanted = Wanted(source=source, type=event_type, job=job_name, limit=limit)
    show_events(config, wanted, follow=follow, output=output)


@app.command()
def deliveries(
    *,
    receiver: Annotated[
        str | None, typer.Option("--receiver", metavar="NAME", help="To this receiver alone.")
    ] = None,
    state: Annotated[DeliveryState | None, typer.Option("--state", help="In this state.")] = None,
    source: SourceName = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Deliveries, the newest first."""
    from jobwatch.cli.deliveries import show_deliveries
    from jobwatch.store.values import DeliveryFilter

    wanted = DeliveryFilter(receiver=receiver, state=state, source=source)
    show_deliveries(config, wanted, limit=limit, cursor=cursor, output=output)


@app.command()
def simulate(
    *,
    port: Annotated[
        int, typer.Option("--port", min=0, max=LAST_PORT, help="0 takes a free one.")
    ] = 0,
    jobs: Annotated[
        int, typer.Option("--jobs", min=0, max=1_000_000, help="How many there are at the start.")
    ] = 40,
    seed: Seed = 0,
    speed: Speed = 1.0,
    faults: Annotated[
        str, typer.Option("--faults", metavar="SPEC", help="What goes wrong, such as 5xx:0.02.")
    ] = "",
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The simulated cloud alone, until Ctrl-C."""
    from jobwatch.cli.simulating import Wanted, simulate_cloud

    wanted = Wanted(host=host, port=port, jobs=jobs, seed=seed, speed=speed, faults=faults)
    simulate_cloud(wanted, output)


@app.command()
def schema() -> None:
    """The JSON Schema of the configuration."""
    from jobwatch.settings import json_schema

    Screen().document(json_schema())


@app.command()
def version(output: Output = OutputFormat.TABLE) -> None:
    """The version of this program."""
    if output is OutputFormat.JSON:
        Screen().document(version_document())
    else:
        Screen().words(version_line())
