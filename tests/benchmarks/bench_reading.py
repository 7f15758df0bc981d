"""Reading pages against the bars G1, G2 and G11, as ratios measured in turn in one run.

    python -m tests.benchmarks.bench_reading [--pages 100] [--rounds 5]

Everything is fetched over loopback from a child process with prebuilt pages. The peers: floor A only transfers and
checks well-formedness, floor B makes plain tuples and compares them with a dict, the naive peer is what most scripts
do, and the official SDK evaluates the text of a dict. Neither persists anything, and neither do we here.
"""

import argparse
import asyncio
import contextlib
import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from xml.parsers.expat import ParserCreate

import requests
import xmltodict
from qcloud_cos.cos_comm import xml_to_dict

from jobwatch.core.codec import Known, Walk
from jobwatch.core.errors import Malformed
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.providers.xml_tree import SIZE_LIMIT
from jobwatch.transport import Transport
from tests.benchmarks.listing import MEMBERS, fetched, served

PATIENCE = timedelta(seconds=30)
PROVIDER = CosBatch(
    CosBatchSettings(kind="cos-batch", region="ap-chengdu", uin="100000000001", appid="1250000000")
)
Row = tuple[str | int | None, ...]
Kept = dict[str, object]
"""What a peer keeps of each job, by its id."""


class Bar(NamedTuple):
    """One line of the table: `measured` should not be above, or with `least` not below, the limit."""

    name: str
    measured: float
    limit: float
    unit: str = "x"
    least: bool = False

    @property
    def ok(self) -> bool:
        return self.measured >= self.limit if self.least else self.measured <= self.limit


def floor_a(port: int, count: int) -> None:
    for body in fetched(port, count):
        ParserCreate().Parse(body, True)  # noqa: FBT003


def floor_b(port: int, count: int) -> dict[str | int | None, Row]:
    """Flat tokens by C callbacks alone, tuples by position, compared with what is known of each job."""
    known: dict[str | int | None, Row] = {}
    for body in fetched(port, count):
        for row in _flat_rows(body):
            if known.get(row[0]) != row:
                known[row[0]] = row
    return known


def _flat_rows(body: bytes) -> Iterator[Row]:
    tokens: list[str] = []
    parser = ParserCreate()
    parser.buffer_text = True
    parser.EndElementHandler = parser.CharacterDataHandler = tokens.append
    parser.Parse(body, True)  # noqa: FBT003
    begin = 0
    for _ in range(MEMBERS):
        end = tokens.index("member", begin)
        texts = tokens[begin:end:2]
        ended = tokens[end - 2] if tokens[end - 1] == "TerminationDate" else None
        numbers = [int(text) for text in texts[4:8]]
        yield (texts[2], tokens[begin + 17], ended, texts[0], texts[1], texts[3], *numbers)
        begin = end + 1


def naive(port: int, count: int, known: Kept | None = None) -> Kept:
    """What most scripts do: requests, xmltodict, keep the dicts and compare them."""
    known = {} if known is None else known
    with requests.Session() as session:
        for number in range(count):
            answer = session.get(f"http://127.0.0.1:{port}/{number}", timeout=10)
            for member in xmltodict.parse(answer.content)["ListJobsResult"]["Jobs"]["member"]:
                if known.get(member["JobId"]) != member:
                    known[member["JobId"]] = member
    return known


def sdk(port: int, count: int, known: Kept | None = None) -> Kept:
    """The same with the parser of the official SDK: a tree, a dict, its text, and `eval`."""
    known = {} if known is None else known
    with requests.Session() as session:
        for number in range(count):
            answer = session.get(f"http://127.0.0.1:{port}/{number}", timeout=10)
            for member in xml_to_dict(answer.content)["Jobs"]["member"]:
                if known.get(member["JobId"]) != member:
                    known[member["JobId"]] = member
    return known


def never_seen(port: int, count: int) -> None:
    """Ours, nothing known: every member becomes a job."""
    for body in fetched(port, count):
        page = PROVIDER.read_page(HttpResponse(status=200, body=body), Walk(), Known())
        assert len(page.jobs) == MEMBERS


def unchanged(port: int, count: int, known: Known) -> None:
    """Ours, everything known, over a blocking socket."""
    for body in fetched(port, count):
        page = PROVIDER.read_page(HttpResponse(status=200, body=body), Walk(), known)
        assert len(page.unchanged) == MEMBERS


async def unchanged_by_transport(port: int, count: int, known: Known) -> None:
    """Ours, everything known, through the HTTP client of the daemon."""
    async with Transport() as transport:
        for number in range(count):
            request = HttpRequest(method="GET", url=f"http://127.0.0.1:{port}/{number}")
            answer = await transport.send(request, timeout=PATIENCE, max_body=SIZE_LIMIT)
            page = PROVIDER.read_page(answer, Walk(), known)
            assert len(page.unchanged) == MEMBERS


