"""The world that is watched: scripted jobs, deeds at their times, two clocks, and a record of all that was served."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop
from random import Random

from jobwatch.core.model import JobKey
from jobwatch.simulator.script import JobState, state_at
from jobwatch.simulator.vaults import VaultWorld
from jobwatch.simulator.world import Page, World
from tests.truth.lives import START, Act, Deed, Life
from tests.truth.trouble import Plan, Vault

REPEATED = 0.02
"""How often a page shows a job twice, first as it was a little earlier."""


@dataclass(slots=True)
class Clocks:
    """The cloud's clock, by which lives run, and ours, which is wrong by `wrong`."""

    cloud: datetime = START
    wrong: timedelta = timedelta()

    def ours(self) -> datetime:
        return self.cloud + self.wrong

    def by_cloud(self) -> datetime:
        return self.cloud

    def monotonic(self) -> float:
        return (self.cloud - START).total_seconds()

    def advance(self, by: timedelta) -> None:
        self.cloud += by


class Stage(World):
    """A world in which jobs hide from the listing, vanish, return and are opened again."""

    def __init__(self, lives: list[Life], rng: Random) -> None:
        super().__init__(life.script for life in lives)
        self.lives = {life.id: life for life in lives}
        self.hidden: set[str] = set()
        self.served: list[JobState] = []
        self.more = False
        self._rng = rng
        self._due = [(act.at, life.id, n) for life in lives for n, act in enumerate(life.acts)]
        heapify(self._due)

    def act(self, now: datetime) -> None:
        """Do what is due by now."""
        while self._due and self._due[0][0] <= now:
            _, job_id, number = heappop(self._due)
            self._do(self.lives[job_id], self.lives[job_id].acts[number], by_seconds(now))

    def _do(self, life: Life, act: Act, now: datetime) -> None:
        match act.deed:
            case Deed.HIDE:
                self.hidden.add(life.id)
            case Deed.SHOW:
                self.hidden.discard(life.id)
            case Deed.REMOVE:
                self.remove(life.id)
            case Deed.RETURN:
                self.add(life.script)
            case Deed.REOPEN:
                self.set(life.id, now, status=act.status, succeeded=0, failed=0)
            case Deed.END_AGAIN:
                self.set(life.id, now, status=act.status)

    def job(self, job_id: str, now: datetime) -> JobState | None:
        state = super().job(job_id, by_seconds(now))
        self.served = [state] if state else []
        return state

    def page(
        self,
        now: datetime,
        *,
        status: str | None = None,
        after: str | None = None,
        limit: int = 1000,
    ) -> Page:
        if after in self.hidden:
            raise KeyError(after)
        now = by_seconds(now)
        found = super().page(now, status=status, after=after, limit=limit + len(self.hidden))
        states = [state for state in found.states if state.id not in self.hidden]
        shown = states[:limit]
        twice = self._earlier(shown, now)
        self.served, self.more = [*twice, *shown], found.more or len(states) > limit
        return Page(states=(*twice, *shown), more=self.more)

    def _earlier(self, shown: list[JobState], now: datetime) -> list[JobState]:
        if not shown or self._rng.random() >= REPEATED:
            return []
        script = self._rng.choice(shown).script
        words = [step.status for step in script.steps]
        # Where statuses come again, nobody can tell which of two sightings is the older one.
        if script.id in self._pins or len(set(words)) < len(words):
            return []
        state = state_at(script, now - timedelta(seconds=20))
        return [state] if state else []


class Vaults(VaultWorld):
    """The stages of the vaults that there are at present."""

    def __init__(self, vaults: tuple[Vault, ...], stages: dict[str, Stage]) -> None:
        super().__init__(stages)
        self._stages = stages
        self._due: list[tuple[datetime, str, bool]] = []
        for vault in vaults:
            for gone in vault.gone:
                self._due.append((gone.begin, vault.name, False))
                if gone.end is not None:
                    self._due.append((gone.end, vault.name, True))
        heapify(self._due)

    def act(self, now: datetime) -> None:
        """Create and delete what is due by now."""
        while self._due and self._due[0][0] <= now:
            _, name, there = heappop(self._due)
            if there:
                self.add(name, self._stages[name])
            else:
                self.remove(name)


class Scene:
    """All that one cloud shows: a stage for each vault, or the one stage where there are none."""

    def __init__(self, plan: Plan, rng: Random) -> None:
        by_scope: dict[str, list[Life]] = {vault.name: [] for vault in plan.vaults} or {"": []}
        for life in plan.lives:
            by_scope[life.scope].append(life)
        self.lives = {life.key: life for life in plan.lives}
        self.stages = {scope: Stage(lives, rng) for scope, lives in by_scope.items()}
        self.vaults = Vaults(plan.vaults, self.stages if plan.of_vaults else {})

    def act(self, now: datetime) -> None:
        """Do what is due by now."""
        for stage in self.stages.values():
            stage.act(now)
        self.vaults.act(now)

    def state(self, life: Life, now: datetime) -> JobState | None:
        """What is true of a job, whether its vault is there or not."""
        if all(act.at > now for act in life.acts):
            return state_at(life.script, by_seconds(now))  # whatever was done to it since
        return World.job(self.stages[life.scope], life.id, now)

    def hides(self, life: Life) -> bool:
        """Whether the listing is without a job at present."""
        return life.id in self.stages[life.scope].hidden


def by_seconds(now: datetime) -> datetime:
    """The world moves by whole seconds: computing it anew for each call costs more than all of jobwatch."""
    return now.replace(microsecond=0)


@dataclass(slots=True)
class Served:
    """What the cloud showed of jobs, and when: `sure` where jobwatch has surely taken it in."""

    maybe: dict[tuple[JobKey, bool], datetime] = field(default_factory=dict)
    sure: dict[tuple[JobKey, bool], datetime] = field(default_factory=dict)
    present: set[tuple[JobKey, bool]] = field(default_factory=set)

    def note(self, scope: str, states: list[JobState], now: datetime, *, whole: bool) -> None:
        """Note what an answer shows; `whole` where nothing bends it on its way."""
        for state in states:
            shown = JobKey(scope, state.id), state.ended
            self.maybe.setdefault(shown, now)
            if whole:
                self.present.add(shown)

    def turned(self, now: datetime, *, whole: bool) -> None:
        """A turn of the poller is over; what it was shown is recorded if nothing cut it short."""
        if whole:
            for each in self.present:
                self.sure.setdefault(each, now)
        self.present.clear()
