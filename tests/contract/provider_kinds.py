"""Each kind of provider beside the simulated cloud that speaks its API, and what a true reading of its jobs is."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.codec import Credentials, Known, Provider, Walk
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Job, JobDetail, Outcome
from jobwatch.metrics import Metrics, SourceShape
from jobwatch.simulator.quirks import PLAIN, LastToken, Quirks
from jobwatch.simulator.script import JobState
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.vault_job import Condition, Inventory, VaultJob
from jobwatch.simulator.vaults import VAULTS, VaultWorld
from jobwatch.simulator.world import World
from jobwatch.transport import Transport
from tests.rig import START, Clock, cas_provider, provider_for

Flat = dict[str, object]
HABITS = {
    "as documented": PLAIN,
    "mixed": Quirks(seed=1),
    "mixed otherwise": Quirks(seed=2, last_token=LastToken.ECHO),
    "small pages": Quirks(seed=3, page_size=7, last_token=LastToken.ECHO),
    "small pages without a last token": Quirks(seed=4, page_size=7, last_token=LastToken.ABSENT),
}
OUTPUT_LIVES = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the suite needs to know of a provider; `signature_word` is what its cloud calls a wrong signature."""

    provider: Callable[[Simulation], Provider]
    scopes: tuple[str, ...]
    empty_scope: str
    signature_word: str
    same: Callable[[Job, JobState], bool]
    detailed: Callable[[JobDetail, JobState], bool]

    def world(self, simulation: Simulation, scope: str) -> World:
        """The jobs of a scope."""
        return simulation.vaults[scope] if scope else simulation.world


