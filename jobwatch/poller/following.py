"""Following what no list shows: DescribeJob says what became of it, and only its own NoSuchJob can prove it gone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from jobwatch.core.absence import is_suspect, missing, vanish
from jobwatch.core.diff import Agreement, agreement
from jobwatch.core.errors import NoSuchJob
from jobwatch.core.first_sight import Watch
from jobwatch.core.model import JobDetail, Snapshot
from jobwatch.core.overview import SourceState
from jobwatch.poller.observing import Answers, describe, failures, observe_details, record
from jobwatch.poller.source import Source, at_present

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What following found: how many jobs were asked about, and since when most of them are gone, if they are."""

    asked: int = 0
    suspect_since: datetime | None = None


async def follow(
    source: Source,
    absent: Sequence[Snapshot],
    watch: Watch,
    state: SourceState,
    *,
    proven_too: bool,
) -> Followed:
    """Ask DescribeJob about unfinished jobs that no page showed: jobs over 90 days old live on like this.

    1. Whatever an answer shows is recorded, unless it lags behind the snapshot.
    2. NoSuchJob begins or completes a proof; a job proved gone vanishes, unless most are gone at once. Jobs of a source
       that was suspect are asked for once more: it may have come back between two of these answers.
    3. What could not be asked leaves the sweep incomplete: the first such error is raised.

    `proven_too` asks again about those that are held back: a hot sweep leaves them to the next full one.
    """
    if not absent and not source.unsettled:
        return Followed()
    asked = [each for each in absent if proven_too or each.missing_proved_at is None]
    answers = await describe(source, [snapshot.key for snapshot in asked])
    await _observe(source, asked, answers, watch)
    failed = [*source.unsettled, *failures(answers.values())]
    unknown, gone = await _note_missing(source, asked, answers, watch)
    held = [each for each in absent if not proven_too and each.missing_proved_at is not None]
    unfinished = await source.store.count_unfinished(source.lease)
    # Proofs that began at different times end one after the other: all that is unknown by now counts against the
    # source, not only what is proved. What could not be asked about may be gone as well.
    missed = unknown + len(held) + len(failed)
    suspect = is_suspect(missed=missed, unfinished=unfinished)
    now = at_present(source, watch)
    if not suspect and state.suspect_since is None:
        await record(source, [vanish(each, now) for each in gone])
    elif gone and state.suspect_since is None:
        log.warning("absence.held", source=source.name, missed=missed, unfinished=unfinished)
    if failed:
        raise failed[0]
    proven = suspect and bool(gone or held)
    since = (state.suspect_since or now.observed_at) if proven else None
    return Followed(asked=len(asked), suspect_since=since)


async def _observe(
    source: Source, asked: Sequence[Snapshot], answers: Answers, watch: Watch
) -> None:
    lifecycle = source.desk.lifecycle
    found = [
        answer
        for snapshot in asked
        if isinstance(answer := answers[snapshot.key], JobDetail)
        and (
            snapshot.missing_since is not None  # any sighting ends a proof
            or agreement(snapshot, answer.job, lifecycle) is not Agreement.BEHIND
        )
    ]
    await observe_details(source, found, watch)


async def _note_missing(
    source: Source, asked: Sequence[Snapshot], answers: Answers, watch: Watch
) -> tuple[int, list[Snapshot]]:
    """Begin or complete proofs. Returns how many jobs the cloud does not know, and those that are proved gone."""
    now = at_present(source, watch)
    unknown = [each for each in asked if isinstance(answers[each.key], NoSuchJob)]
    proofs = [
        proof
        for each in unknown
        if (proof := missing(each, now, vanished_after=source.pace.vanished_after)) is not None
    ]
    await record(source, proofs)
    latest = {each.key: each for each in unknown} | {each.after.key: each.after for each in proofs}
    return len(unknown), [each for each in latest.values() if each.missing_proved_at is not None]
