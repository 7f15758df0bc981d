"""What `data` holds in each family of events: the schemas that `dataschema` names.

Everything is required that is always there, and null is said where it may be; other fields may come.
"""

from jobwatch.core.breaker import PauseReason
from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.documents import FAILURES_TOLD
from jobwatch.core.events import Severity
from jobwatch.core.model import Outcome, Phase
from jobwatch.core.schemas.fields import provider_fields
from jobwatch.core.schemas.parts import (
    DIALECT,
    NAME,
    Schema,
    count,
    filled,
    flag,
    moment,
    number,
    or_null,
    ratio,
    record,
    several,
    shaped,
    table,
    text,
    urn,
    word,
)

FAMILIES = {"job": "job", "source": "source", "receiver": "receiver", "digest": "digest.data"}
"""The name of the schema of `data`, by the first word of the types. `digest` itself is a type."""


def family(name: str) -> Schema:
    """The schema of `data` in a family, by the first word of its types. `KeyError` for any other word."""
    about, properties, optional = {
        "job": ("What is told of a job.", _job_data(), ("detail_error",)),
        "source": ("What is told of a source.", _source_data(), tuple(_counts())),
        "receiver": ("What is told of a receiver.", _receiver_data(), ()),
        "digest": ("Many events in one.", _digest_data(), ()),
    }[name]
    return {
        "$schema": DIALECT,
        "$id": urn(FAMILIES[name]),
        "title": f"data of {name} events",
        **record(about, properties, optional=optional),
    }


def _everywhere() -> Schema:
    return {
        "severity": word("How urgent it is to know this.", Severity),
        "observed_at": moment("When jobwatch saw it: UTC, RFC 3339."),
    }


def _place() -> Schema:
    return {
        "source": shaped("The name of the source in the configuration.", NAME),
        "provider": filled("The kind of cloud API that lists the jobs, such as `cos-batch`."),
        "region": filled("The cloud's region, such as `ap-chengdu`."),
        "labels": table("Labels that the configuration gives this source."),
    }


def _receiver() -> Schema:
    return {"receiver": shaped("The name of the receiver in the configuration.", NAME)}


def _links(**known: str) -> Schema:
    about = "Where a person can look; empty where `http.public_url` is not set."
    links: Schema = {name: filled(words) for name, words in known.items()}
    return {"links": record(about, links, optional=links)}


def condition() -> Schema:
    """The `data.condition` part."""
    about = "What opens and closes under one id; null where the event tells of none."
    properties: Schema = {
        "name": word("What holds.", ConditionName),
        "state": word("What happened to it now.", ConditionState),
        "id": shaped("The same from its opening to its closing.", "cnd_[a-z2-7]{26}"),
        "since": moment("Since when it holds: UTC, RFC 3339."),
        "reminder": count("How many reminders were told so far."),
    }
    return or_null(record(about, properties))


def _job_data() -> Schema:
    why = "Why `detail` is null although it was asked for: a word of ours, or the cloud's code."
    return {
        **_place(),
        **_everywhere(),
        "previous_status": or_null(text("The status recorded before; null where there is none.")),
        "late": flag("The job ended while nobody watched, and this is told long after."),
        "condition": condition(),
        "job": _job(),
        "detail": or_null(_detail()),
        "detail_error": filled(why),
        **_links(job="The page of the job."),
    }


def _job() -> Schema:
    by_cloud = "by the cloud's clock: UTC, RFC 3339"
    properties: Schema = {
        "id": filled("The cloud's id of the job."),
        "scope": or_null(filled("The vault that the job belongs to; null where there are none.")),
        "status": text("The cloud's own word for where the job stands."),
        "phase": word("jobwatch's coarse class of the status.", Phase),
        "outcome": or_null(word("How the job ended; null while it has not.", Outcome)),
        "operation": text("What the job does to each object, in the cloud's words."),
        "description": text("What its owner wrote, at most 1,024 characters."),
        "priority": or_null({"description": "Higher runs first.", "type": "integer"}),
        "created_at": or_null(moment(f"When it was created, {by_cloud}.")),
        "started_at": or_null(moment("When it was first seen running; null if never.")),
        "ended_at": or_null(moment(f"When it ended, {by_cloud}.")),
        "duration_seconds": or_null(number("From creation to end, in seconds.")),
        "output_expires_at": or_null(
            moment(
                f"When what it gave can no longer be fetched, {by_cloud}; null where nothing can."
            )
        ),
        "progress": or_null(_progress()),
    }
    return record("The job as last recorded.", properties)


