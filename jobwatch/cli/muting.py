"""`jobwatch mute`, `mutes` and `unmute`: what a person already knows is not told, until it expires."""

from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from rich.text import Text

from jobwatch.cli.ending import Failed
from jobwatch.cli.reading import View, look, written
from jobwatch.cli.refusing import told_as_failure
from jobwatch.cli.screen import OutputFormat, Screen, cell, complain, fitted
from jobwatch.cli.text import count, moment, plain
from jobwatch.core.muting import Mute, Silence
from jobwatch.store import orders
from jobwatch.store.documents import mute_document
from jobwatch.store.muting import Silenced
from jobwatch.store.orders import MuteOrder

Order: TypeAlias = MuteOrder


def begin_mute(config: Path | None, order: Order, output: OutputFormat) -> None:
    """Begin a mute, and say what it silences."""
    with told_as_failure():
        silence = orders.silence_of(order, _option)

    async def show(view: View) -> None:
        until = view.now + order.lasts
        with told_as_failure():
            muted = await orders.begin_mute(
                view.store, silence, until=until, configured=view.settings.sources
            )
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document(muted.document(view.now))
        else:
            _tell(screen, muted.mute, muted.fitting, view.now)
        complain(plain(doubt) for doubt in muted.doubts)

    look(config, show)


def show_mutes(config: Path | None, output: OutputFormat, *, ended: bool) -> None:
    """List what is silenced now; with `ended` what was, too."""

    async def show(view: View) -> None:
        found = await view.store.mutes(ended=ended)
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document({"mutes": [mute_document(each, view.now) for each in found]})
        elif found:
            columns = ("mute", "silences", "until", "reason")
            rows = [_cells(each, view.now) for each in found]
            screen.print(fitted(screen, columns, rows))
        else:
            complain(["nothing is muted"])

    look(config, show)


def end_mute(config: Path | None, number: int, output: OutputFormat) -> None:
    """End a mute before its time."""

    async def show(view: View) -> None:
        if not await view.store.unmute(number):
            raise Failed(f"no mute {number} holds; `jobwatch mutes` lists those that do")
        screen = Screen()
        if output is OutputFormat.JSON:
            screen.document({"ended": number})
        else:
            screen.words(f"mute {number} has ended; what it silenced meanwhile stays unsent")
            screen.words("`jobwatch deliveries --state muted` lists it")

    look(config, show)


def silence_words(silence: Silence) -> str:
    """What a silence means: `job prod/job-1`, `source prod-*, description nightly*`."""
    parts = []
    if silence.job is not None:
        parts.append(f"job {written(silence.source or '', '', silence.job)}")
    elif silence.source is not None:
        parts.append(f"source {silence.source}")
    if silence.description is not None:
        parts.append(f"description {silence.description}")
    return ", ".join(parts)


def _option(part: str) -> str:
    """A part of an order as the command line has it."""
    return f"--{part}"


def _tell(screen: Screen, mute: Mute, fitting: Silenced, now: datetime) -> None:
    screen.words(f"mute {mute.id}: {plain(silence_words(mute.silence))}")
    screen.words(f"  until {moment(mute.expires_at, now)}")
    fits = f"{count(fitting.jobs, 'unfinished job fits', 'unfinished jobs fit')} now"
    dropped = count(fitting.waiting, "delivery that waited is", "deliveries that waited are")
    screen.words(f"  {fits}; {dropped} not sent")


def _cells(mute: Mute, now: datetime) -> tuple[Text, ...]:
    until = moment(mute.expires_at, now)
    if mute.ended_at is not None:
        until = f"ended {moment(mute.ended_at, now)}"
    style = "" if mute.holds(now) else "dim"
    return (
        Text(str(mute.id), style=style),
        cell(silence_words(mute.silence), style=style),
        cell(until, style=style),
        cell(mute.silence.reason, style=style),
    )
