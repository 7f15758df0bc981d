"""What is told of a job: its end, or a condition of it. What a person needs stands first."""

from collections.abc import Iterator

from jobwatch.formats.account import (
    Account,
    Event,
    condition_words,
    fact,
    labels_words,
    lasted,
    moment_words,
    present,
    since_words,
    source_words,
    titled,
)
from jobwatch.formats.message import Fact
from jobwatch.formats.reading import (
    CODE,
    DESCRIPTION,
    NAME,
    REASON,
    instant,
    number,
    section,
    sections,
    text,
)
from jobwatch.formats.telling_tasks import failing_words, task_words
from jobwatch.formats.telling_vaults import (
    EXPIRING,
    lesser_facts,
    operation_words,
    output_words,
    vault,
    vault_facts,
)
from jobwatch.formats.values import Document

NAMED = 100
"""Characters of a description that stand in a title."""
FAILURES = 3
"""Failures that are shown by themselves."""

_CLOSED = "closed"
_LASTING = {
    "job.stalled": "stalled",
    "job.stuck": "stuck",
    "job.waiting": "waiting",
    "job.overdue": "overdue",
}
"""Conditions that are told by how long they have held."""
_PLACES = ("bucket", "prefix")


def job_account(event: Event) -> Account:
    """Tell an event of a job."""
    return Account(
        title=titled(event, _name(event)),
        summary=event.voice.sentences(_summary(event)),
        facts=present(_facts(event)),
    )


def _job(event: Event) -> Document:
    return section(event.data, "job")


def _name(event: Event) -> str:
    """What a person calls the job: the words of its owner, else its id; and where it is."""
    job = _job(event)
    name = text(job, "description", NAMED) or text(job, "id", NAME)
    name = name or text(event.document, "subject", NAME)
    where = "/".join(filter(None, (event.source, vault(event))))
    if name and where:
        return event.say("named", name=name, source=where)
    return name or where


def _summary(event: Event) -> Iterator[str]:
    job = _job(event)
    status = text(job, "status")
    if event.type == EXPIRING:
        yield output_words(event)
        yield operation_words(event)
        return
    yield operation_words(event)
    if event.state:
        yield condition_words(event)
        yield from _condition(event, status)
    else:
        yield from _news(event, status)
    if text(job, "outcome"):
        yield from _ending(event)


def _news(event: Event, status: str) -> Iterator[str]:
    if event.type == "job.vanished":
        yield event.say("vanished")
        yield event.say("last_seen", status=status) if status else ""
    elif event.type == "job.status_changed" and status:
        yield event.say("became", status=status)
    yield task_words(event)
    took = _took(event)
    yield event.say("took", span=took) if took else ""


def _condition(event: Event, status: str) -> Iterator[str]:
    if event.state == _CLOSED:
        yield event.say("became", status=status) if status else ""
        yield task_words(event)
        return
    if event.type == "job.failing":
        yield failing_words(event)
        return
    span = lasted(event)
    key = _LASTING.get(event.type)
    if key == "stuck" and not status:
        key = "stuck_unsaid"
    if span is not None and event.state != "reminded" and key:
        yield event.say(key, span=event.voice.span(span), status=status)
    yield task_words(event)


def _ending(event: Event) -> Iterator[str]:
    job = _job(event)
    succeeded = number(section(job, "progress"), "succeeded")
    worked = text(job, "outcome") == "succeeded" or (
        text(job, "outcome") == "completed_with_failures" and succeeded
    )
    if worked and "restore" in text(job, "operation").lower() and not vault(event):
        yield event.say("restore")
    if worked:
        yield output_words(event)
    if event.data.get("late") is True:
        moment = moment_words(event, job, "ended_at")
        yield event.say("late", moment=moment) if moment else event.say("late_untimed")


def _took(event: Event) -> str:
    job = _job(event)
    began, ended = instant(job, "created_at"), instant(job, "ended_at")
    return event.voice.span(ended - began) if began and ended and began <= ended else ""


def _facts(event: Event) -> Iterator[Fact]:
    yield from _reasons(event)
    if event.state:
        yield fact(event, "since", since_words(event))
    else:
        yield fact(event, "ended", moment_words(event, _job(event), "ended_at"))
    yield fact(event, "source", source_words(event))
    yield from _identity(event)
    yield from vault_facts(event)
    report = section(event.data, "detail", "report")
    place = "/".join(filter(None, (text(report, name, DESCRIPTION) for name in _PLACES)))
    yield fact(event, "report", place, code=True)
    yield from _circumstances(event)


def _reasons(event: Event) -> Iterator[Fact]:
    """Why, in the cloud's words; or why these words could not be had."""
    detail = section(event.data, "detail")
    yield fact(event, "reason", _status_reason(event, detail))
    failures = sections(detail, "failures")
    for each in failures[:FAILURES]:
        code, message = text(each, "code"), text(each, "message", REASON)
        yield fact(event, "failure", ": ".join(filter(None, (code, message))))
    if len(failures) > FAILURES:
        yield fact(event, "failure", event.say("more", count=len(failures) - FAILURES))
    yield fact(event, "suspended_cause", text(detail, "suspended_cause", REASON))
    error = text(event.data, "detail_error")
    if error and not detail:
        known = f"why:{error}"
        why = event.say(known) if event.voice.knows(known) else error
        yield fact(event, "reason", event.say("no_detail", why=why))


def _status_reason(event: Event, detail: Document) -> str:
    """Why the job has its status; nothing where the cloud only says the status again."""
    reason = text(detail, "status_reason", REASON)
    return "" if reason.lower() == text(_job(event), "status").lower() else reason


def _identity(event: Event) -> Iterator[Fact]:
    job = _job(event)
    yield fact(event, "job", text(job, "id", NAME), code=True)
    description = text(job, "description", DESCRIPTION)
    if len(description) > NAMED:
        yield fact(event, "description", description)


def _circumstances(event: Event) -> Iterator[Fact]:
    job = _job(event)
    before, after = text(event.data, "previous_status"), text(job, "status")
    if before and after and before != after:
        after = event.say("changed", before=before, after=after)
    yield fact(event, "status", after)
    yield fact(event, "operation", text(job, "operation", CODE), code=True)
    yield fact(event, "created", moment_words(event, job, "created_at"))
    yield fact(event, "started", moment_words(event, job, "started_at"))
    if event.state:
        yield fact(event, "ended", moment_words(event, job, "ended_at"))
    yield fact(event, "labels", labels_words(event))
    manifest = text(section(event.data, "detail", "manifest"), "object", DESCRIPTION)
    yield fact(event, "manifest", manifest, code=True)
    yield from lesser_facts(event)
