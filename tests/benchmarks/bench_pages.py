"""What people and programs ask the daemon for: the pages and the JSON API, beside 200 sources and many jobs.

The jobs are one real page of them, as sweeps recorded it, many times over. Nothing is kept between two requests where
the cost of one is asked for; the crowd has what every crowd has.
"""

import asyncio
import itertools
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from jobwatch.app.assembling import open_parts
from jobwatch.app.parts import freeze_heap, open_store
from jobwatch.app.shapes import shapes
from jobwatch.app.view import Readiness, web_view
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.poller import sweep_safely
from jobwatch.settings import Settings
from jobwatch.web import WebView, build_app, serve
from tests.benchmarks.daemon_parts import Taken, configuration, measured, opened, provider_at
from tests.benchmarks.listing import MEMBERS
from tests.benchmarks.page_server import pin, served, show_version
from tests.benchmarks.rows import Row, median

SOURCES = 200
VERSIONS = 5
"""Fifty jobs of the page end one after the other, and have a story."""

UNFINISHED = 1000
ROUNDS = 7
VIEWERS = 50
CROWD_SECONDS = 5.0

ASKED = {
    "page": "/",
    "page of one source": "/?source=source_7",
    "list of jobs": "/jobs",
    "list of failed jobs": "/jobs?outcome=failed",
    "page of one job": "/jobs/{source}/{id}",
    "api: jobs": "/api/v1/jobs?limit=100",
    "api: failed jobs of a source": "/api/v1/jobs?limit=100&source=source_7&outcome=failed",
    "api: one job": "/api/v1/jobs/{source}/{id}",
    "api: sources": "/api/v1/sources",
    "api: events": "/api/v1/events?limit=100",
    "api: events of a type": "/api/v1/events?limit=100&type=job.failed",
    "api: deliveries": "/api/v1/deliveries?limit=100",
    "api: receivers": "/api/v1/receivers",
}

SECOND = 1_000_000

_MOVED = {
    "source_id": f"1 + (n % {SOURCES})",
    "row": f"n * {MEMBERS} + row",
    "job_id": "substr(job_id, 1, 28) || printf('%08x', n)",
    "observed_at": f"observed_at - n * {SECOND}",
    "fingerprint": "random()",
    "position": "NULL",
    "sequence": f"n * {MEMBERS} + sequence",
    "event_id": "event_id || '_' || n",
    "recorded_at": f"recorded_at - n * {SECOND}",
}
"""How what one page brought becomes what the nth did."""

_MOVED_OF = {
    "events": {"id": "id || '_' || n"},
    "deliveries": {
        "id": "NULL",
        "state": "'delivered'",
        "due_at": "NULL",
        "settled_at": "created_at",
    },
}
"""What was news then was told; only the first page's waits."""

CLIENT = """
import asyncio, json, os, sys, time
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {os.cpu_count() - 1})
import aiohttp
async def main(url, viewers, seconds, rounds):
    took = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        async def view():
            until = time.monotonic() + seconds
            for _ in range(rounds):
                began = time.monotonic()
                async with session.get(url) as answer:
                    await answer.read()
                    assert answer.status == 200, (url, answer.status)
                took.append(time.monotonic() - began)
                if time.monotonic() > until:
                    break
        await asyncio.gather(*(view() for _ in range(viewers)))
    print(json.dumps(took))
url, viewers, seconds, rounds = sys.argv[1:]
asyncio.run(main(url, int(viewers), float(seconds), int(rounds)))
"""


class _Asked(NamedTuple):
    """What a client saw, in seconds, and what it took the daemon."""

    waited: list[float]
    taken: Taken


def page_rows(pages: int) -> list[Row]:
    """Measure with so many thousand jobs."""
    pin()
    with tempfile.TemporaryDirectory() as folder, served(1) as port:
        asyncio.run(_record(port, Path(folder)))
        job = _multiply(Path(folder) / "jobwatch.db", pages)
        return asyncio.run(_measure(port, Path(folder), job))


async def _record(port: int, folder: Path) -> None:
    """One page of jobs, some of which ended while they were watched."""
    async with opened(port, folder) as parts:
        source = parts.watched["prod"].source
        for version in range(1, VERSIONS + 1):
            await sweep_safely(source)
            await asyncio.to_thread(show_version, port, version)
        await sweep_safely(source)


