"""Whole sweeps through the daemon's own parts, against floor A and both peers: G2, G2b, G4, G5, G7, G8.

The peers read the same pages in turn with us. They keep dicts alone: nothing is stored, and nobody is told.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from jobwatch.app.parts import Parts
from jobwatch.core.index import JobIndex
from jobwatch.core.overview import SourceState
from jobwatch.core.plan import SweepKind
from jobwatch.poller import sweep_safely
from tests.benchmarks.bench_reading import cpu_seconds, floor_a, naive, sdk
from tests.benchmarks.daemon_parts import Taken, collected, measured, opened
from tests.benchmarks.listing import MEMBERS
from tests.benchmarks.page_server import CHANGED, pin, served, show_version
from tests.benchmarks.peers import Peer, peer
from tests.benchmarks.rows import Row, median, percentile

MILLION = 1_000_000
ROUNDS = 5
PEER_ROUNDS = 2
MOST_READ = 100
"""Pages that the SDK's way is shown: it takes 60 us a job."""

PAGES_OF_GROWTH = 1000
FLOOR = 1.46
"""Microseconds a job of floor A on the machine that the bars were set on, when it was idle."""


@dataclass(slots=True)
class Findings:
    """Everything that was measured, in turn, in one run."""

    jobs: int
    floor: list[float] = field(default_factory=list)
    same: list[Taken] = field(default_factory=list)
    changed: list[Taken] = field(default_factory=list)
    megabytes: dict[str, float] = field(default_factory=dict)
    stored: list[int] = field(default_factory=list)
    """Bytes in the store: empty, after the first load, at the end."""
    load: Taken | None = None
    empty: Taken | None = None
    restart: Taken | None = None

    @property
    def speed(self) -> float:
        """How fast this machine was in this run, as floor A shows: what took 1 s takes so many there."""
        return FLOOR * self.jobs / (median(self.floor) * 1e6)

    def each(self, sweeps: list[Taken]) -> float:
        """Microseconds of processor for each listed job."""
        return median(one.cpu for one in sweeps) / self.jobs * 1e6


@dataclass(slots=True)
class _Place:
    """Where the listing is served and the store lies, and who else reads the listing."""

    pages: int
    port: int
    folder: Path
    floor: ProcessPoolExecutor
    peers: tuple[Peer, Peer]

    def stored(self) -> int:
        """The size of the store: its pages, in the file or in the journal."""
        with sqlite3.connect(f"file:{self.folder / 'jobwatch.db'}?mode=ro", uri=True) as link:
            query = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
            (size,) = link.execute(query).fetchone()
        link.close()
        return int(size)


def sweep_rows(pages: int) -> list[Row]:
    """Measure with so many pages of a thousand jobs."""
    pin()
    with (
        tempfile.TemporaryDirectory() as folder,
        served(pages) as port,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as floor,
        peer(naive, pages) as simple,
        peer(sdk, min(pages, MOST_READ)) as official,
    ):
        place = _Place(pages, port, Path(folder), floor, (simple, official))
        found = asyncio.run(_measure(place))
    index_bytes = _in_child(_index_bytes)
    return [
        *_cost_rows(found, simple, official),
        *_lag_rows(found),
        *_memory_rows(found, index_bytes, simple),
        *_disk_rows(found),
    ]


async def _measure(place: _Place) -> Findings:
    found, port, folder = Findings(place.pages * MEMBERS), place.port, place.folder
    async with opened(port, folder):
        pass  # creates the store
    found.empty = await measured(partial(_open_and_close, port, folder))
    for each in place.peers:
        each.first = await each.reading(port)
    async with opened(port, folder) as parts:
        found.stored.append(place.stored())
        found.megabytes["idle"] = collected()
        found.load = await _sweep(parts)
        found.megabytes["loaded"] = collected()
        found.stored.append(place.stored())
        await _grow(parts, found, place.pages)
        await _rounds(parts, found, place)
        found.stored.append(place.stored())
    found.restart = await measured(partial(_open_and_close, port, folder))
    return found


async def _open_and_close(port: int, folder: Path) -> None:
    async with opened(port, folder):
        pass


async def _sweep(parts: Parts) -> Taken:
    """A full sweep with everything that a turn of the daemon does after it."""
    source = parts.watched["prod"].source
    before = await source.store.source(source.lease)
    taken = await measured(partial(sweep_safely, source))
    _check(before, await source.store.source(source.lease))
    return taken


def _check(before: SourceState, after: SourceState) -> None:
    """A sweep that broke is quick and proves nothing: it must not pass for a good figure."""
    if after.failures or after.all_data_at == before.all_data_at or after.last_sweep is None:
        raise RuntimeError(f"the sweep broke: {after.last_error}")
    last, listed = after.last_sweep, (after.last_sweep.pages - 1) * MEMBERS < after.listed
    if last.kind != SweepKind.FULL or last.calls != last.pages or not listed:
        raise RuntimeError(f"not what is measured here: {last}, {after.listed} listed")


