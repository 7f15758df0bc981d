"""`jobwatch sources sweep NAME`: read all jobs of one source now.

A daemon that holds the store is asked to, because only one process may write; without one, this process does it.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.status import Status

from jobwatch import logs
from jobwatch.app.clock import utc_now
from jobwatch.app.sweeping import sweep_one
from jobwatch.cli.configuration import load_quietly
from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.reading import OWNER
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.cli.source_page import error_words
from jobwatch.cli.text import ago, count, instant, length, plain
from jobwatch.core.errors import StoreLocked
from jobwatch.core.overview import LastSweep, SourceState, Spending
from jobwatch.core.plan import SweepKind
from jobwatch.settings import Settings, everything
from jobwatch.store import Store
from jobwatch.store.documents import source_document, sweep_document
from jobwatch.story.words import WITHHELD, said

PATIENCE = timedelta(minutes=2)
POLL_SECONDS = 0.5
SAME_PAUSE = timedelta(seconds=1)
"""The end of a pause is told from two clocks; that of another pause lies fifteen seconds later at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How a sweep that was asked for ended. `waiting` are deliveries that nobody sends before a daemon runs.

    `withheld`: no call went out for it.
    """

    state: SourceState
    by: Literal["daemon", "command"]
    done: bool
    withheld: bool = False
    waiting: int = 0

    @property
    def sweep(self) -> LastSweep | None:
        """What it cost; None where a hot sweep came after it, or it did not end."""
        last = self.state.last_sweep
        return last if self.done and last is not None and last.kind == SweepKind.FULL else None

    @property
    def failed(self) -> bool:
        """Whether it broke, rather than not having ended yet."""
        return not self.done and bool(self.state.failures)


def sweep_source(config: Path | None, name: str, patience: timedelta, output: OutputFormat) -> None:
    """Sweep a source and say how that went. Raises `Failed` where it went wrong or took too long."""
    settings = load_quietly(config, everything)
    if settings.log.level != "debug":
        # What breaks a sweep is told once, by this command.
        logs.configure("error", settings.log.format)
    _check(settings, name)
    with _progress(output) as progress:
        swept = asyncio.run(_sweep(settings, name, patience, progress))
    screen = Screen()
    if output is OutputFormat.JSON:
        screen.document(
            {
                "source": source_document(swept.state),
                "done": swept.done,
                "by": swept.by,
                "sweep": sweep_document(swept.sweep),
                "deliveries_waiting": swept.waiting,
            }
        )
    elif swept.done:
        _tell(screen, swept)
    if not swept.done:
        raise Failed(_why_not(swept, patience))


def _check(settings: Settings, name: str) -> None:
    if name in settings.sources:
        return
    close = get_close_matches(name, list(settings.sources), n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(settings.sources)}"
    raise Failed(f"the configuration has no source {plain(name, 64)}; {hint}", code=Exit.MISUSED)


@contextmanager
def _progress(output: OutputFormat) -> Iterator[Status | None]:
    """Something that moves while a person waits at a terminal, beside the output."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    if output is OutputFormat.JSON or not console.is_terminal:
        yield None
        return
    with console.status("reading all jobs") as status:
        yield status


async def _sweep(
    settings: Settings, name: str, patience: timedelta, progress: Status | None
) -> Swept:
    asked_at = utc_now()
    try:
        state = await sweep_one(settings, name)
    except StoreLocked:
        return await _ask(settings, name, patience, progress)
    done = _is_done(state, asked_at)
    tried = state.last_error is not None and state.last_error.at >= asked_at
    return Swept(
        state=state,
        by="command",
        done=done,
        withheld=not done and not tried and _pause(state, asked_at) is not None,
        waiting=await _waiting(settings),
    )


async def _waiting(settings: Settings) -> int:
    store = await Store.open(settings.store, owner=OWNER, clock=utc_now, exclusive=False)
    try:
        return sum(depth.pending for depth in (await store.overview()).outbox)
    finally:
        await store.close()


