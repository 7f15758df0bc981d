"""From observations to recorded changes, and from doubts and absences to observations."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from structlog.contextvars import bind_contextvars

from jobwatch.core.diff import Authority, Change, diff_page, refuse
from jobwatch.core.errors import (
    ApiError,
    CallWithheld,
    JobwatchError,
    NoCredentials,
    NoSuchJob,
    StaleWrite,
    TransportError,
)
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import Job, JobDetail, JobKey, Snapshot
from jobwatch.core.recording import NO_DETAILS, batch_for
from jobwatch.poller.source import Source, at_present

DESCRIBES_AT_ONCE = 8
STALE_TRIES = 3


async def observe(
    source: Source,
    jobs: Sequence[Job],
    watch: Watch,
    authority: Authority = Authority.LISTING,
    details: Mapping[JobKey, JobDetail] = NO_DETAILS,
) -> None:
    """Compare, record, and settle what a listing alone may not change.

    A snapshot that changed since it was read rolls everything back; it is read and judged again. `details` are the
    answers of DescribeJob that these jobs are from.
    """
    if not jobs:
        return
    for attempt in range(STALE_TRIES):
        # At the first load next to no job is known: reading them all in vain would cost a fifth of it. Where the
        # guess is wrong, the write is stale.
        guess_new = not (attempt or watch.baselined) and authority is Authority.LISTING
        keys = [] if guess_new else [job.key for job in jobs]
        known = await source.store.known(source.lease, keys)
        now = at_present(source, watch)
        found = diff_page(known, jobs, source.desk.lifecycle, now, authority=authority)
        try:
            await record(source, found.changes, details)
        except StaleWrite:
            continue
        for snapshot in found.same:
            source.index.learn(snapshot.row, snapshot.job.fingerprint)
        await _settle_doubts(source, found.doubted, known, watch)
        return
    raise StaleWrite(f"snapshots of {source.name} changed {STALE_TRIES} times while they were read")


async def observe_details(source: Source, details: Iterable[JobDetail], watch: Watch) -> None:
    """Compare and record what DescribeJob said. Its detail is told with what changed: nobody has to ask again."""
    by_key = {detail.job.key: detail for detail in details}
    jobs = [detail.job for detail in by_key.values()]
    await observe(source, jobs, watch, Authority.DESCRIBE, by_key)


async def record(
    source: Source, changes: Iterable[Change], details: Mapping[JobKey, JobDetail] = NO_DETAILS
) -> None:
    """Write changes, events and deliveries in one transaction; only then may the index know the bytes."""
    made = batch_for(
        changes,
        source.desk,
        recorded_at=source.clock(),
        details=details,
        clock_offset=source.clock_offset,
    )
    batch = replace(made, sweep=source.sweep)
    if batch.empty:
        return
    # Should the write fail, nobody knows whether it came through. An earlier doubt is not over because this one did.
    sure, source.index_sure = source.index_sure, False
    try:
        written = await source.store.record(source.lease, batch)
    except StaleWrite:
        source.index_sure = sure  # nothing was written
        raise
    source.index_sure = sure
    for entry in batch.entries:
        job = entry.change.after.job
        # A refused listing is known by its bytes as well, so that it is neither parsed nor asked about again.
        source.index.learn(written.rows[job.key], entry.change.after.refused or job.fingerprint)
    if written.events:
        source.recorded()


async def _settle_doubts(
    source: Source, doubted: Sequence[Job], known: dict[JobKey, Snapshot], watch: Watch
) -> None:
    """Ask DescribeJob about listings that contradict an ended job, and believe it."""
    for job in doubted:
        source.index.see(known[job.key].row)
    answers = await describe(source, [job.key for job in doubted])
    now = at_present(source, watch)
    refused: list[Change] = []
    confirmed: list[JobDetail] = []
    for job in doubted:
        answer, before = answers[job.key], known[job.key]
        if isinstance(answer, JobDetail):
            same = (answer.job.status, answer.job.outcome) == (before.job.status, before.outcome)
            if not same:
                confirmed.append(answer)
            elif job.fingerprint:  # without one, there is nothing to remember it by
                refused.append(refuse(before, job, now))
    await record(source, refused)
    await observe_details(source, confirmed, watch)
    # The pages behind this one are still worth reading; following what is absent ends the sweep for what stays open.
    source.unsettled += failures(answers.values())


Answers = dict[JobKey, JobDetail | JobwatchError]


async def describe(source: Source, keys: Sequence[JobKey]) -> Answers:
    """Every job's detail, or the error that was had instead; a few calls at once."""
    slots = asyncio.Semaphore(DESCRIBES_AT_ONCE)
    answers: Answers = {}

    async def ask(key: JobKey) -> None:
        bind_contextvars(scope=key.scope, job=key.id)  # of this task alone
        async with slots:
            try:
                answers[key] = await source.client.describe(key)
            except (ApiError, TransportError, NoCredentials, CallWithheld) as error:
                answers[key] = error
            source.alive()

    async with asyncio.TaskGroup() as group:
        for key in keys:
            group.create_task(ask(key))
    return answers


def failures(answers: Iterable[JobDetail | JobwatchError]) -> list[JobwatchError]:
    """The jobs that could not be read, each of which leaves the sweep incomplete; NoSuchJob is an answer."""
    return [
        answer
        for answer in answers
        if isinstance(answer, JobwatchError) and not isinstance(answer, NoSuchJob)
    ]
