"""One job field by field: what the listing, our own watching and DescribeJob know of it. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from jobwatch.core.model import Snapshot
from jobwatch.story.event_words import failure_reasons
from jobwatch.story.phrases import NOTHING, length, moment, percent, status_of, tasks

FAILED_BECAUSE = "failed because"


def fields(snapshot: Snapshot, now: datetime) -> Iterator[tuple[str, str]]:
    """Labels and what they say, in the order in which people ask."""
    job = snapshot.job
    counted = job.progress is not None and job.progress.total
    yield "description", job.description or NOTHING
    if job.scope:
        yield "scope", job.scope
    yield "operation", job.operation or NOTHING
    yield "status", f"{job.status} ({meaning(snapshot)})"
    share = f"{percent(job.progress)} ({tasks(job.progress)})" if job.progress else NOTHING
    yield "progress", share if counted else NOTHING
    yield "priority", NOTHING if job.priority is None else str(job.priority)
    yield "created", moment(job.created_at, now)
    yield "seen running", moment(snapshot.started_at, now)
    yield "ended", moment(job.ended_at, now)
    if job.created_at and job.ended_at:
        yield "took", length(job.ended_at - job.created_at)
    yield "in this status", moment(snapshot.status_since, now)
    yield "last progress", moment(snapshot.progressed_at if job.progress else None, now)
    yield "first seen", moment(snapshot.first_seen_at, now)
    yield "recorded", moment(snapshot.observed_at, now)
    if snapshot.missing_since is not None:
        yield "unknown to the cloud", moment(snapshot.missing_since, now)


def meaning(snapshot: Snapshot) -> str:
    """What the cloud's word for the status means: how the job ended, or its phase."""
    return status_of(snapshot) if snapshot.outcome else snapshot.job.phase.value


def detail_fields(detail: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What DescribeJob added, as it was told; an empty part is left out."""
    for name, value in detail.items():
        if name == "failures":
            yield from ((FAILED_BECAUSE, reason) for reason in failure_reasons(detail))
        elif name == "fields" and isinstance(value, Mapping):
            yield from detail_fields(value)
        elif isinstance(value, Mapping):
            parts = ", ".join(f"{key}: {item}" for key, item in value.items())
            yield name, parts or NOTHING
        elif value is not None:
            yield name.replace("_", " "), str(value)


def reasons(detail: Mapping[str, object] | None) -> list[str]:
    """Why a job ended as it did, or stands still: the cloud's own words, the most telling first."""
    if detail is None:
        return []
    single = (detail.get(name) for name in ("status_reason", "suspended_cause"))
    return [*failure_reasons(detail), *(each for each in single if isinstance(each, str) and each)]
