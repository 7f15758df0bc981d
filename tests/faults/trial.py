"""A watched source in trouble: real parts under a clock that only waiting moves, and the truth to compare with.

The loops of the poller, the detailer and the notifier run one after the other, each when it is due, as their pauses
and bells say. The wall clock of the daemon may be wrong, and may step; the cloud's clock and monotonic time do not.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from jobwatch.client import ApiClient, Surroundings
from jobwatch.core.gate import Bucket
from jobwatch.core.model import Job
from jobwatch.core.overview import SourceState
from jobwatch.core.rules import Rules
from jobwatch.credentials import ConfiguredKeys, CredentialSource
from jobwatch.detailer import release_details
from jobwatch.providers.cos_batch import CosBatch, CosBatchSettings
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.script import JobScript, state_at
from jobwatch.simulator.simulation import DEMO_ACCOUNT, Options, Simulation
from jobwatch.simulator.world import World
from tests.faults.times import HurriedTransport, Times
from tests.rig import EVERY, START, Given, Rig, rig

STEPS_A_MINUTE = 120
"""More steps of all loops together than that would be a loop that never rests."""
LONGEST_OPENING = timedelta(seconds=132)
RECOVERY = LONGEST_OPENING + EVERY * 1.1
"""One opening of the breaker and one interval, both with their jitter."""
RULES = Rules(
    stalled_after=timedelta(minutes=10),
    stuck_after=timedelta(hours=2),
    waiting_after=timedelta(minutes=15),
    unreachable_after=timedelta(minutes=5),
    remind_every=timedelta(hours=12),
)
MANY = 3
"""Jobs on a page where a listing has many pages, so that hot sweeps are worth their calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What /metrics said of the source at one moment of the cloud's clock. Ages are in seconds by our clock."""

    at: datetime
    up: bool
    age: float
    age_of_all: float


@dataclass(slots=True, kw_only=True)
class Trial:
    """One source with all its loops, and what was seen of it from outside."""

    one: Rig
    times: Times
    transport: HurriedTransport
    scripts: Sequence[JobScript]
    scrapes: list[Scrape] = field(default_factory=list)
    poll_at: float = 0.0
    detail_at: float = 0.0

    @property
    def client(self) -> ApiClient:
        return self.one.source.client

    def reach(self, **settings: str) -> None:
        """Let the next calls be for another account, or go to another place."""
        self.client.provider = provider_at(**{"endpoint": self.one.simulation.endpoint, **settings})

    # ── the daemon's life ───────────────────────────────────────────────────────────

    async def live(self, length: timedelta) -> None:
        """Let the loops run for so long."""
        end, steps = self.times.monotonic() + length.total_seconds(), 0
        while self.times.monotonic() < end:
            await self._step()
            steps += 1
            self.times.pass_to(min(end, self.poll_at, self.detail_at))
        assert steps <= max(STEPS_A_MINUTE, STEPS_A_MINUTE * length / timedelta(minutes=1)), (
            f"{steps} steps in {length}: a loop never rests"
        )

    async def until(self, moment: datetime) -> None:
        """Let the loops run until a moment of the cloud's clock."""
        await self.live(moment - self.times.true())

    async def _step(self) -> None:
        """Every loop that is due makes its turn; somebody scrapes after each of the poller's."""
        if self.times.monotonic() >= self.poll_at:
            pause = await self.one.poll()
            self.poll_at = self.times.monotonic() + pause.total_seconds()
            await self.scrape()
        if self.times.monotonic() >= self.detail_at:
            self.detail_at = float("inf")  # a bell that rings meanwhile is heard
            pause = await release_details(self.one.detailer)
            self.detail_at = min(self.detail_at, self.times.monotonic() + pause.total_seconds())
        await self.one.deliver()

    def hand_over(self, found: Job, version: int) -> None:
        self.one.source.inbox[found.key] = (found, version)
        self.poll_at = self.times.monotonic()

    def recorded(self) -> None:
        self.detail_at = self.times.monotonic()

    # ── what is seen from outside ───────────────────────────────────────────────────

    async def scrape(self) -> Scrape:
        self.one.metrics.show(await self.one.store.overview())
        now, said = self.times.ours.now.timestamp(), self.one.exposition()
        seen = Scrape(
            at=self.times.true(),
            up=bool(_value(said, 'jobwatch_source_up{source="prod"}')),
            age=now - _value(said, DATA_AT % "unfinished"),
            age_of_all=now - _value(said, DATA_AT % "all"),
        )
        self.scrapes.append(seen)
        return seen

    async def state(self) -> SourceState:
        return await self.one.state()

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.one.simulation.sink.events

    def conditions(self, event_type: str = "source.unreachable") -> list[dict[str, Any]]:
        """What was told of a condition of the source, in order."""
        return [event for event in self.events if event["type"] == event_type]

    def since(self, moment: datetime) -> list[Scrape]:
        """The scrapes from a moment of the cloud's clock on."""
        found = [scrape for scrape in self.scrapes if scrape.at >= moment]
        assert found
        return found

    def endings_told(self) -> list[dict[str, Any]]:
        """Every ending that was told."""
        over = {*ENDINGS.values(), "job.vanished"}
        return [event for event in self.events if event["type"] in over]

    def changes_told(self) -> list[dict[str, Any]]:
        """Everything else that was told of a job."""
        told = {event["id"] for event in self.endings_told()}
        jobs = [event for event in self.events if event["type"].startswith("job.")]
        return [event for event in jobs if event["id"] not in told]

    def endings(self) -> list[tuple[str, str]]:
        """(job, type) of every ending that was told, in order of the jobs."""
        return sorted((event["subject"], event["type"]) for event in self.endings_told())

    def truth(self) -> list[tuple[str, str]]:
        """The endings that a faithful witness has told by now: all since the baseline, of every job."""
        found = []
        for script in self.scripts:
            state = state_at(script, self.times.true())
            if state is None or not state.ended or state.ended_at is None:
                continue
            if state.ended_at >= START - timedelta(hours=1):
                found.append((script.id, _ending(state.status, state.failed)))
        return sorted(found)

    def event(self, event_type: str, subject: str) -> dict[str, Any]:
        (found,) = [
            each for each in self.events if (each["type"], each["subject"]) == (event_type, subject)
        ]
        return found

    def check_witnessed(self) -> None:
        """Every ending there was has been told, and nothing else."""
        assert self.endings() == self.truth()
        self.check_honesty()

    def check_honesty(self) -> None:
        """Nothing was told that is not so, and nothing twice."""
        scripts = {script.id: script for script in self.scripts}
        told: Counter[tuple[str, ...]] = Counter()
        for event in self.events:
            if event["type"].startswith("source."):
                continue
            shown = event["data"]["job"]
            told[event["type"], event["subject"], shown["status"]] += 1
            assert event["type"] in TOLD, f"{event['type']} of {event['subject']}"
            self._check_fact(event, scripts[event["subject"]])
        assert all(times == 1 for times in told.values()), f"told twice: {told.most_common(3)}"
        ids = [event["id"] for event in self.events]
        assert len(ids) == len(set(ids)), "an event was delivered twice"
        assert all(received.valid for received in self.one.accepted)

    def _check_fact(self, event: dict[str, Any], script: JobScript) -> None:
        shown = event["data"]["job"]
        begun = _begun(script, self.times.true())
        assert shown["status"] in begun, f"{script.id} never was {shown['status']}"
        if event["type"] in ENDINGS.values():
            state = state_at(script, self.times.true())
            assert state is not None
            assert state.ended_at is not None, f"{script.id} did not end"
            assert event["type"] == _ending(state.status, state.failed)
            assert datetime.fromisoformat(shown["ended_at"]) == state.ended_at
            assert event["data"]["detail"] is None or event["data"]["detail"]["manifest"]


