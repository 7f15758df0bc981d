"""How late what the store tells is: from the true end of each job until it was recorded."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from jobwatch.core.events import ENDINGS
from jobwatch.simulator.script import JobScript, ends_at
from jobwatch.store import Store
from jobwatch.store.values import EventFilter


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from the true end of a job until it was recorded: jobs that were known, and jobs never seen running.

    `events` is how many of any kind were recorded within the time.
    """

    known: list[float]
    unseen: list[float]
    missed: int
    events: int


async def delays(
    store: Store, scripts: Iterable[JobScript], span: tuple[datetime, datetime]
) -> Delays:
    """Compare what was told with every ending within a time."""
    ends = {each.id: at for each in scripts if (at := ends_at(each)) and span[0] < at <= span[1]}
    known: list[float] = []
    unseen: list[float] = []
    told, position, events = set[str](), 0, 0
    while (page := await store.events(EventFilter(), limit=500, after=position)).rows:
        position = page.rows[-1].position
        events += sum(span[0] < row.recorded_at <= span[1] for row in page.rows)
        for row in page.rows:
            if row.job_id not in ends or row.type not in ENDINGS or row.job_id in told:
                continue
            told.add(row.job_id)
            seconds = (row.recorded_at - ends[row.job_id]).total_seconds()
            before = json.loads(row.body)["data"]["previous_status"]
            (known if before else unseen).append(seconds)
    return Delays(known, unseen, len(ends) - len(told), events)