async def _ask(
    settings: Settings, name: str, patience: timedelta, progress: Status | None
) -> Swept:
    """Ask the daemon, and look until it is done, broken, or patience ends."""
    store = await Store.open(settings.store, owner=OWNER, clock=utc_now, exclusive=False)
    try:
        before, asked_at = await _state(store, name), utc_now()
        if before is None or not await store.ask_sweep(name, asked_at):
            raise Failed(
                f"the daemon that holds the store does not watch {plain(name, 64)} yet: restart it"
            )
        state = before
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + patience.total_seconds()
        while loop.time() < ends_at:
            await asyncio.sleep(POLL_SECONDS)
            state = await _state(store, name) or state
            if progress is not None:
                progress.update(plain(_so_far(state)))
            if _is_done(state, asked_at) or _is_broken(before, state, asked_at):
                break
        done = _is_done(state, asked_at)
        withheld = not done and _is_same_pause(before, state, asked_at)
        return Swept(state=state, by="daemon", done=done, withheld=withheld)
    finally:
        await store.close()


async def _state(store: Store, name: str) -> SourceState | None:
    return next((each for each in await store.sources() if each.identity.name == name), None)


def _is_done(state: SourceState, asked_at: datetime) -> bool:
    """Whether a full sweep that began after it was asked for was complete."""
    return state.all_data_at is not None and state.all_data_at >= asked_at


def _is_broken(before: SourceState, state: SourceState, asked_at: datetime) -> bool:
    """Whether a sweep broke since. One that is withheld keeps the error from before, but counts."""
    if not state.failures or state.last_error is None:
        return False
    return state.last_error.at >= asked_at or state.failures > before.failures


def _pause(state: SourceState, at: datetime) -> datetime | None:
    """Until when no call goes out, where that holds at this time."""
    until = state.spending.withheld_until if state.spending else None
    return until if until is not None and until > at else None


def _is_same_pause(before: SourceState, state: SourceState, asked_at: datetime) -> bool:
    """Whether calls are withheld as they were before: a call that failed would have begun another pause."""
    was, now = _pause(before, asked_at), _pause(state, utc_now())
    return was is not None and now is not None and abs(now - was) < SAME_PAUSE


def _so_far(state: SourceState) -> str:
    walk, paused = state.walk, _pause(state, utc_now())
    if paused is not None:
        return f"no call goes out before {instant(paused)}"
    if walk is None:
        return "reading all jobs"
    return f"reading all jobs: {count(walk.pages, 'page')}, {count(walk.listed, 'job')} so far"


def _tell(screen: Screen, swept: Swept) -> None:
    state, sweep = swept.state, swept.sweep
    cost = ""
    if sweep is not None:
        pages, calls = count(sweep.pages, "page"), count(sweep.calls, "call")
        cost = f" in {pages} and {calls}, {sweep.took.total_seconds():.1f} s"
    screen.words(
        f"{plain(state.identity.name)}: {count(state.listed, 'job')} read{cost}; "
        f"{state.unfinished:,} unfinished"
    )
    if swept.waiting:
        waiting = count(swept.waiting, "delivery waits", "deliveries wait")
        screen.words(f"{waiting} for `jobwatch run` or `jobwatch once`")


def _why_not(swept: Swept, patience: timedelta) -> str:
    state = swept.state
    name = state.identity.name
    if swept.withheld and state.spending is not None:
        return _withheld(swept, state.spending)
    if swept.failed and state.last_error is not None:
        again = "; the daemon tries again" if swept.by == "daemon" else ""
        return f"{name} could not be swept: {error_words(state.last_error)}{again}"
    return (
        f"{name} is not swept after {length(patience)}: {_so_far(state)}; "
        f"the daemon goes on, `jobwatch sources {name}` shows how far"
    )


def _withheld(swept: Swept, calls: Spending) -> str:
    """That nothing was asked, why and until when; what was answered before is said as such."""
    state, name, until = swept.state, swept.state.identity.name, calls.withheld_until
    told = f"until {instant(until)} ({ago(until, utc_now())})" if until is not None else "for now"
    before = f", the last with {error_words(state.last_error)}" if state.last_error else ""
    then = "the daemon sweeps then" if swept.by == "daemon" else "try again then"
    return (
        f"{name} was not asked: calls are withheld {told}, because "
        f"{said(WITHHELD, calls.withheld_reason)}{before}; {then}, and "
        "`jobwatch check --online` calls now"
    )
