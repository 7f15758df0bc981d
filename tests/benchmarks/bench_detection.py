"""What detection costs, and how late it is: G3, G12, and the table of docs/detection.md.

The daemon's own parts watch an account on loopback, under a clock that is moved by the pauses that `turn` asks for.
Calls are counted by the server.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from jobwatch.app import parts as parts_module
from jobwatch.app import watching
from jobwatch.app.parts import Parts
from jobwatch.core.plan import SweepKind
from jobwatch.detailer import release_details
from jobwatch.poller import turn
from jobwatch.simulator.script import JobScript, ends_at
from tests.benchmarks.account_server import Account, Content, Counts, account
from tests.benchmarks.daemon_parts import machine_speed, opened
from tests.benchmarks.delays import Delays, delays
from tests.benchmarks.page_server import pin
from tests.benchmarks.population import START, flow, running, short
from tests.benchmarks.rows import Row, median, percentile

T = TypeVar("T")

HOUR = timedelta(hours=1)
PAGES = 1000
"""Pages of the whole list of a million jobs. For G12 they hold few jobs each: it is calls that are counted."""

THIN = 20
ENDINGS_APART = timedelta(days=90) / 1_000_000
"""A million jobs listed for 90 days end in this rhythm."""

CALL = timedelta(milliseconds=100)
"""The simulated time that a call takes: ten calls a second is also what the default rate limit allows."""

SHORT_APART = timedelta(seconds=30)
HOT_SWEEPS = 60


def detection_rows() -> list[Row]:
    """Print the tables, and give the bars."""
    pin()
    spared, lines = _spared()
    rows = [*_hot_rows(), *spared]
    print("\n".join(["", *_table(), "", *lines, ""]), flush=True)
    return rows


# ── the daemon's parts under the account's clock ─────────────────────────────────────


def _watched(
    content: Content, work: Callable[[Account, Parts], Coroutine[Any, Any, T]], **source: Any
) -> T:
    """Let work be done on an account that was read once."""

    async def run(made: Account, port: int, folder: Path) -> T:
        async with _parts(made, port, folder, **source) as parts:
            await _live(made, parts, made.now() + timedelta(microseconds=1))
            return await work(made, parts)

    with tempfile.TemporaryDirectory() as folder, account(content) as (made, port):
        return asyncio.run(run(made, port, Path(folder)))


@asynccontextmanager
async def _parts(made: Account, port: int, folder: Path, **source: Any) -> AsyncIterator[Parts]:
    for module in (parts_module, watching):
        setattr(module, "utc_now", made.now)  # noqa: B010  mypy takes it for a mistake otherwise
    async with opened(port, folder, **source) as parts:
        prod = parts.watched["prod"].source
        prod.seconds, prod.chance = made.elapsed, Random(1).random
        yield parts


async def _live(made: Account, parts: Parts, until: datetime) -> None:
    """Turn the loops of the source until then, as the daemon does."""
    watched = parts.watched["prod"]
    while made.now() < until:
        pause = await turn(watched.source)
        pause = min(pause, await release_details(watched.detailer))
        await _check(parts)
        if not watched.source.inbox:
            made.advance(max(timedelta(), min(pause, until - made.now())))


async def _check(parts: Parts) -> None:
    """A sweep that broke costs little: it must not pass for a good figure."""
    source = parts.watched["prod"].source
    state = await source.store.source(source.lease)
    if state.failures:
        raise RuntimeError(f"a sweep broke: {state.last_error}")


# ── G3: one hot sweep ────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Hot:
    calls: list[int] = field(default_factory=list)
    beyond: list[int] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)


def _hot_rows() -> list[Row]:
    scripts = flow(50, START + 2 * HOUR)
    content = Content(scripts=scripts, archive_pages=100)

    async def work(made: Account, parts: Parts) -> _Hot:
        return await _hot_sweeps(made, parts, scripts)

    found = _watched(content, work, every="30s", full_sweep_every="7d")
    speed, milliseconds = median(found.speeds), median(found.milliseconds)
    scaled = f"{milliseconds:.1f} ms, least {min(found.milliseconds):.1f}, x {speed:.2f}"
    many = f"{len(found.calls)} hot sweeps, 100,000 ended, 50 not"
    return [
        Row(
            "G3", f"calls without one per job that ended, most of {many}", max(found.beyond), 12, ""
        ),
        Row("G3", f"processor of a hot sweep ({scaled})", milliseconds * speed, 20, "ms"),
    ]


async def _hot_sweeps(made: Account, parts: Parts, scripts: list[JobScript]) -> _Hot:
    watched, found = parts.watched["prod"], _Hot()
    source = watched.source
    while len(found.calls) < HOT_SWEEPS:
        before, began_at = made.counted(), made.now()
        made.advance(timedelta(seconds=33))
        found.speeds.append(machine_speed(1))  # between sweeps, when others have had the caches
        cpu = await _processor(turn(source))
        calls = made.counted().since(before)
        state = await source.store.source(source.lease)
        assert state.last_sweep
        assert state.last_sweep.kind == SweepKind.HOT
        assert state.last_sweep.calls == calls.all >= 10
        ended = sum(began_at < (ends_at(each) or START) <= made.now() for each in scripts)
        found.calls.append(calls.all)
        found.beyond.append(calls.all - ended)
        found.milliseconds.append(cpu * 1000)
        await release_details(watched.detailer)
        await _check(parts)
    return found


async def _processor(work: Awaitable[object]) -> float:
    began = time.process_time()
    await work
    return time.process_time() - began


# ── G12: what hot sweeps spare ───────────────────────────────────────────────────────


def _spared() -> tuple[list[Row], list[str]]:
    """The bars, for jobs that run on, and what ending ones add to that."""
    rows: list[Row] = []
    lines = [
        "| 1,000 unfinished of a million | walking everything | hot sweeps alone | with a full one every 2 h |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name, scripts in (
        ("none ends", running(1000)),
        ("463 end an hour", flow(1000, START + 5 * HOUR, ending_every=ENDINGS_APART)),
    ):
        content = Content(scripts=scripts, archive_pages=PAGES, page_size=THIN)
        (walking,) = _hourly(content, HOUR / 12, full_sweep_every="30s")
        # Of the two hours after the first one, one full sweep falls into the middle.
        alone, both = _hourly(content, HOUR, 2 * HOUR, full_sweep_every="2h")
        assert alone.full == 0 < both.full
        # A hot sweep that is due goes before a full one: who walks everything would not make it.
        peer = walking._replace(hot=0)
        lines.append(f"| {name} | {_spent(peer)} | {_spent(alone)} | {_spent(both)} |")
        if not rows:
            what = f"calls/h, 1,000 unfinished, {name}: {peer.all} walking"
            rows = [
                Row("G12", f"{what} / {alone.all} hot", peer.all / alone.all, 80, least=True),
                Row("G12", f"{what} / {both.all} 2h", peer.all / both.all, 50, least=True),
            ]
    return rows, lines


def _spent(calls: Counts) -> str:
    return f"{calls.hot + calls.full:,} + {calls.described:,} DescribeJob"


def _hourly(content: Content, *lengths: timedelta, **source: Any) -> list[Counts]:
    """Calls an hour, by what was counted in times that follow each other."""

    async def work(made: Account, parts: Parts) -> list[Counts]:
        found = []
        for length in lengths:
            before, began_at = made.counted(), made.now()
            await _live(made, parts, began_at + length)
            each = made.counted().since(before)
            found.append(Counts(*(round(calls * (HOUR / length)) for calls in each)))
        return found

    return _watched(content, work, every="30s", **source)


# ── the table ────────────────────────────────────────────────────────────────────────


def _table() -> list[str]:
    lines = [
        "| listed jobs | calls a minute | lists of a status | whole list | DescribeJob | known jobs | never seen before |",
        "| ---: | ---: | ---: | ---: | ---: | --- | --- |",
    ]
    until = START + HOUR
    scripts = [*flow(50, until + HOUR), *short(until, apart=SHORT_APART)]
    for listed, archive in (
        (100, Content(scripts=scripts, archive_pages=1, page_size=50, call=CALL)),
        (10_000, Content(scripts=scripts, archive_pages=10, call=CALL)),
        (100_000, Content(scripts=scripts, archive_pages=100, call=CALL)),
    ):
        counts, late = _lived(archive, scripts, until)
        assert not late.missed, f"{late.missed} endings were never told"
        each = " | ".join(
            f"{count / 60:.1f}" for count in (counts.all, counts.hot, counts.full, counts.described)
        )
        lines.append(f"| {listed:,} | {each} | {_words(late.known)} | {_words(late.unseen)} |")
    return lines


def _lived(content: Content, scripts: list[JobScript], until: datetime) -> tuple[Counts, Delays]:
    async def work(made: Account, parts: Parts) -> tuple[Counts, Delays]:
        before, began_at = made.counted(), made.now()
        await _live(made, parts, began_at + HOUR)
        counts = made.counted().since(before)
        await _live(made, parts, began_at + HOUR + timedelta(minutes=15))  # what is told late, too
        return counts, await delays(parts.store, scripts, (began_at, until))

    return _watched(content, work, every="30s", full_sweep_every="10m")


def _words(seconds: list[float]) -> str:
    if not seconds:
        return "none"
    p95 = percentile(seconds, 0.95)
    return f"{_time(median(seconds))}, {_time(p95)}, {_time(max(seconds))} (of {len(seconds)})"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
