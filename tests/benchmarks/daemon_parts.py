"""The daemon's own parts, put together by `jobwatch.app`, and how they are measured."""

import asyncio
import gc
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers.expat import ParserCreate

from jobwatch import logs
from jobwatch.app.assembling import open_parts
from jobwatch.app.parts import Parts, freeze_heap, open_store
from jobwatch.app.shapes import shapes
from jobwatch.loop import Pulse
from jobwatch.metrics import Metrics
from jobwatch.settings import Settings
from jobwatch.simulator.simulation import DEMO_WEBHOOK_SECRET
from tests.benchmarks.listing import MEMBERS, build_page

TICK = 0.001
RAW_EXPAT = 1.49
"""Microseconds of expat without handlers for each job of a page, on an idle machine."""


def configuration(
    port: int, folder: Path, others: Mapping[str, Any] | None = None, **source: Any
) -> dict[str, Any]:
    """One source and one receiver, both on loopback, and no limit that would be felt.

    `others` are receivers besides. `source` is what the source has besides; else nothing is due for an hour, so that
    only what is asked for is done.
    """
    return {
        "sources": {
            "prod": {
                "provider": provider_at(port),
                "rate_limit": {"requests_per_second": 1000, "burst": 10_000},
                **(source or {"every": "1h", "full_sweep_every": "1h"}),
            }
        },
        "receivers": {
            "ops": {
                "url": f"http://127.0.0.1:{port}/ops",
                "secrets": [DEMO_WEBHOOK_SECRET],
                "wants": {"types": ["*"]},
                "concurrency": 50,
            },
            **(others or {}),
        },
        "store": {"kind": "sqlite", "path": str(folder / "jobwatch.db")},
        "http": {"listen": "127.0.0.1:0"},
        "log": {"level": "info", "format": "json"},
    }


def provider_at(port: int, number: int = 1) -> dict[str, Any]:
    """The provider of one account of several."""
    return {
        "kind": "cos-batch",
        "region": "ap-chengdu",
        "uin": str(100_000_000_000 + number),
        "appid": "1250000000",
        "endpoint": f"http://127.0.0.1:{port}",
        "credentials": {"secret_id": "AKIDexample", "secret_key": "example"},
    }


@asynccontextmanager
async def opened(
    port: int, folder: Path, others: Mapping[str, Any] | None = None, **source: Any
) -> AsyncIterator[Parts]:
    """Everything but the loops, on a store in `folder`; logs as the daemon does, to nowhere."""
    freeze_heap()
    settings = Settings.model_validate(configuration(port, folder, others, **source))
    async with AsyncExitStack() as stack:
        nowhere = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))  # noqa: ASYNC230, SIM115
        logs.configure("info", "json", nowhere)
        store = await open_store(settings)
        stack.push_async_callback(store.close)
        metrics = Metrics(shapes(settings), list(settings.receivers))
        parts = await stack.enter_async_context(open_parts(settings, store, metrics, Pulse()))
        freeze_heap()
        parts.spawn_in(await stack.enter_async_context(asyncio.TaskGroup()))
        yield parts


class Taken(NamedTuple):
    """What some work took: processor and wall seconds, and how late the loop was meanwhile, in ms.

    `busiest` is the most processor time that this process took while the loop was late, in ms: where the loop was later
    than that, it had to wait for the disk, or for the processor that others had.
    """

    cpu: float
    wall: float
    lags: list[float]
    busiest: float


async def measured(work: Callable[[], Awaitable[object]]) -> Taken:
    """Measure a piece of work on this loop, while a tick is asked for every millisecond."""
    loop = asyncio.get_running_loop()
    lags: list[float] = []
    handle: asyncio.TimerHandle | None = None
    busiest, at = 0.0, time.process_time()

    def tick(due: float) -> None:
        nonlocal handle, busiest, at
        now, since = loop.time(), at
        at = time.process_time()
        lags.append((now - due) * 1000)
        busiest = max(busiest, min(lags[-1], (at - since) * 1000))
        handle = loop.call_at(now + TICK, tick, now + TICK)

    handle = loop.call_later(TICK, tick, loop.time() + TICK)
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    taken = Taken(time.process_time() - cpu, time.perf_counter() - wall, lags, busiest)
    await asyncio.sleep(2 * TICK)  # what the work left to be late for
    handle.cancel()
    return taken


def resident(key: str = "VmRSS", process: int | str = "self") -> float:
    """Megabytes of resident memory; `VmHWM` is its peak."""
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    found = re.search(rf"{key}:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def machine_speed(pages: int = 20) -> float:
    """How fast this machine is just now: what took a second takes so many on the machine that the bars were set on."""
    page = _page()
    began = time.process_time()
    for _ in range(pages):
        ParserCreate().Parse(page, True)  # noqa: FBT003
    return RAW_EXPAT * pages * MEMBERS / ((time.process_time() - began) * 1e6)


@cache
def _page() -> bytes:
    return build_page(0, last=True)


def collected() -> float:
    """Resident megabytes once garbage is gone."""
    gc.collect()
    return resident()