def _progress() -> Schema:
    properties: Schema = {
        "total": count("Tasks of the job; 0 until its manifest is read."),
        "succeeded": count("Tasks that succeeded."),
        "failed": count("Tasks that failed."),
        "finished_ratio": or_null(ratio("Finished of total, 0 to 1; null before the first one.")),
        "failed_ratio": or_null(ratio("Failed of finished, 0 to 1; null before the first one.")),
    }
    return record("Counts of tasks; null where the cloud gives none.", properties)


def _detail() -> Schema:
    failure: Schema = {
        "code": text("The cloud's code."),
        "message": text("The cloud's words."),
    }
    failures = several(
        "The first reasons of failure that the cloud gives.", record("One reason.", failure)
    )
    properties: Schema = {
        "status_reason": or_null(text("Why the job has its status, in the cloud's words.")),
        "suspended_cause": or_null(text("Why it waits, in the cloud's words.")),
        "failures": {**failures, "maxItems": FAILURES_TOLD},
        "manifest": or_null(table("The list of objects: where it is, and its format.")),
        "report": or_null(table("Where the cloud writes its report, and what is in it.")),
        "role": or_null(text("The role that the job runs as.")),
        "fields": or_null(provider_fields()),
    }
    return record("What DescribeJob adds; null where it was not asked or not had.", properties)


def _counts() -> Schema:
    return {
        "listed": count("Jobs in the listing."),
        "unfinished": count("Jobs among them that have not ended."),
        "waiting": count("Jobs among them that wait for a person."),
        "missing": count("Unfinished jobs that the cloud does not know any more."),
    }


def _source_data() -> Schema:
    error: Schema = {
        "class": filled("What kind of failure: a word of jobwatch."),
        "code": text("The cloud's code, or a word of jobwatch."),
        "message": text("What went wrong, in words."),
        "request_id": text("The cloud's id of the request; empty where there is none."),
    }
    failing = "What the last sweep met; null where it met nothing."
    return {
        **_place(),
        **_everywhere(),
        "condition": condition(),
        "error": or_null(record(failing, error)),
        "since": or_null(moment("Since when the condition holds.")),
        "last_sweep_at": or_null(moment("When the last complete sweep began; null before it.")),
        **_counts(),
        **_links(source="The page where the source is shown."),
    }


def _receiver_data() -> Schema:
    return {
        **_everywhere(),
        **_receiver(),
        "condition": condition(),
        "reason": or_null(word("Why it is paused.", PauseReason)),
        "error": or_null(filled("What its last attempt met.")),
        "pending": count("Deliveries that wait for it."),
        **_links(home="The page of this installation."),
    }


def _digest_data() -> Schema:
    return {
        **_everywhere(),
        **_receiver(),
        "total": count("Events that this one tells.", least=1),
        "began_at": moment("When the first of them was recorded."),
        "ended_at": moment("When the last of them was recorded."),
        "counts": several("How many of which kind, the most first.", _count_of_kind()),
        "samples": several("Some of them, the most severe first.", _sample()),
        "omitted": count("Events that are told by number alone."),
        **_links(home="The page of this installation."),
    }


def _count_of_kind() -> Schema:
    properties: Schema = {
        "source": or_null(filled("The source; null where the events are about none.")),
        "type": filled("The type of the events."),
        "severity": word("Their severity.", Severity),
        "count": count("Events of this kind.", least=1),
        "tasks": count("Tasks of the jobs among them that ended."),
        "tasks_failed": count("Failed tasks of the jobs among them that ended."),
    }
    return record("One kind of events.", properties)


def _sample() -> Schema:
    about = "An event without what only programs need. To fit, its texts may be cut, ended by `…`."
    properties: Schema = {
        "id": filled("The event's id."),
        "source": filled("As in an event."),
        "type": filled("As in an event."),
        "subject": filled("As in an event."),
        "time": filled("As in an event."),
        "data": record(
            "The `data` of the event, in part.", {"severity": filled("As in an event.")}
        ),
    }
    return record(about, properties)
