"""`jobwatch simulate`: the simulated cloud alone, COS Batch and CAS, with a configuration that watches it."""

import asyncio
from dataclasses import dataclass
from typing import Any

import yaml

from jobwatch import logs
from jobwatch.app.clock import utc_now
from jobwatch.cli.ending import Exit, Failed
from jobwatch.cli.running import stop_on_signals
from jobwatch.cli.screen import OutputFormat, Screen
from jobwatch.simulator.cloud import Cloud
from jobwatch.simulator.fault_spec import BadSpecError, parse_faults
from jobwatch.simulator.simulation import DEMO_ACCOUNT, DEMO_CREDENTIALS, Server
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import World

REGION = "ap-chengdu"
MOST_VAULT_JOBS = 1000
"""Few accounts have more: a vault's list holds jobs of hours, not of years."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of `jobwatch simulate`."""

    host: str
    port: int
    jobs: int
    seed: int
    speed: float
    faults: str


def simulate_cloud(wanted: Wanted, output: OutputFormat) -> None:
    """Run the cloud until Ctrl-C. Raises `Failed` where it cannot listen or the faults cannot be read."""
    logs.configure("warning")
    cloud = _cloud(wanted)
    asyncio.run(_serve(cloud, wanted, output))


def _cloud(wanted: Wanted) -> Cloud:
    start, seed, speed = utc_now(), wanted.seed, wanted.speed
    world = World.generate(start=start, seed=seed, jobs=wanted.jobs, speed=speed)
    few = min(wanted.jobs, MOST_VAULT_JOBS)
    vaults = VaultWorld.generate(start=start, seed=seed, jobs=few, speed=speed)
    try:
        faults = parse_faults(wanted.faults, seed=wanted.seed)
    except BadSpecError as error:
        raise Failed(f"--faults: {error}", code=Exit.MISUSED) from None
    return Cloud(world=world, vaults=vaults, account=DEMO_ACCOUNT, clock=utc_now, faults=faults)


async def _serve(cloud: Cloud, wanted: Wanted, output: OutputFormat) -> None:
    stop = stop_on_signals()
    server = Server(cloud.application(), wanted.port, host=wanted.host)
    try:
        await server.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Failed(f"cannot listen on {wanted.host}:{wanted.port}: {reason.lower()}") from None
    try:
        _introduce(server.url, output)
        await stop.wait()
    finally:
        await server.stop()


def minimal_configuration(endpoint: str) -> dict[str, Any]:
    """The least configuration that watches a simulated cloud: its batch jobs and its vaults."""
    batch = {"kind": "cos-batch", "uin": DEMO_ACCOUNT.uin, "appid": DEMO_ACCOUNT.appid}
    vaults = {"kind": "cas", "uid": DEMO_ACCOUNT.appid}
    return {
        "sources": {
            "simulated": _source(batch, endpoint),
            "simulated_vaults": _source(vaults, endpoint),
        }
    }


def _source(account: dict[str, str], endpoint: str) -> dict[str, Any]:
    """A source on an account; every one has keys of its own, as YAML would else write them once and refer to them."""
    keys = {"secret_id": DEMO_CREDENTIALS.secret_id, "secret_key": DEMO_CREDENTIALS.secret_key}
    provider = {**account, "region": REGION, "endpoint": endpoint, "credentials": keys}
    return {"every": "5s", "provider": provider}


def _introduce(endpoint: str, output: OutputFormat) -> None:
    """Say where the cloud is and how to watch it."""
    screen = Screen()
    configuration = minimal_configuration(endpoint)
    if output is OutputFormat.JSON:
        keys = configuration["sources"]["simulated"]["provider"]["credentials"]
        screen.document({"endpoint": endpoint, "credentials": keys, "configuration": configuration})
        return
    screen.words(f"The simulated cloud listens at {endpoint}. Ctrl-C stops it.")
    screen.words(f"secret_id   {DEMO_CREDENTIALS.secret_id}")
    screen.words(f"secret_key  {DEMO_CREDENTIALS.secret_key}")
    screen.words("\n# jobwatch.yaml: watches its batch jobs and its vaults")
    for line in yaml.safe_dump(configuration, sort_keys=False).splitlines():
        screen.words(line)
