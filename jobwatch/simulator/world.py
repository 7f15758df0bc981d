"""All the jobs of a simulated account: pure, a function of time and a seed.

Jobs come from scripts: written by a test (`add`), or drawn from a seed (`generate`), which also
lets new ones arrive for ever. `set`, `remove` and `freeze` let a test say exactly what the cloud
shows. Every question carries the time it is asked at; asking about an earlier time than before is
allowed. A job is listed for 90 days after its creation and unknown after that.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import Literal, TypedDict, Unpack

from jobwatch.core.model import FailureReason
from jobwatch.simulator.lives import Arrivals, history, under_way
from jobwatch.simulator.script import UNCOUNTED, JobScript, JobState, state_at

LISTED_FOR = timedelta(days=90)
DAWN = datetime(1, 1, 1, tzinfo=UTC)
FEW = 64
ALL = 10**9

Order = Literal["id", "created"]
Key = tuple[float, str]


class Changes(TypedDict, total=False):
    """What `World.set` can change of a job."""

    status: str
    total: int
    succeeded: int
    failed: int
    ended_at: datetime | None
    suspended_at: datetime | None
    reason: str
    failures: tuple[FailureReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some jobs in listing order, and whether others follow them."""

    states: tuple[JobState, ...]
    more: bool


class World:
    """Every job of one account. `order` is the order of its listing: by job id, or by creation."""

    _states: dict[str, JobState] | None

    def __init__(
        self,
        scripts: Iterable[JobScript] = (),
        *,
        arrivals: Arrivals | None = None,
        order: Order = "id",
    ) -> None:
        self._order = order
        self._arrivals = arrivals
        self._scripts: dict[str, JobScript] = {script.id: script for script in scripts}
        self._removed: set[str] = set()
        self._pins: dict[str, JobState] = {}
        self._frozen: datetime | None = None
        self._rewind()

    @classmethod
    def generate(
        cls,
        *,
        start: datetime,
        seed: int = 0,
        jobs: int = 40,
        unfinished: int | None = None,
        speed: float = 1.0,
        order: Order = "id",
    ) -> "World":
        """Draw a world of `jobs` jobs at `start`, some of them under way, with more to come.

        Unless said otherwise a quarter of them are unfinished, at most 50.
        """
        live = min(50, -(-jobs // 4)) if unfinished is None else min(jobs, unfinished)
        scripts = [*history(seed, jobs - live, start), *under_way(seed, live, start, speed)]
        arrivals = Arrivals(seed=seed, start=start, speed=speed)
        return cls(scripts, arrivals=arrivals, order=order)

    # ── what tests say ──────────────────────────────────────────────────────────────

    def add(self, script: JobScript) -> None:
        """Put a job into the world, in place of one with the same id."""
        self._forget(script.id)
        self._removed.discard(script.id)
        self._pins.pop(script.id, None)
        self._scripts[script.id] = script
        heappush(self._unborn, (script.created_at, script.id))

    def set(self, job_id: str, now: datetime, **changes: Unpack[Changes]) -> JobState:
        """Change what the cloud shows of a job; from now on only `set` moves it.

        Any status word may be given, documented or not. What a status implies need not be said:
        the total of the script, `ended_at` of an ending, `suspended_at` of Suspended, and that a
        Complete job has tried every task. KeyError where there is no such job.
        """
        state = self.job(job_id, now)
        if state is None:
            raise KeyError(job_id)
        _imply(state, changes, state.script.shown(now))
        self._forget(job_id)
        self._pins[job_id] = replace(state, **changes)
        self._live[job_id] = state.script
        return self._pins[job_id]

    def remove(self, job_id: str) -> None:
        """Take a job out of the world: the listing is without it, DescribeJob knows no such job."""
        self._forget(job_id)
        self._removed.add(job_id)

    def freeze(self, at: datetime) -> None:
        """Let the world stand still at a time, whatever time it is asked about."""
        self._frozen = at

    def thaw(self) -> None:
        """Let the world move again."""
        self._frozen = None

    # ── what the cloud asks ─────────────────────────────────────────────────────────

    def job(self, job_id: str, now: datetime) -> JobState | None:
        """One job, None where the cloud does not know it (yet, or any more)."""
        live = self._advance(now)
        return live.get(job_id) or self._ended.get(job_id)

    def jobs_at(self, now: datetime) -> tuple[JobState, ...]:
        """Every listed job, in listing order."""
        return self.page(now, limit=ALL).states

    def page(
        self,
        now: datetime,
        *,
        status: str | None = None,
        after: str | None = None,
        limit: int = 1000,
    ) -> Page:
        """List jobs that follow the job `after`. KeyError where there is no such job."""
        live = self._advance(now)
        start = (float("-inf"), "") if after is None else self._key_of(after)
        ended = self._index.get(status, [])
        first = bisect_right(ended, start)
        keys = ended[first : first + limit + 1]
        keys += [
            key
            for state in live.values()
            if status in (None, state.status) and (key := self._key(state.script)) > start
        ]
        keys.sort()
        states = [live.get(key[1]) or self._ended[key[1]] for key in keys[: limit + 1]]
        return Page(states=tuple(states[:limit]), more=len(states) > limit)

    # ── how it stays fast: ended jobs lie sorted, only the others are computed ──────

    def _rewind(self) -> None:
        self._now = DAWN
        self._arrived = 0
        self._live: dict[str, JobScript] = {}
        self._ended: dict[str, JobState] = {}
        self._index: dict[str | None, list[Key]] = {None: []}
        self._states = None
        self._ages: list[tuple[datetime, str]] = []
        self._unborn = [(script.created_at, script.id) for script in self._scripts.values()]
        heapify(self._unborn)

    def _advance(self, asked: datetime) -> dict[str, JobState]:
        """Bring the world to a time; answer the jobs that have not ended then (and every pin)."""
        now = self._frozen or asked
        if now < self._now:
            self._rewind()
        if now > self._now or self._states is None or self._is_due(now):
            self._now = now
            self._arrive(now)
            self._grow_old(now)
            self._states = self._settle(now)
        return self._states

    def _is_due(self, now: datetime) -> bool:
        return bool(self._unborn) and self._unborn[0][0] <= now

    def _arrive(self, now: datetime) -> None:
        while self._arrivals and self._arrivals.at(self._arrived) <= now:
            script = self._arrivals.script(self._arrived)
            self._arrived += 1
            if script.id not in self._removed:
                self._scripts.setdefault(script.id, script)
                heappush(self._unborn, (script.created_at, script.id))
        while self._is_due(now):
            created_at, job_id = heappop(self._unborn)
            if job_id not in self._removed:
                self._live[job_id] = self._scripts[job_id]
                heappush(self._ages, (created_at, job_id))

    def _grow_old(self, now: datetime) -> None:
        while self._ages and self._ages[0][0] <= now - LISTED_FOR:
            created_at, job_id = heappop(self._ages)
            if self._scripts[job_id].created_at == created_at:
                self._forget(job_id)

    def _settle(self, now: datetime) -> dict[str, JobState]:
        """Compute the live jobs, and put those that ended away."""
        live: dict[str, JobState] = {}
        over: list[JobState] = []
        for job_id, script in self._live.items():
            state = self._pins.get(job_id) or state_at(script, now)
            if state is None:
                continue
            if state.ended and job_id not in self._pins:
                over.append(state)
            else:
                live[job_id] = state
        self._put_away(over)
        return live

    def _put_away(self, over: list[JobState]) -> None:
        for state in over:
            del self._live[state.id]
            self._ended[state.id] = state
            for name in (None, state.status):
                keys = self._index.setdefault(name, [])
                if len(over) > FEW:
                    keys.append(self._key(state.script))
                else:
                    insort(keys, self._key(state.script))
        if len(over) > FEW:
            for keys in self._index.values():
                keys.sort()

    def _forget(self, job_id: str) -> None:
        """Drop whatever was computed of a job; its script and its pin stay."""
        self._states = None
        self._live.pop(job_id, None)
        state = self._ended.pop(job_id, None)
        if state is None:
            return
        for name in (None, state.status):
            keys = self._index[name]
            del keys[bisect_right(keys, self._key(state.script)) - 1]

    def _key(self, script: JobScript) -> Key:
        return (script.created_at.timestamp() if self._order == "created" else 0.0, script.id)

    def _key_of(self, job_id: str) -> Key:
        if job_id not in self._live and job_id not in self._ended:
            raise KeyError(job_id)
        return self._key(self._scripts[job_id])


def _imply(state: JobState, changes: Changes, now: datetime) -> None:
    """Add to `changes` what its status implies."""
    status = changes.get("status")
    if status is None:
        return
    changes.setdefault("ended_at", now if status in state.script.endings else None)
    if status == "Suspended":
        changes.setdefault("suspended_at", now)
    if status not in UNCOUNTED:
        changes.setdefault("total", state.total or state.script.total)
    if status == "Complete":
        tried = changes.get("total", 0) - changes.get("failed", state.failed)
        changes.setdefault("succeeded", tried)