def _multiply(path: Path, pages: int) -> dict[str, str]:
    """Let there be as much of it as so many pages bring; gives the name of a job that has a story."""
    with closing(sqlite3.connect(path, isolation_level=None)) as link:
        link.executescript("BEGIN; CREATE TEMP TABLE page AS SELECT * FROM jobs")
        living = max(1, pages * 70 // UNFINISHED)
        _copy(link, "jobs", pages, f"outcome IS NOT NULL OR n % {living} = 0")
        for table in ("changes", "events", "deliveries"):
            _copy(link, table, pages, "1")
        link.execute(f"UPDATE sources SET name = 'source_0', last_row = {(pages + 1) * MEMBERS}")
        (job,) = link.execute("SELECT job_id FROM changes WHERE event_id NOT NULL").fetchone()
        link.execute("COMMIT")
    return {"source": "source_0", "id": job}


def _copy(link: sqlite3.Connection, table: str, pages: int, which: str) -> None:
    columns = [row[1] for row in link.execute(f"PRAGMA table_info({table})")]
    moved = _MOVED | _MOVED_OF.get(table, {})
    values = ", ".join(moved.get(each, each) for each in columns)
    link.execute(
        f"WITH RECURSIVE times(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM times WHERE n < {pages - 1}) "
        f"INSERT INTO {table} SELECT {values} FROM times, (SELECT * FROM {table}) WHERE {which}"
    )


@asynccontextmanager
async def _view(port: int, folder: Path) -> AsyncIterator[WebView]:
    every = {"every": "1h", "full_sweep_every": "1h"}
    sources = {
        f"source_{number}": {"provider": provider_at(port, number + 1), **every}
        for number in range(SOURCES)
    }
    settings = Settings.model_validate({**configuration(port, folder), "sources": sources})
    store = await open_store(settings)
    try:
        metrics, pulse = Metrics(shapes(settings), list(settings.receivers)), Pulse()
        async with open_parts(settings, store, metrics, pulse) as parts:
            freeze_heap()
            readiness = Readiness(settings=settings, parts=parts, ready=True)
            yield web_view(readiness, metrics, pulse)
    finally:
        await store.close()


async def _measure(port: int, folder: Path, job: dict[str, str]) -> list[Row]:
    rows = []
    async with _view(port, folder) as view:
        hours = itertools.count(0, 3600)
        forgetful = replace(view, monotonic=lambda: float(next(hours)))
        async with serve(build_app(forgetful), "127.0.0.1", 0) as url:
            for name, path in ASKED.items():
                rows += _cost_rows(name, await _ask(url + path.format(**job), 1, ROUNDS))
        async with serve(build_app(view), "127.0.0.1", 0) as url:
            rows += _crowd_rows(await _ask(url + "/", VIEWERS, 10_000))
    return rows


async def _ask(url: str, viewers: int, rounds: int) -> _Asked:
    await asyncio.to_thread(_client, url, 1, 2)  # what is imported and compiled once
    waited: list[float] = []

    async def ask() -> None:
        waited.extend(await asyncio.to_thread(_client, url, viewers, rounds))

    return _Asked(waited, await measured(ask))


def _client(url: str, viewers: int, rounds: int) -> list[float]:
    command = [sys.executable, "-c", CLIENT, url, str(viewers), str(CROWD_SECONDS), str(rounds)]
    found = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return list(json.loads(found.stdout))


def _cost_rows(name: str, asked: _Asked) -> list[Row]:
    # A client that starts takes a quarter of a second, in which the loop has nothing else to do than to tick.
    return [
        Row("", f"{name}, time to the answer", median(asked.waited) * 1000, unit="ms"),
        Row(
            "G4",
            f"{name}, loop lag max meanwhile (busy for {asked.taken.busiest:.0f})",
            max(asked.taken.lags),
            15,
            "ms",
        ),
    ]


def _crowd_rows(asked: _Asked) -> list[Row]:
    share = statistics.quantiles(asked.waited, n=20)[-1]
    return [
        Row(
            "",
            f"{VIEWERS} viewers at once, pages a second",
            len(asked.waited) / asked.taken.wall,
            unit="",
        ),
        Row("", f"{VIEWERS} viewers at once, time to the answer p95", share * 1000, unit="ms"),
        Row(
            "G4",
            f"loop lag max meanwhile (busy for {asked.taken.busiest:.0f})",
            max(asked.taken.lags),
            15,
            "ms",
        ),
    ]
