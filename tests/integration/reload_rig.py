"""A daemon on a simulated account whose configuration file a test writes anew."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from structlog.testing import capture_logs
from structlog.typing import EventDict

from jobwatch.app import daemon
from jobwatch.app.clock import utc_now
from jobwatch.app.reloading import Origin
from jobwatch.settings import Loaded, load_settings
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import configuration

PATIENCE = 20.0


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a test writes on, and what it sees."""

    folder: Path
    simulation: Simulation
    tree: dict[str, Any]
    origin: Origin = field(init=False)
    entries: list[EventDict] = field(default_factory=list)
    url: str = ""

    def __post_init__(self) -> None:
        self.write()
        self.origin = Origin(load=self.load, path=self.file)

    @property
    def file(self) -> Path:
        return self.folder / "jobwatch.yaml"

    def load(self) -> Loaded:
        return load_settings(self.file, {})

    def write(self, text: str | None = None) -> None:
        """Write the configuration, in one step as an editor does."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text or yaml.safe_dump(self.tree), encoding="utf-8")
        fresh.replace(self.file)

    async def reload(self) -> EventDict:
        """Write it, ask for it as SIGHUP does, and give what the log says of it."""
        before = len(self.logged("configuration.reloaded", "configuration.refused"))
        self.write()
        self.origin.bell.ask()
        return await self.next_reload(before)

    async def next_reload(self, before: int = 0) -> EventDict:
        """What the log says of the reload that comes after so many others."""
        names = ("configuration.reloaded", "configuration.refused")
        await self.until(lambda: len(self.logged(*names)) > before, "a reload")
        return self.logged(*names)[before]

    async def looked_at(self, before: int = 0) -> EventDict:
        """Have the files looked at now and not once in five seconds, until a reload comes of it."""

        def reloaded() -> bool:
            self.origin.bell.ring()
            return len(self.logged("configuration.reloaded", "configuration.refused")) > before

        await self.until(reloaded, "a reload because of a file")
        return await self.next_reload(before)

    def logged(self, *names: str) -> list[EventDict]:
        return [each for each in self.entries if each["event"] in names]

    async def metrics(self) -> str:
        async with aiohttp.ClientSession() as client, client.get(f"{self.url}/metrics") as answer:
            return await answer.text()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not within {PATIENCE} s: {what}") from None

    def told(self, path: str = "/ops") -> list[str]:
        """The subjects of the endings that arrived, in order, the tries of one event once."""
        events = {
            each.id: each.event for each in self.simulation.sink.accepted if each.path == path
        }
        return [each["subject"] for each in events.values() if each["type"] == "job.failed"]

    async def heard(self, job_id: str, path: str = "/ops") -> None:
        await self.until(lambda: job_id in self.told(path), f"{job_id} told to {path}")

    def end(self, job_id: str) -> None:
        """Let a job begin and fail in the cloud now."""
        self.simulation.world.add(
            JobScript(id=job_id, created_at=utc_now(), steps=(Step("Failed"),))
        )

    def received(self, path: str) -> list[bytes]:
        """The bodies that arrived at a path, in order."""
        return [each.body for each in self.simulation.sink.received if each.path == path]

    def wait_for_a_person(self, job_id: str) -> None:
        """Let a job begin that a person has to confirm."""
        self.simulation.world.add(
            JobScript(id=job_id, created_at=utc_now(), steps=(Step("Suspended"),))
        )

    def about_conditions(self, source: str = "prod") -> list[dict[str, Any]]:
        """The events that arrived about conditions of a source, in order."""
        told = {each.id: each.event for each in self.simulation.sink.accepted}
        return [
            each
            for each in told.values()
            if each["data"].get("condition") and each["data"]["source"] == source
        ]

    def conditions(self, source: str = "prod") -> list[str]:
        return [each["data"]["condition"]["state"] for each in self.about_conditions(source)]


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """The daemon, its loops turning, its first sweep done."""
    async with Simulation(World(), clock=utc_now) as simulation:
        tree = configuration(simulation, 0)
        made = Stage(folder=folder, simulation=simulation, tree=tree)
        made.end("before")
        stop = asyncio.Event()

        def listening(url: str) -> None:
            made.url = url

        with capture_logs() as entries:
            made.entries = entries
            running = asyncio.create_task(
                daemon.run(made.load().settings, stop=stop, origin=made.origin, listening=listening)
            )
            try:
                await made.heard("before")
                yield made
            finally:
                stop.set()
                await running