DATA_AT = 'jobwatch_source_data_timestamp_seconds{scope="%s",source="prod"}'
ENDINGS = {"Complete": "job.succeeded", "Failed": "job.failed", "Cancelled": "job.cancelled"} | {
    "": "job.completed_with_failures"
}
TOLD = {*ENDINGS.values(), "job.discovered", "job.status_changed"}


def _ending(status: str, failed: int) -> str:
    return ENDINGS["" if status == "Complete" and failed else status]


def _begun(script: JobScript, now: datetime) -> set[str]:
    """The statuses that a job had by now."""
    begun, at = set(), script.created_at
    for each in script.steps:
        if at > now:
            break
        begun.add(each.status)
        at += each.lasts or timedelta(days=999)
    return begun


def _value(said: str, series: str) -> float:
    (found,) = [line for line in said.splitlines() if line.startswith(series)]
    return float(found.rpartition(" ")[2])


def provider_at(**settings: str) -> CosBatch:
    """The provider of the simulated account, or of another one."""
    usual = {"region": "ap-chengdu", "uin": DEMO_ACCOUNT.uin, "appid": DEMO_ACCOUNT.appid}
    return CosBatch(CosBatchSettings.model_validate({"kind": "cos-batch", **usual, **settings}))


def demo_keys(simulation: Simulation) -> ConfiguredKeys:
    keys = simulation.credentials
    return ConfiguredKeys(
        CredentialsSettings(
            secret_id=SecretStr(keys.secret_id), secret_key=SecretStr(keys.secret_key)
        )
    )


@asynccontextmanager
async def trial(
    path: Path,
    scripts: Sequence[JobScript],
    *,
    times: Times | None = None,
    many_pages: bool = False,
    keys: Callable[[Simulation], CredentialSource] | None = None,
) -> AsyncIterator[Trial]:
    """Open a simulated account with these jobs, and everything that watches it."""
    times = times or Times()
    quirks = Quirks(page_size=MANY) if many_pages else Quirks()
    simulation = Simulation(World(scripts), clock=times.true, options=Options(quirks=quirks))
    # Receivers stand in our own house and share our clock: this is about what is seen of the cloud.
    simulation.sink._clock = times.ours
    given = Given(rules=RULES, page_size=1 if many_pages else 1000)
    async with (
        simulation,
        rig(simulation, times.ours, path, given) as one,
        HurriedTransport(times) as transport,
    ):
        client = ApiClient(
            provider=provider_at(endpoint=simulation.endpoint),
            transport=transport,
            credentials=(keys or demo_keys)(simulation),
            bucket=Bucket(rate=10.0, burst=20),
            observer=one.source.metrics,
            around=Surroundings(
                now=times.ours,
                monotonic=times.monotonic,
                chance=lambda: 0.5,
                sleep=times.sleep,
            ),
            source="prod",
        )
        made = Trial(one=one, times=times, transport=transport, scripts=scripts)
        one.source.client, one.source.seconds = client, times.monotonic
        one.source.recorded = made.recorded
        one.detailer = replace(one.detailer, client=client, hand_over=made.hand_over)
        yield made
