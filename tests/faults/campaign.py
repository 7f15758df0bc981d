"""A daemon with chats among its receivers, killed over and over, and what was in flight each time."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from jobwatch.app.clock import utc_now
from jobwatch.formats import FormatName, build
from jobwatch.formats.values import Recipient, Told
from jobwatch.settings import live_recipient, load_settings
from jobwatch.simulator.receiver import Reply, WebhookSink
from jobwatch.simulator.simulation import Server, Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port
from tests.faults.test_kills import Battle, running_jobs

CHATS: dict[str, FormatName] = {"robot": "wecom", "board": "feishu"}
ALL = ("ops", *CHATS)
SECONDS = 120.0
WRAPPER = str(Path(__file__).parent / "dying_daemon.py")
CODE_0 = Reply(status=200, body=b'{"errcode":0,"code":0}')


@dataclass(slots=True, kw_only=True)
class Campaign:
    """A battle with chats in it.

    By (receiver, event id): at how many kills it was `in_flight`, and how often a person `ordered` it sent again.
    """

    battle: Battle
    chats: WebhookSink
    in_flight: Counter[tuple[str, str]] = field(default_factory=Counter)
    ordered: Counter[tuple[str, str]] = field(default_factory=Counter)
    muted: set[str] = field(default_factory=set)

    @property
    def daemon(self) -> Daemon:
        return self.battle.daemon

    def killed(self) -> None:
        """Look at what the kill left behind."""
        self.battle.killed()
        claimed = "SELECT receiver, event_id FROM deliveries WHERE state = 'claimed'"
        self.in_flight.update((receiver, id_) for receiver, id_ in self.daemon.query(claimed))

    async def until_killed(self, *, patience: float = 30.0, more: int = 0) -> None:
        """Wait for the death, so many seconds; where none comes, let more jobs end so many times."""
        for _ in range(more):
            with suppress(TimeoutError):
                await self.battle.until(lambda: not self.daemon.running, within=patience)
                break
            self.battle.end_jobs()
        await self.battle.until(lambda: not self.daemon.running)
        self.killed()

    async def settled(self, receiver: str) -> None:
        """Wait until nothing is open for this receiver."""
        where = f"receiver = '{receiver}' AND state IN ('pending', 'claimed')"
        await self.battle.until(lambda: not self.count(where), within=SECONDS)

    def count(self, where: str) -> int:
        return int(self.daemon.query(f"SELECT count(*) FROM deliveries WHERE {where}")[0][0])

    async def order(self, *words: str, dying: str | None = None) -> None:
        """Run a command beside the daemon, to its end or to its death."""
        program = ["-m", "jobwatch"] if dying is None else [WRAPPER]
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, *program, *words, "--config", "jobwatch.yaml"],
            cwd=self.daemon.folder,
            env=os.environ | ({} if dying is None else {"DIE_IN": dying}),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == (0 if dying is None else -9), done.stderr.decode()

    def expected(self, receiver: str) -> dict[str, bytes]:
        """The body that each delivered event has as its receiver gets it, by event id."""
        settings = load_settings(self.daemon.folder / "jobwatch.yaml", {}).settings
        recipient = live_recipient(settings, receiver).current()
        rows = self.daemon.query(
            "SELECT e.id, e.type, e.body FROM deliveries d JOIN events e ON e.id = d.event_id "
            f"WHERE d.receiver = '{receiver}' AND d.state = 'delivered'"
        )
        format_: FormatName = settings.receivers[receiver].format
        return {
            id_: _body(format_, Told(id=id_, type=type_, body=body), recipient)
            for id_, type_, body in rows
        }


def _body(format_: FormatName, told: Told, recipient: Recipient) -> bytes:
    body = build(format_, told, recipient, utc_now()).body
    assert body is not None
    return body


@asynccontextmanager
async def campaign(folder: Path, jobs: int) -> AsyncIterator[Campaign]:
    chats = WebhookSink(clock=utc_now)
    server = Server(chats.application())
    await server.start()
    async with Simulation(World(running_jobs(jobs)), clock=utc_now) as simulation:
        port = free_port()
        config = configuration(simulation, port)
        more = {"wants": {"types": ["endings"]}, "timeout": "1s"}
        config["receivers"]["ops"] |= more
        # Four answers at once are settled together.
        simulation.sink.always("/ops", Reply(delay=timedelta(milliseconds=200)))
        for name, format_ in CHATS.items():
            chats.always(f"/{name}", CODE_0)
            digest = {"first": 1000 if name == "robot" else 0, "every": "1s"}
            config["receivers"][name] = more | {
                "url": f"{server.url}/{name}", "format": format_, "digest": digest,
            }  # fmt: skip
        daemon = Daemon(folder=folder, config=config, port=port)
        try:
            yield Campaign(battle=Battle(simulation=simulation, daemon=daemon), chats=chats)
        finally:
            if daemon.running:
                daemon.kill()
            await server.stop()
