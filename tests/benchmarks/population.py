"""Who lives in a simulated account: jobs in a steady flow, short ones between them, or ones that just run on."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

from jobwatch.simulator.lives import KINDS, script_of
from jobwatch.simulator.script import JobScript, Step, ends_at

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LONGEST = timedelta(hours=5)
"""No life is longer: what was created earlier has ended."""

_LONG = tuple(kind for kind in KINDS if kind != "short")


def flow(
    unfinished: int, until: datetime, *, ending_every: timedelta | None = None
) -> list[JobScript]:
    """Jobs of every kind of life, so that about as many are unfinished at any time until then.

    A job ends about every `ending_every`; lives are as long as that needs. None leaves them as they are.
    """
    drawn = [script_of(_LONG[n % len(_LONG)], Random(f"flow:{n}"), START) for n in range(1000)]
    mean = sum(map(_seconds, drawn)) / len(drawn)
    longer = 1.0 if ending_every is None else unfinished * ending_every.total_seconds() / mean
    apart = timedelta(seconds=mean * longer / unfinished)
    from_, jobs = START - LONGEST * longer, []
    for number in range(int((until - from_) / apart)):
        kind, chance = _LONG[number % len(_LONG)], Random(f"flow:{number}")
        created_at = from_ + apart * (number + chance.random())
        jobs.append(script_of(kind, chance, created_at, 1 / longer))
    return [job for job in jobs if (ends_at(job) or until) > START]


def short(until: datetime, *, apart: timedelta) -> Iterator[JobScript]:
    """Jobs that are over within 12 to 16 seconds, about so far apart."""
    for number in range(int((until - START) / apart)):
        chance = Random(f"short:{number}")
        yield script_of("short", chance, START + apart * (number + chance.random()))


def running(count: int) -> list[JobScript]:
    """Jobs that work on one object for days."""
    chance = Random("running")
    drawn = [script_of("succeeds", chance, START - timedelta(hours=1)) for _ in range(count)]
    return [
        replace(each, steps=(Step("Active", timedelta(days=9)), Step("Complete"))) for each in drawn
    ]


def _seconds(script: JobScript) -> float:
    return sum((step.lasts for step in script.steps if step.lasts), timedelta()).total_seconds()
