"""What is told of a source, and of a condition, as receivers read it."""

import json
from dataclasses import replace
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.conditions import ConditionName, ConditionNote, ConditionState
from jobwatch.core.documents import document, event_id, released
from jobwatch.core.encoding import BODY_LIMIT, encode
from jobwatch.core.events import EventType, Severity, SourceEvent
from jobwatch.core.news import condition_event
from jobwatch.core.overview import LastError
from tests.factories import HOUR, MINUTE, NOW, SECOND, detail, job, origin, snapshot

NOTE = ConditionNote(
    name=ConditionName.UNREACHABLE,
    state=ConditionState.REMINDED,
    id="cnd_5z2ckqhnts4ypq4f7zzdjp5vye",
    since=NOW - HOUR,
    reminder=2,
)
ERROR = LastError(
    error_class="Denied",
    code="AccessDenied",
    message="you may not",
    request_id="NTk0NTRjZjZfNTViMjM1XzlkMV9hZTZh",
    at=NOW - MINUTE,
)


def unreachable(**fields: Any) -> SourceEvent:
    defaults: dict[str, Any] = {
        "type": EventType.UNREACHABLE,
        "severity": Severity.CRITICAL,
        "origin": origin(
            public_url="https://jobwatch.example.com", labels={"team": "data"}, source="prod"
        ),
        "observed_at": NOW,
        "condition": NOTE,
        "error": ERROR,
        "since": NOW - HOUR,
        "last_sweep_at": NOW - HOUR - 30 * SECOND,
    }
    return SourceEvent(**(defaults | fields))


def read(told: SourceEvent, sequence: int = 42) -> dict[str, Any]:
    found = json.loads(encode(document(told, sequence)))
    assert isinstance(found, dict)
    return found


def test_the_document_of_a_source_is_the_envelope_of_the_contract_with_its_error() -> None:
    told = read(unreachable())
    assert told == {
        "specversion": "1.0",
        "id": event_id(unreachable(), 42),
        "source": "/jobwatch/jobwatch/prod",
        "type": "source.unreachable",
        "subject": "prod",
        "sequence": "00000000000000000042",
        "time": "2026-11-21T20:00:00Z",
        "timestamp": "2026-11-21T20:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:jobwatch:schema:source:1.0",
        "data": {
            "source": "prod",
            "provider": "cos-batch",
            "region": "ap-chengdu",
            "labels": {"team": "data"},
            "severity": "critical",
            "observed_at": "2026-11-21T20:00:00Z",
            "condition": {
                "name": "unreachable",
                "state": "reminded",
                "id": "cnd_5z2ckqhnts4ypq4f7zzdjp5vye",
                "since": "2026-11-21T19:00:00Z",
                "reminder": 2,
            },
            "error": {
                "class": "Denied",
                "code": "AccessDenied",
                "message": "you may not",
                "request_id": "NTk0NTRjZjZfNTViMjM1XzlkMV9hZTZh",
            },
            "since": "2026-11-21T19:00:00Z",
            "last_sweep_at": "2026-11-21T18:59:30Z",
            "links": {"source": "https://jobwatch.example.com"},
        },
    }


def test_the_public_cloudevents_package_reads_what_is_told_of_a_source() -> None:
    found = JSONFormat().read(None, encode(document(unreachable(), 42)))
    assert found.get_type() == "source.unreachable"
    assert found.get_subject() == "prod"
    assert found.get_dataschema() == "urn:jobwatch:schema:source:1.0"


def test_a_baselined_source_tells_its_numbers() -> None:
    baselined = unreachable(
        type=EventType.BASELINED,
        severity=Severity.INFO,
        origin=origin(),
        condition=None,
        error=None,
        since=None,
        counts={"listed": 12, "unfinished": 3, "waiting": 1},
    )
    data = read(baselined)["data"]
    assert (data["listed"], data["unfinished"], data["waiting"]) == (12, 3, 1)
    assert (data["condition"], data["error"], data["since"], data["links"]) == (
        None,
        None,
        None,
        {},
    )


@pytest.mark.parametrize(
    "other",
    [
        unreachable(origin=origin(instance="second")),
        unreachable(origin=origin(source="test")),
        unreachable(type=EventType.SUSPECT),
    ],
)
def test_another_event_of_a_source_has_another_id(other: SourceEvent) -> None:
    assert event_id(other, 42) != event_id(unreachable(), 42)
    assert event_id(other, 42) != event_id(other, 43)


def test_an_id_of_a_source_event_is_the_same_whoever_computes_it() -> None:
    assert event_id(unreachable(), 42) == "evt_egxvlilvk44z2zd3ateiiyjzxb"


def test_an_id_of_a_source_event_does_not_depend_on_what_only_decorates_it() -> None:
    plain = unreachable(error=None, condition=None, since=None, severity=Severity.INFO)
    assert event_id(plain, 42) == event_id(unreachable(), 42)


@given(text=st.text(st.characters(), max_size=60), times=st.sampled_from([1, 1000]))
def test_whatever_an_error_says_the_body_stays_small_and_whole(text: str, times: int) -> None:
    error = replace(ERROR, message=text * times, code=text * times, request_id=text * times)
    body = encode(document(unreachable(error=error), 1))
    assert len(body) <= BODY_LIMIT
    told = json.loads(body)
    assert set(told["data"]["error"]) == {"class", "code", "message", "request_id"}
    assert told["data"]["condition"]["id"] == NOTE.id


@pytest.mark.parametrize("state", ConditionState)
@pytest.mark.parametrize(
    "name", [ConditionName.STALLED, ConditionName.WAITING, ConditionName.FAILING]
)
def test_a_condition_of_a_job_is_told_with_the_job_as_it_stands(
    name: ConditionName, state: ConditionState
) -> None:
    note = replace(NOTE, name=name, state=state)
    told = condition_event(note, snapshot(of=job("Held")), origin(), observed_at=NOW)
    found = json.loads(encode(document(told, 7)))
    assert found["type"] == f"job.{name.value}"
    assert found["dataschema"] == "urn:jobwatch:schema:job:1.0"
    assert found["subject"] == "job-1"
    data = found["data"]
    assert data["condition"]["name"] == name.value
    assert data["condition"]["state"] == state.value
    assert (data["job"]["status"], data["previous_status"], data["late"]) == ("Held", None, False)
    assert data["severity"] == ("info" if state is ConditionState.CLOSED else "warning")


def test_a_condition_keeps_its_place_when_detail_is_released() -> None:
    told = condition_event(NOTE, snapshot("Held"), origin(), observed_at=NOW)
    data = released(document(told, 7), detail(job("Held"), role="x"), None)["data"]
    assert isinstance(data, dict)
    assert data["condition"]["id"] == NOTE.id
