"""One event for a person's eyes: what happened, to which job, why, since when, and how late it was told."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from rich.text import Text

from jobwatch.cli.event_line import STYLES
from jobwatch.cli.text import NOTHING, length, plain
from jobwatch.core.conditions import ConditionState
from jobwatch.core.events import EventType
from jobwatch.core.model import Outcome
from jobwatch.simulator.receiver import Received
from jobwatch.story.event_words import condition_words, failure_reasons, number, part, source_words

TEXT_CELLS = 120
_WORDS = {
    EventType.SUCCEEDED: "succeeded",
    EventType.COMPLETED_WITH_FAILURES: "completed, but tasks failed",
    EventType.FAILED: "failed",
    EventType.CANCELLED: "was cancelled",
    EventType.DISCOVERED: "was discovered",
    EventType.STATUS_CHANGED: "changed its status",
    EventType.VANISHED: "is gone",
    EventType.STALLED: "makes no progress",
    EventType.STUCK: "is stuck",
    EventType.WAITING: "waits for a person",
    EventType.OVERDUE: "takes too long",
    EventType.FAILING: "has too many failed tasks",
    EventType.OUTPUT_EXPIRING: "gave something that will soon be deleted",
    EventType.UNREACHABLE: "cannot be read",
    EventType.SUSPECT: "suddenly lacks most of its unfinished jobs",
    EventType.BASELINED: "was read for the first time",
    EventType.PAUSED: "is paused",
    EventType.TEST: "is sent a test",
    EventType.DIGEST: "is told many events at once",
}


def event_block(received: Received) -> Text:
    """The event as a block of lines."""
    event = received.event
    data = part(event, "data")
    style = STYLES.get(str(data.get("severity")), "green")
    block = Text.assemble(
        "\n",
        (f"● {plain(str(event.get('type')))}", f"bold {style}"),
        f"  {_headline(str(event.get('type')), data)}\n",
    )
    for name, words in _lines(received, data):
        block.append(f"    {name:<10}", "dim")
        block.append(f"{plain(words, TEXT_CELLS)}\n")
    block.rstrip()
    return block


def _headline(event_type: str, data: Mapping[str, object]) -> str:
    """Who did what: the job by its description, or the source by its name."""
    words = next((text for known, text in _WORDS.items() if known == event_type), "")
    if part(data, "condition").get("state") == ConditionState.CLOSED:
        words = f"{words}: no longer"
    job = part(data, "job")
    if not job:
        about = (
            f"receiver {data['receiver']}" if "receiver" in data else f"source {data.get('source')}"
        )
        return plain(f"{about} {words}".rstrip(), TEXT_CELLS)
    named = plain(str(job.get("description") or "a job without description"), TEXT_CELLS)
    return f"“{named}” {words}".rstrip()


def _lines(received: Received, data: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    job, condition = part(data, "job"), part(data, "condition")
    if job:
        yield from _of_the_job(data, job)
    for words in source_words(data) if not job else ():
        if words:
            yield "found", words
    if condition:
        yield "condition", condition_words(condition)
    if not condition and job and received.event.get("type") != EventType.OUTPUT_EXPIRING:
        yield (
            "status",
            f"{data.get('previous_status') or 'first seen'} → {job.get('status')}{_when(job)}",
        )
        yield "told", _told(received, job)
    yield "webhook", f"{received.id}, signature {'verified' if received.valid else 'NOT VALID'}"


def _of_the_job(data: Mapping[str, object], job: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    name = "/".join(
        str(each) for each in (data.get("source"), job.get("scope"), job.get("id")) if each
    )
    yield "job", f"{name}, {job.get('operation') or 'unknown operation'}"
    detail = part(data, "detail")
    if job.get("progress") is not None:
        yield "tasks", _tasks(part(job, "progress"))
    for reason in failure_reasons(detail):
        yield "why", reason
    if (
        detail.get("fields")
        and job.get("outcome") == Outcome.FAILED
        and detail.get("status_reason")
    ):
        yield "why", str(detail["status_reason"])
    expires_at = _moment(job.get("output_expires_at"))
    if expires_at:
        yield "output", f"to be fetched until {expires_at:%Y-%m-%d %H:%M:%S} UTC"
    if data.get("detail_error"):
        yield "why", f"the cloud gave no detail: {data.get('detail_error')}"


def _tasks(progress: Mapping[str, object]) -> str:
    failed, total = number(progress, "failed"), number(progress, "total")
    if not total:
        return "not counted"
    return f"{failed:,} of {total:,} failed, {number(progress, 'succeeded'):,} succeeded"


def _when(job: Mapping[str, object]) -> str:
    took = job.get("duration_seconds")
    ended_at = _moment(job.get("ended_at"))
    ended = f" at {ended_at:%H:%M:%S} UTC" if ended_at else ""
    lasted = (
        f", {length(timedelta(seconds=took))} after its creation"
        if isinstance(took, int | float)
        else ""
    )
    return ended + lasted


def _told(received: Received, job: Mapping[str, object]) -> str:
    """How late; the cloud tells ends in whole seconds, so this is up to a second too much."""
    ended_at = _moment(job.get("ended_at"))
    if ended_at is None:
        return NOTHING
    return f"{max(0.0, (received.at - ended_at).total_seconds()):.1f} s after it ended"


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None
