"""Reading pages of a CAS vault's jobs, beside what the standard library takes for the JSON alone.

The pages are the simulator's, a thousand jobs of every kind each. Nothing is fetched and nothing is stored. Members
cannot be told apart before the page is read, so that an unchanged job costs about as much as a new one.
"""

import gc
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from jobwatch.core.codec import Known, Walk
from jobwatch.core.http import HttpResponse
from jobwatch.providers.cas import Cas, CasSettings
from jobwatch.simulator.quirks import PLAIN
from jobwatch.simulator.vault_lives import vault_under_way
from jobwatch.simulator.vault_markup import Place, VaultWriter
from jobwatch.simulator.world import World
from tests.benchmarks.bench_reading import cpu_seconds
from tests.benchmarks.daemon_parts import machine_speed
from tests.benchmarks.listing import MEMBERS
from tests.benchmarks.page_server import pin
from tests.benchmarks.rows import Row, median

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PAGES = 10
ROUNDS = 5
PROVIDER = Cas(CasSettings(kind="cas", region="ap-chengdu"))
WALK = Walk("documents")
PLACE = Place(appid="1250000000", region="ap-chengdu")


def vault_rows() -> list[Row]:
    """Measure the reader alone, in turn with the floor."""
    pin()
    pages = _pages()
    known = _known(pages)
    gc.collect()
    gc.freeze()  # as the daemon does once it has loaded
    floor, new, same = _measured(
        partial(_load, pages), partial(_read, pages, Known()), partial(_read, pages, known)
    )
    speed = machine_speed()
    what = f"1,000 vault jobs, new / json.loads alone ({floor * speed:.1f} us/job, x {speed:.2f})"
    return [
        Row("CAS", what, new / floor),
        Row("CAS", "the same, unchanged / json.loads alone", same / floor),
        Row("CAS", f"reading a new one (x {speed:.2f}, by raw expat)", new * speed, unit="us"),
        Row("CAS", f"reading an unchanged one (x {speed:.2f})", same * speed, unit="us"),
    ]


def _measured(*work: Callable[[], object]) -> list[float]:
    """Median microseconds of processor for each job."""
    taken: list[list[float]] = [[] for _ in work]
    for _ in range(ROUNDS):
        for each, costs in zip(work, taken, strict=True):
            costs.append(cpu_seconds(each) / (PAGES * MEMBERS) * 1e6)
    return [median(costs) for costs in taken]


def _pages() -> list[bytes]:
    """Half of the jobs have ended."""
    writer = VaultWriter(PLAIN)
    pages = []
    for number in range(PAGES):
        world = World(vault_under_way(number, MEMBERS, NOW, 1.0))
        ended = world.page(NOW + timedelta(days=30), limit=MEMBERS // 2).states
        begun = world.page(NOW, after=ended[-1].id, limit=MEMBERS).states
        pages.append(writer.listing((*ended, *begun), str(number), WALK.scope, PLACE))
    return pages


def _known(pages: list[bytes]) -> Known:
    slots: dict[int, int] = {}
    for body in pages:
        page = PROVIDER.read_page(HttpResponse(status=200, body=body), WALK, Known())
        slots |= {job.fingerprint: slot for slot, job in enumerate(page.jobs, len(slots))}
    return Known(slots=slots)


def _load(pages: list[bytes]) -> None:
    for body in pages:
        json.loads(body)


def _read(pages: list[bytes], known: Known) -> None:
    for body in pages:
        page = PROVIDER.read_page(HttpResponse(status=200, body=body), WALK, known)
        if len(page.unchanged if known.slots else page.jobs) != MEMBERS:
            raise RuntimeError("not what is measured here")