async def _grow(parts: Parts, found: Findings, pages: int) -> None:
    """Sweep some thousand pages over and over, and see what stays."""
    await _sweep(parts)
    found.megabytes["before"] = collected()
    for _ in range(max(2, PAGES_OF_GROWTH // pages)):
        found.same.append(await _sweep(parts))
    found.megabytes["after"] = collected()


async def _rounds(parts: Parts, found: Findings, place: _Place) -> None:
    """Ours and the peers in turn."""
    count, port = place.pages, place.port
    loop = asyncio.get_running_loop()
    found.same.clear()
    for number in range(ROUNDS):
        others = place.peers if number < PEER_ROUNDS else ()
        for _ in range(2):
            floor = await loop.run_in_executor(place.floor, _peer, floor_a, port, count)
            found.floor.append(floor)
            found.same.append(await _sweep(parts))
        for each in others:
            await each.again(port, each.same)
        await asyncio.to_thread(show_version, port, number + 1)
        found.changed.append(await _sweep(parts))
        for each in others:
            await each.again(port, each.changed)


def _peer(work: Callable[[int, int], object], port: int, count: int) -> float:
    pin()
    return cpu_seconds(lambda: work(port, count))


def _in_child(work: Callable[[], float]) -> float:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        return child.submit(work).result()


def _index_bytes() -> float:
    """Bytes of resident memory for each job of an index of a million."""
    before = collected()
    index = JobIndex(1)
    for first in range(1, MILLION, 4000):
        rows = ((row, hash((row, "x")) & (2**64 - 1), False) for row in range(first, first + 4000))
        index.load(rows)
    index.begin()
    return (collected() - before) * 2**20 / len(index)


def _cost_rows(found: Findings, simple: Peer, official: Peer) -> list[Row]:
    assert found.load
    assert simple.first
    same, changed = found.each(found.same), found.each(found.changed)
    floor = median(found.floor) / found.jobs * 1e6
    changes = CHANGED * found.jobs // MEMBERS
    change = (changed - same) * found.jobs / changes * found.speed
    load = found.load.cpu / found.jobs * 1e6
    by_floor = f"(x {found.speed:.2f}, by floor A)"
    first = f"naive peer's first reading ({simple.first.cost:.1f} us/job) / first load ({load:.1f})"
    naive_changed, sdk_changed = median(simple.changed), median(official.changed)
    one = f"whole sweep, 1 % changed ({changed:.2f} us/job)"
    whole = f"whole sweep unchanged ({same:.2f} us/job)"
    return [
        Row("G2", f"{whole} / floor A ({floor:.2f})", same / floor, 1.5),
        Row("G2", f"naive peer ({simple.words}) / it", median(simple.same) / same, 10, least=True),
        Row(
            "G2", f"SDK's way ({official.words}) / it", median(official.same) / same, 30, least=True
        ),
        Row("G2b", f"each of {changes} changes in a sweep {by_floor}", change, 150, "us"),
        Row("G2b", f"{one} / floor A", changed / floor),
        Row("G2b", f"naive peer, 1 % changed ({naive_changed:.1f}) / it", naive_changed / changed),
        Row("G2b", f"SDK's way, 1 % changed ({sdk_changed:.1f}) / it", sdk_changed / changed),
        Row(
            "G8",
            f"first load of {found.jobs} jobs, s/million {by_floor}",
            load * found.speed,
            26,
            "s",
        ),
        Row("G8", first, simple.first.cost / load),
    ]


def _lag_rows(found: Findings) -> list[Row]:
    assert found.load
    assert found.restart
    steady = [*found.same, *found.changed]
    maxima = [max(each.lags) for each in steady]
    many = f"{len(steady)} sweeps"
    p99 = percentile([lag for each in steady for lag in each.lags], 0.99)
    return [
        Row("G4", f"loop lag p99, {many}", p99, 5, "ms"),
        Row(
            "G4",
            f"loop lag max, median of {many}, worst {max(maxima):.1f}",
            median(maxima),
            15,
            "ms",
        ),
        Row(
            "G4",
            f"loop lag max, first load (busy for {found.load.busiest:.0f} of it)",
            max(found.load.lags),
            50,
            "ms",
        ),
        Row(
            "G4",
            f"loop lag max, restart (busy for {found.restart.busiest:.0f})",
            max(found.restart.lags),
            50,
            "ms",
        ),
    ]


def _memory_rows(found: Findings, index_bytes: float, simple: Peer) -> list[Row]:
    assert found.empty
    assert found.restart
    assert simple.first
    jobs, size = found.jobs, found.megabytes
    per_job = (size["loaded"] - size["idle"]) * 2**20 / jobs
    scaled = found.empty.cpu + (found.restart.cpu - found.empty.cpu) * MILLION / jobs
    scaled *= found.speed
    growth = size["after"] - size["before"]
    return [
        Row("G5", "index of 1,000,000 jobs alone, each", index_bytes, 300, "B"),
        Row("G5", f"whole process over idle, each of {jobs} (caches included)", per_job, 300, "B"),
        Row("G5", f"naive peer's dict, each of {jobs}", simple.first.kept, unit="B"),
        Row(
            "G5", f"growth over {max(PAGES_OF_GROWTH, 2 * jobs // MEMBERS)} pages", growth, 1, "MB"
        ),
        Row(
            "G7",
            f"ready after restart, linearly from {jobs} jobs (x {found.speed:.2f})",
            scaled,
            4,
            "s",
        ),
    ]


def _disk_rows(found: Findings) -> list[Row]:
    empty, loaded, at_last = found.stored
    changes = CHANGED * found.jobs // MEMBERS * ROUNDS
    told = f"store on disk, each of {changes} changes (event, document, delivery)"
    return [
        Row("disk", f"store, each of {found.jobs} jobs", (loaded - empty) / found.jobs, unit="B"),
        Row("disk", told, (at_last - loaded) / changes, unit="B"),
    ]
