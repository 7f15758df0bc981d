"""Reloads by the hundred, from outside, while jobs end all the time; and reloads at the worst moments."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml

from jobwatch.app.clock import utc_now
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from tests.daemon import Daemon, configuration, free_port, get

STORM = 5.0
A_SECOND = 50
WRAPPER = (str(Path(__file__).parent / "dying_daemon.py"),)
NEVER_ANSWERS = Reply(delay=timedelta(seconds=60))

pytestmark = pytest.mark.timeout(300)


@dataclass(slots=True, kw_only=True)
class Storm:
    """A daemon in a process of its own, its configuration, and every job that ended."""

    simulation: Simulation
    daemon: Daemon
    truth: list[str] = field(default_factory=list)
    names: "count[int]" = field(default_factory=count)

    @property
    def process(self) -> int:
        assert self.daemon.process is not None
        return self.daemon.process.pid

    def end_a_job(self) -> None:
        name = f"job-{next(self.names):04}"
        self.truth.append(name)
        self.simulation.world.add(JobScript(id=name, created_at=utc_now(), steps=(Step("Failed"),)))

    def write(self, config: dict[str, Any]) -> None:
        file = self.daemon.folder / "jobwatch.yaml"
        fresh = file.with_suffix(".new")
        fresh.write_text(yaml.safe_dump(config), encoding="utf-8")
        fresh.replace(file)

    def hang_up(self) -> None:
        os.kill(self.process, signal.SIGHUP)

    def told(self) -> Counter[str]:
        """How often each event of an ending arrived, by job."""
        endings = [each for each in self.simulation.sink.accepted if each.path == "/ops"]
        return Counter(each.event["subject"] for each in endings)

    async def until(self, holds: Callable[[], object], within: float = 30.0) -> None:
        async with asyncio.timeout(within):
            while not holds():
                assert self.daemon.running, self.daemon.tail()
                await asyncio.sleep(0.05)

    async def all_told(self) -> None:
        try:
            await self.until(lambda: set(self.told()) == set(self.truth))
        except TimeoutError:
            missing = set(self.truth) - set(self.told())
            raise AssertionError(f"never told: {sorted(missing)}\n{self.daemon.tail()}") from None

    def answers(self) -> int:
        """How many reloads there were, good or bad."""
        events = ("configuration.reloaded", "configuration.refused")
        return sum(len(self.daemon.logged(each)) for each in events)

    async def answered(self, config: dict[str, Any]) -> None:
        """Write a configuration, ask for it, and wait until it holds or is refused."""
        before = self.answers()
        self.write(config)
        self.hang_up()
        await self.until(lambda: self.answers() > before)

    def page(self) -> str:
        return get(f"http://127.0.0.1:{self.daemon.port}/metrics")[1]

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process}/fd").iterdir()))

    def memory(self) -> int:
        """Bytes that the process holds now."""
        pages = Path(f"/proc/{self.process}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def storm(folder: Path, **how: Any) -> AsyncIterator[Storm]:
    async with Simulation(World(), clock=utc_now) as simulation:
        port = free_port()
        config = configuration(simulation, port)
        daemon = Daemon(folder=folder, config=config, port=port, **how)
        try:
            yield Storm(simulation=simulation, daemon=daemon)
        finally:
            if daemon.running:
                daemon.kill()


def variants(config: dict[str, Any], simulation: Simulation) -> list[dict[str, Any]]:
    """Configurations that watch the same account and tell the same URL, and differ in all else."""
    names = ("labels", "renamed", "both", "pace", "mistake", "way", "second")
    made = {name: deepcopy(config) for name in names}
    prod, ops = config["sources"]["prod"], config["receivers"]["ops"]
    made["labels"]["sources"]["prod"]["labels"] = {"team": "data"}
    made["renamed"]["sources"] = {"main": prod}
    made["both"]["sources"] = {"main": prod}
    for name in ("renamed", "both"):
        made[name]["receivers"] = {"team": ops}
    made["both"]["receivers"]["also"] = ops | {"url": simulation.hook_url("/also")}
    made["pace"]["sources"]["prod"]["rate_limit"] = {"requests_per_second": 400, "burst": 400}
    made["mistake"]["sources"]["prod"]["pace"] = "1s"
    made["way"]["egress"] = {"allow_http": True}
    beijing = prod["provider"] | {"region": "ap-beijing"}
    made["second"]["sources"]["second"] = prod | {"provider": beijing, "first_sight": "baseline"}
    made["second"]["receivers"]["ops"]["wants"]["sources"] = ["prod"]
    return [config, *made.values()]


async def test_a_storm_of_reloads_loses_nothing_repeats_nothing_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    async with storm(tmp_path) as at:
        at.daemon.start()
        await asyncio.to_thread(at.daemon.wait_ready)
        plain = at.daemon.config
        shapes = variants(plain, at.simulation)
        for each in [*shapes, plain]:  # everything was there once
            at.end_a_job()
            await at.answered(each)
        await at.all_told()
        files, memory = at.open_files(), at.memory()
        unready = await blow(at, shapes)
        await at.answered(plain)
        await at.all_told()
        assert set(at.told().values()) == {1}
        assert unready == []
        await at.until(lambda: at.open_files() <= files + 2)
        assert at.memory() - memory < 12 * 1024 * 1024
        assert at.daemon.logged("step.failed") == []
        assert get(f"http://127.0.0.1:{at.daemon.port}/healthz")[0] == 200
        ended = f"{len(at.truth)}.0"
        recorded = f'jobwatch_events_total{{source="prod",type="job.failed"}} {ended}'
        delivered = f'jobwatch_deliveries_total{{receiver="ops",state="delivered"}} {ended}'
        await at.until(lambda: recorded in at.page() and delivered in at.page())
        assert 'source="main"' not in at.page()
        assert at.answers() > 20
        assert await asyncio.to_thread(at.daemon.stop) == 0


async def blow(at: Storm, shapes: list[dict[str, Any]]) -> list[str]:
    """Write and ask fifty times a second, jobs ending meanwhile; what readiness said that was not well."""
    unready: list[str] = []
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in count():
        due = began + number / A_SECOND
        if due > began + STORM:
            return unready
        await asyncio.sleep(max(0.0, due - loop.time()))
        if number % 10 == 0:
            at.write(shapes[number // 10 % len(shapes)])
        if number % 7 == 0:
            at.end_a_job()
        if number % 25 == 0:
            status, said = await asyncio.to_thread(get, f"http://127.0.0.1:{at.daemon.port}/readyz")
            if status != 200:
                unready.append(said)
        at.hang_up()
    raise AssertionError


@pytest.mark.parametrize("moment", ["register:after", "rename:after"])
async def test_a_kill_in_the_middle_of_a_reload_leaves_what_the_next_start_makes_good(
    tmp_path: Path, moment: str
) -> None:
    async with storm(tmp_path) as at:
        # The receiver is down: what ends now waits for it, and has to come along.
        at.simulation.sink.always("/ops", Reply(status=503))
        at.daemon.program = WRAPPER
        at.daemon.environment = {"DIE_IN": f"{moment}:2"}  # the start was the first
        at.daemon.start()
        await asyncio.to_thread(at.daemon.wait_ready)
        at.end_a_job()
        await at.until(lambda: at.simulation.sink.received)
        renamed = variants(at.daemon.config, at.simulation)[2]
        at.write(renamed)
        at.hang_up()
        async with asyncio.timeout(30):
            while at.daemon.running:
                await asyncio.sleep(0.05)
        at.simulation.sink.always("/ops", None)
        at.daemon.program, at.daemon.environment = ("-m", "jobwatch"), {}
        at.daemon.config = renamed
        at.daemon.start()
        await asyncio.to_thread(at.daemon.wait_ready)
        at.end_a_job()
        await at.all_told()
        assert set(at.told().values()) == {1}
        names = {row[0] for row in at.daemon.query("SELECT name FROM sources")}
        assert names == {"main"}
        assert not at.daemon.query("SELECT 1 FROM deliveries WHERE state = 'dead'")


async def test_a_signal_while_another_daemon_has_the_store_is_answered_once_it_is_free(
    tmp_path: Path,
) -> None:
    async with storm(tmp_path) as at:
        at.daemon.start()
        await asyncio.to_thread(at.daemon.wait_ready)
        port = free_port()
        config = deepcopy(at.daemon.config) | {"http": {"listen": f"127.0.0.1:{port}"}}
        second = Daemon(folder=tmp_path, config=config, port=port)
        second.start()
        try:
            await at.until(lambda: second.logged("store.locked"))
            config["sources"]["prod"]["labels"] = {"team": "data"}
            at.write(config)
            assert second.process is not None
            second.process.send_signal(signal.SIGHUP)
            at.daemon.kill()
            await asyncio.to_thread(second.wait_ready)
            async with asyncio.timeout(30):
                while not second.logged("configuration.reloaded"):
                    await asyncio.sleep(0.05)
            (said,) = second.logged("configuration.reloaded")
            assert (said["trigger"], said["changed"]) == ("signal", ["sources.prod changed"])
        finally:
            second.kill()


async def test_a_receiver_that_never_answers_holds_up_its_removal_and_nobody_else(
    tmp_path: Path,
) -> None:
    async with storm(tmp_path) as at:
        slow = at.simulation.hook_url("/slow")
        for name in ("slow", "slower"):
            at.simulation.sink.always(f"/{name}", NEVER_ANSWERS)
            at.daemon.config["receivers"][name] = at.daemon.config["receivers"]["ops"] | {
                "url": slow.replace("/slow", f"/{name}"), "timeout": "1m",
            }  # fmt: skip
        at.daemon.start()
        await asyncio.to_thread(at.daemon.wait_ready)
        at.end_a_job()
        await at.until(lambda: len(at.simulation.sink.received) == 3)
        plain = configuration(at.simulation, at.daemon.port)
        plain["sources"]["prod"]["rate_limit"]["burst"] = 499  # the source is built anew
        at.write(plain)
        at.hang_up()
        async with asyncio.timeout(5):  # the receivers have ten seconds
            for _ in range(2):
                at.end_a_job()
                await at.all_told()
        assert at.answers() == 0
        await at.until(lambda: at.answers() == 1, within=12)
        assert get(f"http://127.0.0.1:{at.daemon.port}/healthz")[0] == 200
        dead = at.daemon.query("SELECT receiver, state FROM deliveries WHERE receiver <> 'ops'")
        assert set(dead) == {("slow", "dead"), ("slower", "dead")}
        at.end_a_job()
        await at.all_told()


@pytest.mark.parametrize("after", [0.0, 0.1])
async def test_a_stop_in_the_middle_of_a_reload_is_a_stop(tmp_path: Path, after: float) -> None:
    async with storm(tmp_path) as at:
        at.daemon.start()
        await asyncio.to_thread(at.daemon.wait_ready)
        at.write(variants(at.daemon.config, at.simulation)[3])
        at.hang_up()
        await asyncio.sleep(after)
        assert await asyncio.to_thread(at.daemon.stop) == 0
        assert at.daemon.logged("daemon.stopped")
        assert at.daemon.logged("step.failed") == []
