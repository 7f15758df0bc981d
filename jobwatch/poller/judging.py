"""What holds of a source and its unfinished jobs, told when it begins, now and then, and when it ends.

Law: openings come of fresh data alone. What is open stands in the store, so nothing is told twice, whoever restarts.
Output that soon expires is told by data of any age: what an ended job gave is deleted though nobody looks.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    ConditionNote,
    ConditionState,
    Judgement,
    Move,
    moves,
)
from jobwatch.core.documents import Document
from jobwatch.core.events import CONDITIONS, Event, Severity, SourceEvent
from jobwatch.core.model import JobKey, Snapshot
from jobwatch.core.news import condition_event, condition_severity, expiring_event
from jobwatch.core.overview import SourceState
from jobwatch.core.recording import Desk, batch_for, notice_for
from jobwatch.core.rules import (
    Sight,
    Standing,
    both,
    expiring,
    horizon,
    is_fresh,
    judge_jobs,
    judge_source,
)
from jobwatch.poller.source import Source
from jobwatch.store import Store
from jobwatch.store.values import Lease

STEPS_AT_ONCE = 1000

Snapshots = dict[JobKey, Snapshot]


async def judge(source: Source, *, fresh: bool) -> None:
    """Judge the source, and its jobs: all of them where the data is fresh, else only those that have ended."""
    store, lease, now = source.store, source.lease, source.clock()
    state = await store.source(lease)
    opened = await store.open_conditions(lease)
    snapshots = {each.snapshot.key: each.snapshot for each in opened if each.snapshot is not None}
    sight = _sight(source, state)
    took = state.last_sweep.took if state.last_sweep else source.pace.every
    if fresh and is_fresh(sight.data_at, now, max(took, source.pace.every)):
        found = await store.possibly(lease, horizon(source.desk.rules, sight))
        snapshots |= {snapshot.key: snapshot for snapshot in found}
        read = frozenset(source.scopes or ())
    else:
        read = frozenset()
    # Of a job in a scope that is not there any more nobody knows anything new.
    snapshots = {
        key: each for key, each in snapshots.items() if not each.unfinished or key.scope in read
    }
    conditions = [each.condition for each in opened]
    jobs = judge_jobs(
        snapshots.values(),
        source.desk.rules,
        sight,
        is_open={each.subject: each for each in conditions},
    )
    judgement = both([jobs, _of_source(source, state, now)])
    await _tell(source, judgement, conditions, state, snapshots)
    # One of several scopes that was never read must not keep the others' output from being told.
    if state.baselined_at is not None or len(source.scopes or ()) > 1:
        await _remind(source)


def _sight(source: Source, state: SourceState) -> Sight:
    return Sight(
        data_at=state.unfinished_data_at or source.clock(),
        gaps=state.gaps,
        lifecycle=source.desk.lifecycle,
        clock_offset=source.clock_offset,
    )


def _of_source(source: Source, state: SourceState, now: datetime) -> Judgement:
    standing = Standing(
        failures=state.failures,
        failing_since=state.failing_since,
        suspect_since=state.suspect_since,
    )
    return judge_source(standing, source.desk.rules, now)


async def _tell(
    source: Source,
    judgement: Judgement,
    conditions: list[Condition],
    state: SourceState,
    snapshots: Snapshots,
) -> None:
    """Write the steps from what is open to what holds, with the events that tell them."""
    now = source.clock()
    steps = moves(
        judgement,
        conditions,
        place=source.desk.place,
        now=now,
        remind_every=source.desk.rules.remind_every,
    )
    teller = _Teller(source.store, source.lease, source.desk, state, now, source.sweep)
    if await teller.tell(steps, snapshots):
        source.recorded()


async def _remind(source: Source) -> None:
    """Tell whose output soon expires, each job once: it is marked in the transaction of its event."""
    store, lease, desk, now = source.store, source.lease, source.desk, source.clock()
    window = expiring(desk.rules, now + source.clock_offset)
    while window and (found := await store.expiring(lease, window, limit=STEPS_AT_ONCE)):
        details = await store.details(lease, [snapshot.row for snapshot in found])
        events = [
            expiring_event(each, desk.origin, observed_at=now, detail=details.get(each.row))
            for each in found
        ]
        notices = [notice_for(event, desk) for event in events]
        batch = batch_for((), desk, recorded_at=now, notices=notices)
        await store.record(lease, replace(batch, sweep=source.sweep))
        source.recorded()
        source.alive()
        if len(found) < STEPS_AT_ONCE:
            return


async def close_all(store: Store, lease: Lease, desk: Desk, now: datetime) -> int:
    """Close what is open of a source that nobody watches any more: whoever was called for it hears that it is over.

    Returns how many conditions there were.
    """
    opened = await store.open_conditions(lease)
    snapshots = {each.snapshot.key: each.snapshot for each in opened if each.snapshot is not None}
    steps = [
        Move(ConditionState.CLOSED, each.condition)
        for each in opened
        if each.snapshot is not None or each.condition.subject.key == OF_THE_SOURCE
    ]
    teller = _Teller(store, lease, desk, await store.source(lease), now)
    return await teller.tell(steps, snapshots)


class _Teller(NamedTuple):
    """Writes steps of conditions, with the events that tell them."""

    store: Store
    lease: Lease
    desk: Desk
    state: SourceState
    now: datetime
    sweep: str | None = None

    async def tell(self, steps: Sequence[Move], snapshots: Snapshots) -> int:
        """Write them, some at once: each stands alone, and thousands together would hold everything else up."""
        for first in range(0, len(steps), STEPS_AT_ONCE):
            await self._tell(steps[first : first + STEPS_AT_ONCE], snapshots)
        return len(steps)

    async def _tell(self, steps: Sequence[Move], snapshots: Snapshots) -> None:
        subjects = {step.condition.subject.key for step in steps} & set(snapshots)
        rows = [snapshots[key].row for key in subjects]
        details = await self.store.details(self.lease, rows)
        counts = await self._counts(steps)
        notices = [
            notice_for(self._event(step, snapshots, details, counts), self.desk, step)
            for step in steps
        ]
        batch = batch_for((), self.desk, recorded_at=self.now, notices=notices)
        await self.store.record(self.lease, replace(batch, sweep=self.sweep))

    async def _counts(self, steps: Iterable[Move]) -> dict[str, int]:
        """How many jobs are gone, where that is what is told."""
        if all(step.condition.subject.name is not ConditionName.SUSPECT for step in steps):
            return {}
        gone = await self.store.count_gone(self.lease)
        return {"missing": gone, "unfinished": self.state.unfinished}

    def _event(
        self,
        step: Move,
        snapshots: Snapshots,
        details: Mapping[int, Document],
        counts: Mapping[str, int],
    ) -> Event:
        key, note = step.condition.subject.key, step.condition.note(step.state)
        if key == OF_THE_SOURCE:
            return self._of_source(note, counts)
        snapshot = snapshots[key]
        detail = details.get(snapshot.row)
        return condition_event(
            note, snapshot, self.desk.origin, observed_at=self.now, detail=detail
        )

    def _of_source(self, note: ConditionNote, counts: Mapping[str, int]) -> SourceEvent:
        return SourceEvent(
            type=CONDITIONS[note.name],
            severity=condition_severity(note, Severity.CRITICAL),
            origin=self.desk.origin,
            observed_at=self.now,
            condition=note,
            error=self.state.last_error if self.state.failures else None,
            since=note.since,
            last_sweep_at=self.state.unfinished_data_at,
            counts=counts if note.name is ConditionName.SUSPECT else {},
        )
