"""What the demo is made of: a configuration like anybody's, and a world where something happens soon."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from jobwatch.core.model import FailureReason
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS, DEMO_WEBHOOK_SECRET
from jobwatch.simulator.vault_job import VaultJob
from jobwatch.simulator.vaults import VAULTS, VaultWorld
from jobwatch.simulator.world import World

SOURCE = "demo"
VAULT_SOURCE = "vault_jobs"
RECEIVER = "printer"
REGION = "ap-chengdu"
JOBS = 40
VAULT_JOBS = 12
LIVED_BEFORE = timedelta(minutes=3)
SOON_DELETED = timedelta(hours=23)
"""So long ago a job was created whose output is deleted within the hour."""
THRESHOLD = FailureReason(
    code="FailureThresholdExceeded",
    message="More than 50% of the executed tasks have failed.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The options of `jobwatch demo`. `lasts` None: until Ctrl-C."""

    lasts: timedelta | None
    port: int
    seed: int
    speed: float


def write_configuration(folder: Path, *, endpoint: str, hook: str, listen: str) -> Path:
    """Write the demo's configuration, which `jobwatch jobs --config …` can use from another terminal."""
    keys = {"secret_id": DEMO_CREDENTIALS.secret_id, "secret_key": DEMO_CREDENTIALS.secret_key}
    place = {"region": REGION, "endpoint": endpoint, "credentials": keys}
    batch = {"kind": "cos-batch", "uin": DEMO_ACCOUNT.uin, "appid": DEMO_ACCOUNT.appid, **place}
    vaults = {"kind": "cas", "uid": DEMO_ACCOUNT.appid, "vaults": ["*"], **place}
    tree = {
        "instance": "demo",
        # What ended while the daemon started is told; the history of the simulated account is older.
        "sources": {
            SOURCE: {"every": "1s", "first_sight": "30s", "provider": batch},
            VAULT_SOURCE: {
                "every": "2s",
                "first_sight": "30s",
                "rules": {"expiring_before": "2h"},
                "provider": vaults,
            },
        },
        "receivers": {RECEIVER: {"url": hook, "secrets": [DEMO_WEBHOOK_SECRET]}},
        "store": {"kind": "sqlite", "path": "jobwatch.db"},
        "http": {"listen": listen},
    }
    file = folder / "jobwatch.yaml"
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    return file


def lively_world(plan: Plan, start: datetime) -> World:
    """An account with jobs under way and more to come, and three that end within seconds, each its own way."""
    world = World.generate(start=start, seed=plan.seed, jobs=JOBS, speed=plan.speed)
    for script in opening(start):
        world.add(script)
    return world


def lively_vaults(plan: Plan, start: datetime) -> VaultWorld:
    """Vaults with jobs under way and more to come, and two that end within seconds."""
    vaults = VaultWorld.generate(start=start, seed=plan.seed, jobs=VAULT_JOBS, speed=plan.speed)
    for script in vault_opening(start):
        vaults[VAULTS[0]].add(script)
    return vaults


def vault_opening(start: datetime) -> tuple[JobScript, ...]:
    """A retrieval whose output is kept for a day, one that fails, and one whose output is soon deleted."""
    archive = VaultJob(archive_id="example-archive", archive_size=268_435_456, tier="Expedited")

    def retrieval(letter: str, seconds: float, last: Step, description: str) -> JobScript:
        return JobScript(
            id=f"{letter}-demo-".ljust(64, letter),
            created_at=start - LIVED_BEFORE,
            steps=(Step("InProgress", LIVED_BEFORE + timedelta(seconds=seconds)), last),
            total=0,
            operation="ArchiveRetrieval",
            description=description,
            vault_job=archive,
        )

    gone = Step("Failed", reason="The archive was deleted before it could be read.")
    yesterday = retrieval("y", 0, Step("Succeeded"), "fetch the ledger of 2017")
    return (
        replace(yesterday, created_at=start - SOON_DELETED),
        retrieval("r", 4, Step("Succeeded"), "fetch the ledger of 2019"),
        retrieval("f", 7, gone, "fetch the ledger of 2018"),
    )


def opening(start: datetime) -> tuple[JobScript, ...]:
    """A success, a completion with failures and a failure, a few seconds after `start`."""
    succeeds = JobScript(
        id="de300001-0000-4000-9000-000000000001",
        created_at=start - LIVED_BEFORE,
        steps=(_active(timedelta(seconds=2)), Step("Complete")),
        total=1200,
        description="nightly copy to the archive bucket",
    )
    partly_fails = JobScript(
        id="de300002-0000-4000-9000-000000000002",
        created_at=start - LIVED_BEFORE,
        steps=(_active(timedelta(seconds=3.5), failing=0.04), Step("Complete")),
        total=800,
        operation="COSInitiateRestoreObject",
        description="restore 2019 photos",
    )
    stopped = Step("Failing", timedelta(seconds=1), reason="Failure threshold exceeded")
    fails = JobScript(
        id="de300003-0000-4000-9000-000000000003",
        created_at=start - LIVED_BEFORE,
        steps=(_active(timedelta(seconds=5), done=0.4, failing=0.62), stopped, Step("Failed")),
        total=5000,
        description="copy logs to the other region",
        failures=(THRESHOLD,),
    )
    return succeeds, partly_fails, fails


def _active(after: timedelta, *, done: float = 1.0, failing: float = 0.0) -> Step:
    """The work of a job that began before the demo and ends so long after its start."""
    return Step("Active", LIVED_BEFORE + after, done=done, failing=failing)
