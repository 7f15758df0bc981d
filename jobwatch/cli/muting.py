"""`jobwatch mute`, `mutes` and `unmute`: what a person already knows is not told, until it expires."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from rich.text import Text

from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.reading import View, job_name, look, named, written
from jobwatch.cli.screen import OutputFormat, Screen, cell, complain, fitted
from jobwatch.cli.text import count, moment, plain
from jobwatch.core.muting import Mute, Silence
from jobwatch.store.documents import mute_document
from jobwatch.store.muting import Silenced

REASON_LENGTH = 200
"""Characters of a reason."""

_GLOB = frozenset("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a person asks to be silenced, for how long, and why. `job` is SOURCE/ID."""

    source: str | None
    job: str | None
    description: str | None
    lasts: timedelta
    reason: str


def begin_mute(config: Path | None, order: Order, output: OutputFormat) -> None:
    """Begin a mute, and say what it silences."""
    asked = _silence(order)

    async def show(view: View) -> None:
        silence = await _scoped(view, asked)
        doubts = await _doubts(view, silence)
        fitting = await view.store.silenced(silence)
        mute = await view.store.mute(silence, until=view.now + order.lasts)
        screen = Screen()
        if output is OutputFormat.JSON:
            shown = mute_document(mute, view.now)
            numbers = {"unfinished_jobs": fitting.jobs, "waiting_deliveries": fitting.waiting}
            screen.document({"mute": shown, **numbers})
        else:
            _tell(screen, mute, fitting, view.now)
        complain(plain(doubt) for doubt in doubts)

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


def _silence(order: Order) -> Silence:
    """What the words ask for. Raises `Failed` where they ask for nothing, or for too much at once."""
    parts = {
        "--source": order.source,
        "--job": order.job,
        "--description": order.description,
        "--reason": order.reason.strip(),
    }
    empty = [name for name, value in parts.items() if value == ""]
    if empty:
        raise Failed(f"{empty[0]} is empty", code=Exit.MISUSED)
    if order.source is None and order.job is None and order.description is None:
        raise Failed(
            "say what to mute: --source, --job or --description; --source '*' mutes every source",
            code=Exit.MISUSED,
        )
    source, job = order.source, None
    if order.job is not None:
        if source is not None:
            raise Failed("--job names its source itself: leave --source out", code=Exit.MISUSED)
        meant = job_name(order.job)
        source, job = meant.source, written("", *meant.key)
    reason = order.reason.strip()[:REASON_LENGTH]
    return Silence(source=source, job=job, description=order.description, reason=reason)


async def _scoped(view: View, silence: Silence) -> Silence:
    """The silence, with the vault of its job where one job alone has that id."""
    if silence.job is None:
        return silence
    found = await named(view, job_name(written(silence.source or "", "", silence.job)))
    return replace(silence, job=written("", *found.key))


async def _doubts(view: View, silence: Silence) -> Sequence[str]:
    """What may be a slip of the pen. Raises `Failed` for a source that is not there, unless a glob asks for it."""
    if silence.source is None:
        return ()
    if not _GLOB & set(silence.source):
        await view.check_source(silence.source)
    if silence.job is not None:
        meant = job_name(written(silence.source, "", silence.job))
        known = await view.store.job(meant.source, meant.key)
        name = written(meant.source, *meant.key)
        return () if known else (f"no job {name} was seen yet; the mute waits for it",)
    sources = {*view.settings.sources, *(each.identity.name for each in await view.store.sources())}
    if any(fnmatchcase(name, silence.source) for name in sources):
        return ()
    return (f"no source fits {silence.source}; there are {', '.join(sorted(sources))}",)


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
