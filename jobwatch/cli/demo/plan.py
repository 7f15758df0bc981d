"""What the demo is made of: a configuration like anybody's, and a world where something happens soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from jobwatch.core.model import FailureReason
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS, DEMO_WEBHOOK_SECRET
from jobwatch.simulator.world import World

SOURCE = "demo"
RECEIVER = "printer"
REGION = "ap-chengdu"
JOBS = 40
LIVED_BEFORE = timedelta(minutes=3)
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
    provider = {
        "kind": "cos-batch",
        "region": REGION,
        "uin": DEMO_ACCOUNT.uin,
        "appid": DEMO_ACCOUNT.appid,
        "endpoint": endpoint,
        "credentials": keys,
    }
    tree = {
        "instance": "demo",
        # What ended while the daemon started is told; the history of the simulated account is older.
        "sources": {SOURCE: {"every": "1s", "first_sight": "30s", "provider": provider}},
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
