"""A daemon full of canaries: no secret reaches a log, the store, a page, a metric or what a command prints."""

import asyncio
import base64
import subprocess
import sys
from pathlib import Path

import pytest

from jobwatch.app.clock import utc_now
from jobwatch.core.codec import Credentials
from jobwatch.simulator.admission import Account
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Options, Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port, get
from tests.rig import job, step

KEY = "CANARYsecretKEY0123456789"
IDENTITY = "CANARYsecretID0123456789"
TOKEN = "CANARYtoken0123456789"
PATH = "CANARYpath0123456789"
QUERY = "CANARYquery0123456789"
HEADER = "CANARYheader0123456789"
SIGNING = "whsec_" + base64.b64encode(b"CANARY signing secret 0123456789").decode()
CANARIES = (KEY, IDENTITY, TOKEN, PATH, QUERY, HEADER, SIGNING, SIGNING.removeprefix("whsec_"))

pytestmark = pytest.mark.timeout(120)


def command(daemon: Daemon, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "jobwatch", *words, "--config", str(daemon.folder / "jobwatch.yaml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def remains(daemon: Daemon) -> dict[str, str]:
    """What the daemon left on disk, besides its configuration."""
    files = [path for path in daemon.folder.iterdir() if path.name.startswith("jobwatch.db")]
    return {
        "log": daemon.log.read_text(encoding="utf-8"),
        "store": "\n".join(path.read_bytes().decode("latin-1") for path in files),
    }


async def test_no_secret_leaves_a_daemon_whose_receivers_shout_it_back(tmp_path: Path) -> None:
    now = utc_now()
    world = World(
        [
            job(f"job-{n}", step("Active", 2 + n, done=1.0), step("Failed"), created=now)
            for n in range(4)
        ]
    )
    account = Account(keys=(Credentials(secret_id=IDENTITY, secret_key=KEY, token=TOKEN),))
    async with Simulation(
        world, clock=utc_now, options=Options(account=account, secrets=[SIGNING])
    ) as sim:
        shout = " ".join((SIGNING, HEADER, f"/{PATH}?key={QUERY}")).encode()
        sim.sink.always(f"/{PATH}", Reply(status=500, body=shout))
        port = free_port()
        config = configuration(sim, port, log={"level": "debug", "format": "json"})
        config["sources"]["prod"]["provider"]["credentials"]["token"] = TOKEN
        loud = {
            "url": sim.hook_url(f"/{PATH}?key={QUERY}"),
            "secrets": [SIGNING],
            "headers": {"X-Key": HEADER},
            "wants": {"types": ["endings"]},
        }
        closed = loud | {"url": f"http://127.0.0.1:{free_port()}/{PATH}?key={QUERY}"}
        nowhere = loud | {"url": f"https://{PATH.lower()}.invalid/{PATH}?key={QUERY}"}
        config["receivers"] = {"loud": loud, "closed": closed, "nowhere": nowhere}
        daemon = Daemon(folder=tmp_path, config=config, port=port)
        daemon.start()
        try:
            await asyncio.to_thread(daemon.wait_ready)
            async with asyncio.timeout(60):
                while len(daemon.query("SELECT 1 FROM attempts")) < 12:
                    await asyncio.sleep(0.1)
            pages = [
                (await asyncio.to_thread(get, f"http://127.0.0.1:{port}{page}"))[1]
                for page in ("/", "/metrics", "/readyz", "/healthz")
            ]
            printed = [
                await asyncio.to_thread(command, daemon, *words)
                for words in (
                    ("check",),
                    ("check", "--output", "json"),
                    ("sources",),
                    ("jobs",),
                    ("deliveries", "--output", "json"),
                    ("events", "--output", "json"),
                )
            ]
        finally:
            assert await asyncio.to_thread(daemon.stop) == 0
    haystacks = remains(daemon) | {"pages": "\n".join(pages), "commands": "\n".join(printed)}
    assert len(haystacks["log"]) > 1000
    assert "attempts" in haystacks["store"]
    for place, text in haystacks.items():
        for canary in CANARIES:
            assert canary not in text, f"{canary} in {place}"
