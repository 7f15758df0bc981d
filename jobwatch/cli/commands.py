"""The commands and their options, and nothing else: what each one does stands in a module of its own.

To add a command, write its module and a function here.
"""

# ruff: noqa: PLC0415  each command imports what it needs, so that `version` and `--help` answer at once
# ruff: noqa: PLR0913  the options of a command are the parameters of its function

from datetime import timedelta
from typing import Annotated

import typer

from jobwatch.cli import delivery_commands, store_commands
from jobwatch.cli.options import (
    LAST_PORT,
    Config,
    Cursor,
    Group,
    JobArgument,
    Limit,
    Output,
    Seed,
    SourceName,
    Speed,
    duration,
)
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.version import version_document, version_line
from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome, Phase
from jobwatch.core.outbox import DeliveryState

FAULTS_HELP = (
    "What goes wrong, and how often of 1, such as 5xx:0.02; a wrong word names those there are."
)

app = typer.Typer(
    help="Watches batch jobs in the cloud and tells people how they end.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage or configuration, 3 a source could not be read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
more = typer.Typer()


@app.command(rich_help_panel=Group.RUN)
def run(config: Config = None) -> None:
    """Watch and tell, until Ctrl-C or SIGTERM: the daemon."""
    from jobwatch.cli.running import run_daemon

    run_daemon(config)


@app.command(rich_help_panel=Group.RUN)
def demo(
    lasts: Annotated[
        timedelta | None,
        typer.Option("--for", parser=duration, metavar="DURATION", help="Stop after this time."),
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
    """See it work without an account: a simulated cloud, the real daemon, a receiver."""
    from jobwatch.cli.demo import run_demo
    from jobwatch.cli.demo.plan import Plan

    run_demo(Plan(lasts=lasts, port=port, seed=seed, speed=speed))


@app.command(rich_help_panel=Group.RUN)
def check(
    *,
    online: Annotated[
        bool, typer.Option("--online", help="Also call every source once, and say what it costs.")
    ] = False,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Say whether the configuration is good, what it amounts to, and who is told what."""
    from jobwatch.cli.checking import show_check

    show_check(config, output, online=online)


@app.command(rich_help_panel=Group.RUN)
def health(
    *,
    ready: Annotated[
        bool, typer.Option("--ready", help="Ask whether every source was tried, too.")
    ] = False,
    timeout: Annotated[
        timedelta | None,
        typer.Option(
            "--timeout",
            parser=duration,
            metavar="DURATION",
            help="How long to wait for the answer; 3s where it is left out.",
        ),
    ] = None,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Ask the daemon whether it works: one line, and exit code 0 or 1."""
    from jobwatch.cli.health import show_health

    show_health(config, output, ready=ready, timeout=timeout)


@app.command(rich_help_panel=Group.RUN)
def once(config: Config = None, output: Output = OutputFormat.TABLE) -> None:
    """Read all jobs of every source once, deliver what is due, exit: for cron."""
    from jobwatch.cli.running import run_once

    run_once(config, output)


@app.command(rich_help_panel=Group.LOOK)
def sources(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME | sweep NAME",
            help="One source alone, with more of it; `sweep NAME` reads all of its jobs now.",
        ),
    ] = None,
    timeout: Annotated[
        timedelta | None,
        typer.Option(
            "--timeout",
            parser=duration,
            metavar="DURATION",
            help="With `sweep`: how long to wait for the daemon; 2m where it is left out.",
        ),
    ] = None,
    config: Config = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """How each source fares: last sweep, age of its data, calls, keys, last error."""
    from jobwatch.cli.sources import run_sources

    run_sources(config, words or [], timeout, output)


@app.command(rich_help_panel=Group.LOOK)
def jobs(
    *,
    source: SourceName = None,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="WORD", help="In this status, in the cloud's own word: Active."
        ),
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
    """Jobs as they were last seen; what changed last comes first."""
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


@app.command(rich_help_panel=Group.LOOK)
def job(name: JobArgument, config: Config = None, output: Output = OutputFormat.TABLE) -> None:
    """Everything recorded of one job: fields, pace, changes, deliveries."""
    from jobwatch.cli.job import show_job

    show_job(config, name, output)


@app.command(rich_help_panel=Group.LOOK)
def explain(name: JobArgument, config: Config = None, output: Output = OutputFormat.TABLE) -> None:
    """The story of one job: what was seen, who was told or why not, what comes next."""
    from jobwatch.cli.explaining import show_story

    show_story(config, name, output)


@app.command(rich_help_panel=Group.LOOK)
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
    """What happened that is worth telling, the newest last."""
    from jobwatch.cli.events import Wanted, show_events

    wanted = Wanted(source=source, type=event_type, job=job_name, limit=limit)
    show_events(config, wanted, follow=follow, output=output)


@app.command(rich_help_panel=Group.LOOK)
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
    """Who was told what, what they answered, what still waits; the newest first."""
    from jobwatch.cli.deliveries import show_deliveries
    from jobwatch.store.values import DeliveryFilter

    wanted = DeliveryFilter(receiver=receiver, state=state, source=source)
    show_deliveries(config, wanted, limit=limit, cursor=cursor, output=output)


@more.command(rich_help_panel=Group.MORE)
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
    faults: Annotated[str, typer.Option("--faults", metavar="SPEC", help=FAULTS_HELP)] = "",
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    output: Output = OutputFormat.TABLE,
) -> None:
    """The simulated cloud alone, until Ctrl-C, to try a configuration against."""
    from jobwatch.cli.simulating import Wanted, simulate_cloud

    wanted = Wanted(host=host, port=port, jobs=jobs, seed=seed, speed=speed, faults=faults)
    simulate_cloud(wanted, output)


@more.command(rich_help_panel=Group.MORE)
def schema() -> None:
    """The JSON Schema of the configuration, with what each key is for; editors complete and check by it."""
    from jobwatch.settings import json_schema

    Screen().document(json_schema())


@more.command(rich_help_panel=Group.MORE)
def version(output: Output = OutputFormat.TABLE) -> None:
    """The version of this program."""
    if output is OutputFormat.JSON:
        Screen().document(version_document())
    else:
        Screen().words(version_line())


# The help has them in this order.
for part in (delivery_commands.app, store_commands.app, more):
    app.add_typer(part)