def populated(clock: Clock, seed: int, jobs: int = 60, quirks: Quirks = PLAIN) -> Simulation:
    """An account with jobs in every scope, some of them under way."""
    return Simulation(
        World.generate(start=START, seed=seed, jobs=jobs, unfinished=jobs * 2 // 3, speed=30),
        vaults=VaultWorld.generate(start=START, seed=seed, jobs=jobs, speed=30),
        clock=clock,
        options=Options(quirks=quirks),
    )


def _same_batch_job(job: Job, state: JobState) -> bool:
    progress, script = job.progress, state.script
    return (
        job.id == state.id
        and job.scope == ""
        and job.status == state.status
        and job.operation == script.operation
        and job.description == script.description
        and job.priority == script.priority
        and job.created_at == script.created_at.replace(microsecond=0)
        and job.ended_at == state.ended_at
        and job.output_expires_at is None
        and progress is not None
        and (progress.total, progress.succeeded, progress.failed)
        == (state.total, state.succeeded, state.failed)
    )


def _same_batch_detail(detail: JobDetail, state: JobState) -> bool:
    manifest = detail.manifest or {}
    return (
        detail.failures == state.failures
        and detail.role == state.script.role
        and detail.suspended_at == state.suspended_at
        and manifest["object"] == state.script.manifest.object_arn
        and manifest["etag"] == state.script.manifest.etag
        and detail.fields is None
    )


def _same_vault_job(job: Job, state: JobState) -> bool:
    script = state.script
    fetched = script.operation in ("ArchiveRetrieval", "InventoryRetrieval")
    expires = fetched and state.status == "Succeeded" and state.ended_at
    return (
        job.id == state.id
        and job.status == state.status
        and job.operation == script.operation
        and job.description == script.description
        and job.created_at == script.created_at
        and job.ended_at == state.ended_at
        and job.output_expires_at == (expires + OUTPUT_LIVES if expires else None)
        and job.outcome
        == {"Succeeded": Outcome.SUCCEEDED, "Failed": Outcome.FAILED}.get(state.status)
        and job.progress is None
        and job.priority is None
    )


def _same_vault_detail(detail: JobDetail, state: JobState) -> bool:
    given = dict(detail.fields or {})
    named = str(given.pop("vault_qcs")).endswith(f":uid/1250000000:vaults/{detail.job.scope}")
    expected = {name: value for name, value in _fields(state).items() if value not in (None, "")}
    return (
        given == expected
        and named
        and detail.status_reason == (state.reason or state.status)
        and (detail.failures, detail.manifest, detail.report, detail.role) == ((), None, None, None)
    )


def _fields(state: JobState) -> Flat:
    """What a reader should find of a job, by our names."""
    job, action = state.script.vault_job or VaultJob(), state.script.operation
    well = state.status == "Succeeded"
    common: Flat = {
        "action": action,
        "completed": state.ended,
        "callback_url": urlsplit(job.callback)._replace(query="").geturl(),
    }
    archive: Flat = {"archive_id": job.archive_id, "archive_size_bytes": job.archive_size}
    place: Flat = {"bucket": job.bucket, "object": job.object, "marker": job.marker}
    part: Flat = {"retrieval_byte_range": job.byte_range, "tier": job.tier}
    match action:
        case "ArchiveRetrieval":
            whole_hash = {"archive_sha256_tree_hash": job.archive_hash}
            part_hash = {"sha256_tree_hash": job.range_hash if well else None}
            return {**common, **archive, **part, **whole_hash, **part_hash}
        case "InventoryRetrieval":
            size = job.inventory_size if well else None
            asked = _inventory(job.inventory)
            return {**common, "inventory_size_bytes": size, "inventory": asked}
        case "PushToCOS":
            return {**common, **archive, **part, **place}
        case _:
            archive["archive_id"] = job.archive_id if well else None
            pulled: Flat = {"range": job.byte_range, "condition": _condition(job.condition)}
            words = {"archive_description": job.archive_description}
            return {**common, **archive, **place, **pulled, **words}


def _inventory(asked: Inventory | None) -> dict[str, str] | None:
    if asked is None:
        return None
    return _given(
        {
            "format": asked.format,
            "start_date": asked.start_date,
            "end_date": asked.end_date,
            "limit": asked.limit,
            "marker": asked.marker,
        }
    )


def _condition(condition: Condition | None) -> dict[str, str] | None:
    if condition is None:
        return None
    return _given(
        {
            "if_modified_since": condition.if_modified_since,
            "if_unmodified_since": condition.if_unmodified_since,
            "if_match": condition.if_match,
            "if_none_match": condition.if_none_match,
        }
    )


def _given(values: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value is not None}


KINDS = {
    "cos-batch": Kind(
        provider=provider_for,
        scopes=("",),
        empty_scope="",
        signature_word="SignatureDoesNotMatch",
        same=_same_batch_job,
        detailed=_same_batch_detail,
    ),
    "cas": Kind(
        provider=cas_provider,
        scopes=VAULTS,
        empty_scope="empty",
        signature_word="InvalidSignature",
        same=_same_vault_job,
        detailed=_same_vault_detail,
    ),
}


@dataclass(frozen=True, slots=True)
class FixedKeys:
    """One key pair."""

    keys: Credentials
    facts = None

    async def current(self) -> Credentials:
        return self.keys

    async def renewed(self, _rejected: Credentials) -> Credentials | None:
        return None

    async def refresh(self) -> timedelta:
        return timedelta(1)

    def take_problems(self) -> tuple[str, ...]:
        return ()


@asynccontextmanager
async def client_of(
    kind: str,
    simulation: Simulation,
    keys: Credentials | None = None,
    vaults: tuple[str, ...] = (),
) -> AsyncIterator[ApiClient]:
    shape = SourceShape(
        name="one", provider=kind, region="", operations=(), statuses=(),
        every=timedelta(1), full_every=timedelta(1),
    )  # fmt: skip
    waits = Clock()
    provider = cas_provider(simulation, vaults) if vaults else KINDS[kind].provider(simulation)
    async with Transport() as transport:
        yield ApiClient(
            provider=provider,
            transport=transport,
            credentials=FixedKeys(keys or simulation.credentials),
            bucket=Bucket(rate=1e6, burst=1_000_000),
            observer=Metrics([shape], []).for_source("one"),
            around=Surroundings(
                now=simulation.cloud.clock,
                monotonic=waits.monotonic,
                chance=lambda: 0.5,
                sleep=waits.sleep,
            ),
        )


async def listed(client: ApiClient, walk: Walk = Walk()) -> list[Job]:  # noqa: B008  a value
    return [job async for page in client.pages(walk, Known()) for job in page.jobs]
