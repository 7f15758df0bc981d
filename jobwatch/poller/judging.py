"""What holds of a source and its unfinished jobs, told when it begins, now and then, and when it ends.

Law: openings come of fresh data alone. What is open stands in the store, so nothing is told twice, whoever restarts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from jobwatch.core.conditions import (
    OF_THE_SOURCE,
    Condition,
    ConditionName,
    ConditionNote,
    Judgement,
    Move,
    moves,
)
from jobwatch.core.documents import Document
from jobwatch.core.events import (
    CONDITIONS,
    Event,
    Severity,
    SourceEvent,
    condition_event,
    condition_severity,
)
from jobwatch.core.model import JobKey, Snapshot
from jobwatch.core.overview import SourceState
from jobwatch.core.recording import Notice, batch_for, notice_for
from jobwatch.core.rules import (
    Sight,
    Standing,
    both,
    horizon,
    is_fresh,
    judge_jobs,
    judge_source,
)
from jobwatch.poller.source import Source

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
    else:
        snapshots = {key: each for key, each in snapshots.items() if not each.unfinished}
    conditions = [each.condition for each in opened]
    jobs = judge_jobs(
        snapshots.values(),
        source.desk.rules,
        sight,
        is_open={each.subject: each for each in conditions},
    )
    judgement = both([jobs, _of_source(source, state, now)])
    await _tell(source, judgement, conditions, state, snapshots)


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
    if not steps:
        return
    counts = await _counts(source, steps, state)
    subjects = {step.condition.subject.key for step in steps}
    rows = [snapshot.row for key, snapshot in snapshots.items() if key in subjects]
    details = await source.store.details(source.lease, rows)
    told = _Telling(source, state, counts, details, now)
    notices = [_notice(told, step, snapshots) for step in steps]
    batch = batch_for((), source.desk, recorded_at=now, notices=notices)
    await source.store.record(source.lease, batch)
    source.recorded()


async def _counts(source: Source, steps: Iterable[Move], state: SourceState) -> dict[str, int]:
    """How many jobs are gone, where that is what is told."""
    if all(step.condition.subject.name is not ConditionName.SUSPECT for step in steps):
        return {}
    gone = await source.store.count_gone(source.lease)
    return {"missing": gone, "unfinished": state.unfinished}


class _Telling(NamedTuple):
    """What every event of one judgement is made of. `counts` are those of a suspect source, `details` go by row."""

    source: Source
    state: SourceState
    counts: Mapping[str, int]
    details: Mapping[int, Document]
    now: datetime


def _notice(telling: _Telling, step: Move, snapshots: Snapshots) -> Notice:
    subject, desk = step.condition.subject, telling.source.desk
    note = step.condition.note(step.state)
    event: Event
    if subject.key == OF_THE_SOURCE:
        event = _source_event(telling, note)
    else:
        snapshot = snapshots[subject.key]
        detail = telling.details.get(snapshot.row)
        event = condition_event(note, snapshot, desk.origin, observed_at=telling.now, detail=detail)
    return notice_for(event, desk, step)


def _source_event(telling: _Telling, note: ConditionNote) -> SourceEvent:
    state = telling.state
    return SourceEvent(
        type=CONDITIONS[note.name],
        severity=condition_severity(note, Severity.CRITICAL),
        origin=telling.source.desk.origin,
        observed_at=telling.now,
        condition=note,
        error=state.last_error if state.failures else None,
        since=note.since,
        last_sweep_at=state.unfinished_data_at,
        counts=telling.counts if note.name is ConditionName.SUSPECT else {},
    )
