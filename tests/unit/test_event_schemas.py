"""The schemas of what receivers are told: they hold what is told, refuse what is not promised, and need no other file."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from jobwatch.core.conditions import ConditionName, ConditionState
from jobwatch.core.detail import DetailError
from jobwatch.core.diff import ChangeKind
from jobwatch.core.documents import JOB_SCHEMA, RECEIVER_SCHEMA, SOURCE_SCHEMA, document, released
from jobwatch.core.encoding import encode
from jobwatch.core.events import CONDITIONS, EventType
from jobwatch.core.model import FailureReason, Job, JobDetail, Progress
from jobwatch.core.news import condition_event, event_for
from jobwatch.core.samples import Sample, samples
from jobwatch.core.schemas import DIALECT, EVENT, FAMILIES, schemas, urn
from jobwatch.simulator.receiver import WebhookSink
from jobwatch.simulator.simulation import Server
from tests.event_check import EventCheck, problems, sketch, validator
from tests.factories import NOW, TABLE, change, detail, origin, snapshot
from tests.unit.test_documents_of_sources import NOTE

SAMPLES = {each.name: each for each in samples()}
BARE = {f"{each.name} without links": each for each in samples(public_url=None)}


def sample(name: str) -> dict[str, Any]:
    event = json.loads(SAMPLES[name].body)
    assert isinstance(event, dict)
    return event


def changed(name: str, path: str, value: object) -> dict[str, Any]:
    """A sample with another value at a place; `...` takes the place away."""
    event = copy.deepcopy(sample(name))
    *way, last = path.split("/")
    part: Any = event
    for each in way:
        part = part[int(each)] if isinstance(part, list) else part[each]
    if value is ...:
        del part[last]
    else:
        part[last] = value
    return event


def parts(schema: object) -> Iterator[Mapping[str, Any]]:
    """Every object in a schema, itself first."""
    if isinstance(schema, dict):
        yield schema
        for part in schema.values():
            yield from parts(part)
    if isinstance(schema, list):
        for part in schema:
            yield from parts(part)


def test_there_is_one_for_each_type_one_for_each_family_and_one_for_all() -> None:
    assert set(schemas()) == {*(each.value for each in EventType), *FAMILIES.values(), EVENT}


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_well_formed_named_after_itself_and_complete(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert (schema["$id"], schema["$schema"]) == (f"urn:jobwatch:schema:{name}:1.0", DIALECT)
    named = {each["$id"] for each in parts(schema) if isinstance(each.get("$id"), str)}
    used = {each["$ref"] for each in parts(schema) if isinstance(each.get("$ref"), str)}
    assert used <= named


def test_every_property_is_described() -> None:
    silent = {
        name
        for family in FAMILIES.values()
        for part in parts(schemas()[family])
        if isinstance(part.get("properties"), dict)
        for name, inner in part["properties"].items()
        if not inner.get("description")
    }
    envelope = schemas()["job.failed"]["properties"]
    assert isinstance(envelope, dict)
    assert not silent
    assert all(each["description"] for each in envelope.values())


@pytest.mark.parametrize("each", [*SAMPLES.values(), *BARE.values()], ids=[*SAMPLES, *BARE])
def test_a_sample_is_what_its_schema_promises(each: Sample) -> None:
    event = json.loads(each.body)
    assert problems(event) == []
    assert validator(EVENT).is_valid(event)
    assert validator(FAMILIES[event["type"].split(".")[0]]).is_valid(event["data"])


@pytest.mark.parametrize("each", SAMPLES.values(), ids=SAMPLES)
def test_the_public_cloudevents_package_reads_a_sample(each: Sample) -> None:
    event = json.loads(each.body)
    read = JSONFormat().read(None, each.body)
    assert (read.get_id(), read.get_type()) == (each.id, event["type"])
    assert (read.get_subject(), read.get_source()) == (event["subject"], event["source"])
    assert read.get_time() == datetime(2026, 11, 21, 20, tzinfo=UTC)
    assert read.get_extension("sequence") == event["sequence"]
    assert read.get_data() == event["data"]


def test_there_is_a_sample_of_every_type() -> None:
    assert {each.event.type for each in SAMPLES.values()} == set(EventType)


@pytest.mark.parametrize(
    ("named", "family"),
    [(JOB_SCHEMA, "job"), (SOURCE_SCHEMA, "source"), (RECEIVER_SCHEMA, "receiver")],
)
def test_what_events_call_their_dataschema_is_the_schema_of_their_data(
    named: str, family: str
) -> None:
    assert named == urn(FAMILIES[family]) == schemas()[family]["$id"]


def test_fields_that_no_schema_knows_are_welcome_anywhere() -> None:
    for name in ("job.failed", "job.stalled.opened", "source.suspect.opened", "digest"):
        event = sample(name)
        for part in list(parts(event)):
            part["of_tomorrow"] = "x"  # type: ignore[index]  # a part of a parsed document
        assert problems(event) == []


BROKEN: list[tuple[str, str, object]] = [
    ("job.failed", "specversion", "0.3"),
    ("job.failed", "id", "evt_1"),
    ("job.failed", "id", ...),
    ("job.failed", "sequence", "42"),
    ("job.failed", "sequence", 43),
    ("job.failed", "time", "2026-11-21T20:00:00+00:00"),
    ("job.failed", "time", "2026-11-21 20:00:00Z"),
    ("job.failed", "time", None),
    ("job.failed", "timestamp", ...),
    ("job.failed", "source", "/jobwatch/jobwatch"),
    ("job.failed", "source", "prod"),
    ("receiver.test", "source", "/jobwatch/jobwatch/prod"),
    ("job.failed", "subject", ""),
    ("job.failed", "datacontenttype", "text/plain"),
    ("job.failed", "dataschema", "urn:jobwatch:schema:source:1.0"),
    ("job.failed", "data", ...),
    ("job.failed", "data", None),
    ("job.failed", "data/source", ...),
    ("job.failed", "data/labels", {"team": 1}),
    ("job.failed", "data/severity", "warning"),
    ("job.failed", "data/late", None),
    ("job.failed", "data/condition", ...),
    ("job.failed", "data/condition", {}),
    ("job.failed", "data/job", None),
    ("job.failed", "data/job/id", ""),
    ("job.failed", "data/job/status", None),
    ("job.failed", "data/job/phase", "running"),
    ("job.failed", "data/job/phase", "ended"),
    ("job.failed", "data/job/outcome", "succeeded"),
    ("job.failed", "data/job/outcome", None),
    ("job.failed", "data/job/priority", "10"),
    ("job.failed", "data/job/duration_seconds", "16"),
    ("job.failed", "data/job/started_at", ...),
    ("job.failed", "data/job/progress/total", -1),
    ("job.failed", "data/job/progress/total", 1.5),
    ("job.failed", "data/job/progress/failed_ratio", 1.1),
    ("job.failed", "data/job/progress/finished_ratio", ...),
    ("job.failed", "data/detail", None),
    ("job.failed", "data/detail/role", ...),
    ("job.failed", "data/detail/failures", None),
    ("job.failed", "data/detail/failures", [{"code": "a", "message": "b"}] * 11),
    ("job.failed", "data/detail/failures/0/code", ...),
    ("job.failed", "data/detail/manifest", "m.csv"),
    ("job.failed", "data/links", None),
    ("job.failed", "data/links/job", ""),
    ("job.failed.without_detail", "data/detail_error", ...),
    ("job.failed.without_detail", "data/detail_error", ""),
    ("job.completed_with_failures", "data/severity", "info"),
    ("job.completed_with_failures", "data/job/progress", None),
    ("job.completed_with_failures", "data/job/progress/failed", 0),
    ("job.succeeded", "data/job/progress/failed", 1),
    ("job.succeeded", "data/severity", "critical"),
    ("job.cancelled", "data/job/outcome", "failed"),
    ("job.vanished", "data/job/outcome", None),
    ("job.discovered", "data/job/outcome", "failed"),
    ("job.discovered", "data/previous_status", "Ready"),
    ("job.status_changed", "data/previous_status", None),
    ("job.stalled.opened", "data/condition", None),
    ("job.stalled.opened", "data/condition/name", "stuck"),
    ("job.stalled.opened", "data/condition/state", "open"),
    ("job.stalled.opened", "data/condition/id", "cnd_1"),
    ("job.stalled.opened", "data/condition/since", None),
    ("job.stalled.opened", "data/condition/reminder", -1),
    ("job.stalled.opened", "data/severity", "info"),
    ("job.stalled.closed", "data/severity", "warning"),
    ("source.unreachable.opened", "data/severity", "warning"),
    ("source.unreachable.opened", "data/error/class", ""),
    ("source.unreachable.opened", "data/error/request_id", ...),
    ("source.unreachable.closed", "data/severity", "critical"),
    ("source.suspect.opened", "data/missing", ...),
    ("source.baselined", "data/listed", ...),
    ("source.baselined", "data/waiting", "2"),
    ("source.baselined", "data/condition", {}),
    ("receiver.paused.opened", "data/reason", None),
    ("receiver.paused.opened", "data/reason", "tired"),
    ("receiver.paused.opened", "data/pending", None),
    ("receiver.test", "data/receiver", "Ops"),
    ("receiver.test", "data/reason", "gone"),
    ("digest", "data/total", 0),
    ("digest", "data/began_at", None),
    ("digest", "data/counts/0/count", 0),
    ("digest", "data/counts/0/severity", "bad"),
    ("digest", "data/samples/0/id", ""),
    ("digest", "data/samples/0/data", ...),
    ("digest", "data/omitted", -1),
]


@pytest.mark.parametrize(("name", "path", "value"), BROKEN)
def test_what_is_not_promised_is_refused(name: str, path: str, value: object) -> None:
    assert problems(changed(name, path, value))


def test_what_no_type_promises_is_no_event_at_all() -> None:
    for event in (changed("job.failed", "data/late", None), changed("digest", "type", "job.x")):
        assert not validator(EVENT).is_valid(event)


TEXTS = st.text(st.characters(), max_size=40) | st.sampled_from(["", "\ud800", "\x00" * 2000])
TIMES = st.none() | st.datetimes(timezones=st.just(UTC))
COUNTS = st.sampled_from([0, 1, 2**63 - 1])
JOBS = st.builds(
    Job,
    id=TEXTS.filter(bool),
    scope=st.sampled_from(["", "vault"]),
    status=TEXTS,
    phase=st.just(TABLE.read("Failed")[1]),
    operation=TEXTS,
    description=TEXTS,
    priority=st.none() | st.integers(),
    progress=st.none() | st.builds(Progress, total=COUNTS, succeeded=COUNTS, failed=COUNTS),
    created_at=TIMES,
    ended_at=TIMES,
)
PARTS = st.none() | st.dictionaries(TEXTS, TEXTS, max_size=3)
ANSWERS = st.builds(
    detail,
    status_reason=st.none() | TEXTS,
    suspended_cause=st.none() | TEXTS,
    failures=st.lists(st.builds(FailureReason, code=TEXTS, message=TEXTS), max_size=12).map(tuple),
    manifest=PARTS,
    report=PARTS,
    role=st.none() | TEXTS,
)
STATUSES = st.sampled_from(["Active", "Done", "Failed", "Cancelled", "Archived"])


@settings(max_examples=60)
@given(seen=JOBS, status=STATUSES, answer=st.none() | ANSWERS, times=st.tuples(TIMES, TIMES))
def test_whatever_the_cloud_says_of_a_job_is_told_as_promised(
    seen: Job,
    status: str,
    answer: JobDetail | None,
    times: tuple[datetime | None, datetime | None],
) -> None:
    job = replace(seen, status=status, phase=TABLE.read(status)[1])
    ended = job.outcome is not None
    kind = ChangeKind.ENDED if ended else ChangeKind.STATUS_CHANGED
    after = snapshot(of=job, started_at=times[0], observed_at=times[1] or NOW)
    before = snapshot(of=replace(seen, status="Active"))
    told = event_for(change(kind, before=before, after=after), TABLE, origin())
    assert told is not None
    error = None if answer else DetailError.TIMEOUT.value
    event = json.loads(encode(released(document(told, 2**63), answer, error)))
    assert problems(event) == []


JOB_CONDITIONS = [name for name, type_ in CONDITIONS.items() if type_.startswith("job.")]


@pytest.mark.parametrize("state", ConditionState)
@pytest.mark.parametrize("name", JOB_CONDITIONS)
def test_a_condition_is_told_as_promised_even_of_a_job_that_ended(
    name: ConditionName, state: ConditionState
) -> None:
    note = replace(NOTE, name=name, state=state, since=NOW - timedelta(days=400))
    told = condition_event(note, snapshot("Failed"), origin(), observed_at=NOW)
    assert problems(json.loads(encode(document(told, 1)))) == []


def test_the_check_never_takes_a_broken_event_for_one_that_was_good() -> None:
    for name, path, value in BROKEN:
        assert sketch(changed(name, path, value)) != sketch(sample(name)), (name, path, value)


def test_the_check_takes_events_for_alike_that_differ_in_texts_times_and_numbers_alone() -> None:
    event = changed("job.failed", "data/job/id", "another-one")
    event["sequence"], event["id"] = "00000000000000009999", "evt_" + "a" * 26
    event["data"]["job"]["progress"]["total"] = 5_000
    assert sketch(event) == sketch(sample("job.failed"))


async def received(sink: WebhookSink, *bodies: object, kind: str) -> None:
    server = Server(sink.application())
    await server.start()
    async with aiohttp.ClientSession() as session:
        for body in bodies:
            sent = session.post(
                f"{server.url}/ops", data=json.dumps(body), headers={"content-type": kind}
            )
            async with sent as answer:
                assert answer.status == 204
    await server.stop()


async def test_what_any_receiver_of_a_test_accepts_is_held_against_its_schema(
    event_check: EventCheck,
) -> None:
    sink = WebhookSink(clock=lambda: NOW)
    good, broken = sample("job.failed"), changed("job.failed", "data/late", None)
    unknown = changed("job.failed", "type", "job.exploded")
    cloudevents = "application/cloudevents+json"
    await received(sink, good, good, broken, unknown, [], kind=cloudevents)
    found = sorted(event_check.take())
    assert found == [
        "an event is no object",
        "job.exploded no type is called job.exploded",
        "job.failed $.data.late: None is not of type 'boolean'",
    ]
    assert event_check.take() == []


async def test_an_event_is_read_once_and_what_is_no_event_never(event_check: EventCheck) -> None:
    sink = WebhookSink(clock=lambda: NOW)
    event = sample("job.failed")
    await received(sink, event, kind="application/cloudevents+json")
    assert event_check.take() == []
    before = event_check.read
    await received(sink, event, event, kind="application/cloudevents+json")
    await received(sink, {"text": "a chat"}, kind="application/json")
    assert event_check.take() == []
    assert event_check.read == before