def learn(port: int, count: int) -> Known:
    slots: dict[int, int] = {}
    for body in fetched(port, count):
        page = PROVIDER.read_page(HttpResponse(status=200, body=body), Walk(), Known())
        slots |= {job.fingerprint: slot for slot, job in enumerate(page.jobs, len(slots))}
    return Known(slots=slots)


def cpu_seconds(work: Callable[[], object]) -> float:
    """The processor time of this process alone; what `work` gives is freed outside the measure."""
    gc.collect()
    begin = time.process_time()
    kept = work()
    taken = time.process_time() - begin
    del kept
    return taken


def measure(count: int, rounds: int) -> dict[str, float]:
    """Median microseconds per job of everything, measured in turn."""
    times: dict[str, list[float]] = {}
    with served(count) as port:
        known = learn(port, count)
        gc.collect()
        gc.freeze()  # as the daemon does once it has loaded
        work: dict[str, Callable[[], object]] = {
            "floor A": lambda: floor_a(port, count),
            "floor B": lambda: floor_b(port, count),
            "ours, never seen": lambda: never_seen(port, count),
            "ours, unchanged": lambda: unchanged(port, count, known),
            "ours, unchanged, aiohttp": lambda: asyncio.run(
                unchanged_by_transport(port, count, known)
            ),
            "naive peer": lambda: naive(port, count),
            "SDK's way": lambda: sdk(port, count),
        }
        for _ in range(rounds):
            for name, each in work.items():
                times.setdefault(name, []).append(cpu_seconds(each))
    return {
        name: statistics.median(taken) / (count * MEMBERS) * 1e6 for name, taken in times.items()
    }


def reading_bars(costs: dict[str, float]) -> list[Bar]:
    new, same = costs["ours, never seen"], costs["ours, unchanged, aiohttp"]
    naive_cost, sdk_cost = costs["naive peer"], costs["SDK's way"]
    return [
        Bar("G1  never seen / floor B", new / costs["floor B"], 1.7),
        Bar("G1  naive peer / never seen", naive_cost / new, 3, least=True),
        Bar("G2  unchanged / floor A", same / costs["floor A"], 1.5),
        Bar("G2  naive peer / unchanged", naive_cost / same, 10, least=True),
        Bar("G2  SDK's way / unchanged", sdk_cost / same, 30, least=True),
    ]


def refusal(body: bytes) -> tuple[float, float]:
    """Milliseconds of processor until the page is refused, and the megabytes it took at most."""
    taken = []
    for _ in range(5):
        begin = time.process_time()
        with contextlib.suppress(Malformed):
            PROVIDER.read_page(HttpResponse(status=200, body=body), Walk(), Known())
            raise AssertionError("the page was not refused")
        taken.append((time.process_time() - begin) * 1e3)
    return statistics.median(taken), _peak(body)


def _peak(body: bytes) -> float:
    """Peak of resident memory above idle, in a child of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_grow, (body,))


def _grow(body: bytes) -> float:
    Path("/proc/self/clear_refs").write_text("5")  # Linux forgets the peak of before
    before = _peak_kib()
    with contextlib.suppress(Malformed):
        PROVIDER.read_page(HttpResponse(status=200, body=body), Walk(), Known())
    return (_peak_kib() - before) / 1024


def _peak_kib() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def hostile_bars() -> list[Bar]:
    """G11, as far as it is the reader's: a gzip bomb meets the transport first."""
    laughs = "".join(f'<!ENTITY l{depth} "{f"&l{depth - 1};" * 10}">' for depth in range(1, 10))
    dtd = f'<!DOCTYPE r [<!ENTITY l0 "ha">{laughs}]><ListJobsResult>&l9;</ListJobsResult>'
    token = b'<ListJobsResult><Jobs><member x="' + b"a" * (SIZE_LIMIT - 64)
    deep = b"<a>" * (SIZE_LIMIT // 3)
    bars = []
    for name, body, limit in (
        ("DTD", dtd.encode(), 1),
        ("4 MiB token", token, 150),
        ("4 MiB deep", deep, 150),
    ):
        milliseconds, megabytes = refusal(body)
        bars.append(Bar(f"G11 {name}, time", milliseconds, limit, "ms"))
        bars.append(Bar(f"G11 {name}, memory", megabytes, 100, "MB"))
    return bars


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    costs = measure(options.pages, options.rounds)
    print(
        f"{options.pages} pages of {MEMBERS}, median of {options.rounds}, us of processor per job"
    )
    for name, cost in costs.items():
        print(f"  {name:<32}{cost:>8.2f}")
    print(f"{'bar':<34}{'measured':>11}{'limit':>10}")
    for bar in [*reading_bars(costs), *hostile_bars()]:
        relation = ">=" if bar.least else "<="
        print(
            f"{bar.name:<34}{bar.measured:>8.2f} {bar.unit:<2}{relation:>4}{bar.limit:>6} "
            f"{'ok' if bar.ok else 'MISS'}"
        )


if __name__ == "__main__":
    main()
