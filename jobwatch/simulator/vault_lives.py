"""The kinds of lives that jobs of a vault live, drawn from a seed: pure.

Durations are those of the page "Initiate Job" at speed 1: an expedited retrieval takes minutes, others take hours.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from jobwatch.simulator.lives import Arrivals
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.vault_job import Condition, Inventory, VaultJob

MEGABYTE = 1024 * 1024
HOURS = {"Expedited": (1 / 60, 5 / 60), "Standard": (3, 5), "Bulk": (5, 12)}
BUCKET = "example-1250000000.cos.ap-chengdu.myqcloud.com"
# Two of them hold what careless code forgets to escape, or takes for one byte a letter.
DESCRIPTIONS = (
    "restore the 2019 ledgers",
    'audit <sample> & "quarter"',
    "归档清单",
    "monthly inventory",
    "",
)
FAILURES = (
    "The archive was deleted before it could be read.",
    "The service role may not write to the bucket.",
    "The precondition of the source object failed.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultLife:
    """One kind of life: the action, how long it runs at speed 1, how it ends, and its fields."""

    action: str
    hours: float
    job: VaultJob
    ends: str = "Succeeded"


def _archive(rng: Random) -> VaultJob:
    size = rng.randrange(1, 40_000) * MEGABYTE
    digest = f"{rng.getrandbits(256):064x}"
    tier = rng.choice([*HOURS])
    return VaultJob(
        callback=rng.choice(("", "https://hooks.example.com/cas?token=not-a-real-one")),
        archive_id=vault_id(rng, 138),
        archive_size=size,
        archive_hash=digest,
        range_hash=digest,
        byte_range=f"0-{size - 1}",
        tier=tier,
    )


def _retrieval(rng: Random) -> VaultLife:
    job = _archive(rng)
    hours = rng.uniform(*HOURS[job.tier or "Standard"])
    return VaultLife(action="ArchiveRetrieval", hours=hours, job=job)


def _part(rng: Random) -> VaultLife:
    """A part of an archive that no hash of the tree covers."""
    life = _retrieval(rng)
    part = replace(life.job, byte_range=f"0-{MEGABYTE - 1}", range_hash=None)
    return replace(life, job=part)


def _inventory(rng: Random) -> VaultLife:
    inventory = Inventory(
        format=rng.choice(("CSV", "JSON")),
        start_date="2013-03-20T17:03:43.221Z",
        limit=str(rng.randrange(1, 1000)),
        marker=rng.choice((None, vault_id(rng, 138))),
    )
    job = VaultJob(inventory=inventory, inventory_size=rng.randrange(1000, 10 * MEGABYTE))
    return VaultLife(action="InventoryRetrieval", hours=rng.uniform(3, 5), job=job)


def _push(rng: Random) -> VaultLife:
    life = _retrieval(rng)
    target = f"restored/{rng.randrange(10_000):04d}.tar"
    return replace(life, action="PushToCOS", job=replace(life.job, bucket=BUCKET, object=target))


def _pull(rng: Random) -> VaultLife:
    size = rng.randrange(1, 40_000) * MEGABYTE
    job = VaultJob(
        archive_id=vault_id(rng, 138),
        archive_size=size,
        bucket=BUCKET,
        object=f"logs/{rng.randrange(10_000):04d}.tar",
        byte_range=rng.choice((None, f"0-{size - 1}")),
        condition=rng.choice((None, Condition(if_match=f"{rng.getrandbits(128):032x}"))),
        archive_description=rng.choice(DESCRIPTIONS),
    )
    return VaultLife(action="PullFromCOS", hours=rng.uniform(0.1, 2), job=job)


def _fails(rng: Random) -> VaultLife:
    life = rng.choice((_retrieval, _push, _pull))(rng)
    return replace(life, ends="Failed", hours=life.hours / 4)


VAULT_KINDS: dict[str, Callable[[Random], VaultLife]] = {
    "retrieval": _retrieval,
    "part": _part,
    "inventory": _inventory,
    "push": _push,
    "pull": _pull,
    "fails": _fails,
}


def vault_script(kind: str, rng: Random, created_at: datetime, speed: float = 1.0) -> JobScript:
    """Draw a job of one kind of life. `created_at` is cut to milliseconds, as the cloud's are."""
    life = VAULT_KINDS[kind](rng)
    reason = rng.choice(FAILURES) if life.ends == "Failed" else ""
    steps = (
        Step("InProgress", timedelta(hours=life.hours) / speed),
        Step(life.ends, reason=reason),
    )
    return JobScript(
        id=vault_id(rng),
        created_at=created_at.replace(microsecond=created_at.microsecond // 1000 * 1000),
        steps=steps,
        total=0,
        operation=life.action,
        description=rng.choice(DESCRIPTIONS),
        vault_job=life.job,
    )


def vault_id(rng: Random, length: int = 64) -> str:
    """An id of CAS: base64 for URLs. One in four begins with a dash or an underscore."""
    text = urlsafe_b64encode(rng.randbytes(length)).decode()[1:length]
    first: str = rng.choice(("-", "_", *"kX3bQz"))
    return first + text


def _dealt(seed: int, number: int) -> str:
    """The kind of job number `number`: every deck in its own order."""
    deck = [*VAULT_KINDS]
    Random(f"{seed}:vault deck:{number // len(deck)}").shuffle(deck)
    return deck[number % len(deck)]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultArrivals(Arrivals):
    """Jobs of a vault, created from `start` on."""

    def script(self, number: int) -> JobScript:
        rng = Random(f"{self.seed}:vault new:{number}")
        return vault_script(_dealt(self.seed, number), rng, self.at(number), self.speed)


def vault_under_way(seed: int, count: int, start: datetime, speed: float) -> Iterator[JobScript]:
    """Draw jobs of a vault that were created before `start` and run then."""
    for number in range(count):
        rng = Random(f"{seed}:vault live:{number}")
        drawn = vault_script(_dealt(seed, number), rng, start, speed)
        lived = _length(drawn) * rng.uniform(0.05, 0.6)
        yield replace(drawn, created_at=start.replace(microsecond=0) - _whole(lived))


def vault_history(seed: int, count: int, start: datetime) -> Iterator[JobScript]:
    """Draw jobs of a vault that ended before `start`, most of them within the last days."""
    rng = Random(f"{seed}:vault old")
    reach = min(timedelta(days=80), timedelta(hours=6) * count)
    for number in range(count):
        drawn = vault_script(_dealt(seed + 1, number), rng, start)
        ago = _length(drawn) + timedelta(minutes=1) + reach * rng.random()
        yield replace(drawn, created_at=start.replace(microsecond=0) - _whole(ago))


def _length(script: JobScript) -> timedelta:
    return sum((step.lasts for step in script.steps if step.lasts), timedelta())


def _whole(span: timedelta) -> timedelta:
    return timedelta(milliseconds=span // timedelta(milliseconds=1))
