"""Jobs of a vault in events: their scope, what they gave and until when, and what only their kind of API says."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.documents import FIELDS_TOLD, document, fields_document, released
from jobwatch.core.encoding import BODY_LIMIT, encode
from jobwatch.core.events import CONDITIONS, ENDINGS, PROBLEMS, UNASKED, EventType, Severity
from jobwatch.core.model import TEXT_LIMIT, JobDetail
from jobwatch.core.news import expiring_event
from jobwatch.core.samples import Sample
from jobwatch.core.schemas.fields import provider_fields
from tests.event_check import problems
from tests.factories import HOUR, NOW, SECOND, data_of, detail, event, snapshot, with_job
from tests.unit.vault_cases import HERE, VAULTS, ended, expiring, reminder, stored, vault_job

OPERATIONS = {"ArchiveRetrieval", "InventoryRetrieval", "PushToCOS", "PullFromCOS"}


def data(name: str) -> dict[str, Any]:
    found = json.loads(VAULTS[name].body)["data"]
    assert isinstance(found, dict)
    return found


def test_there_is_a_sample_of_each_end_of_each_operation_and_of_output_that_expires() -> None:
    told = [(each.event.type, data(name)["job"]["operation"]) for name, each in VAULTS.items()]
    for type_ in (EventType.SUCCEEDED, EventType.FAILED):
        assert {operation for each, operation in told if each is type_} == OPERATIONS
    assert {each for each, _ in told} >= {EventType.VANISHED, EventType.OUTPUT_EXPIRING}


def test_the_samples_show_every_field_that_the_schema_names() -> None:
    known = provider_fields()["properties"]
    assert isinstance(known, dict)
    shown = [data(name)["detail"]["fields"] for name in VAULTS if "vanished" not in name]
    assert {name for fields in shown for name in fields} == set(known)
    for part in ("inventory", "condition"):
        inner = {name for fields in shown for name in fields.get(part, ())}
        assert inner == set(known[part]["properties"])


@pytest.mark.parametrize("sample", VAULTS.values(), ids=VAULTS)
def test_a_sample_says_its_vault_counts_nothing_and_is_what_its_schema_promises(
    sample: Sample,
) -> None:
    told = json.loads(sample.body)
    job = told["data"]["job"]
    assert (job["scope"], job["progress"], job["priority"]) == ("backup_1", None, None)
    assert told["subject"] == f"backup_1/{job['id']}"
    assert told["data"]["links"]["job"].endswith(f"/jobs/vault_jobs/backup_1/{job['id']}")
    assert problems(told) == []


def test_only_what_a_successful_retrieval_gave_expires_a_day_after_its_end() -> None:
    for name in VAULTS:
        job = data(name)["job"]
        kept = job["status"] == "Succeeded" and job["operation"].endswith("Retrieval")
        assert (job["output_expires_at"] is not None) is kept, name
    job = data("job.succeeded.inventory_retrieval")["job"]
    assert job["ended_at"] == "2026-11-21T19:59:20Z"
    assert job["output_expires_at"] == "2026-11-22T19:59:20Z"


def test_a_job_without_scope_output_and_fields_has_nulls_in_their_place() -> None:
    told = released(document(with_job(), 1), detail(), None)
    read = stored(told)["data"]
    assert (read["job"]["scope"], read["job"]["output_expires_at"]) == (None, None)
    assert read["detail"]["fields"] is None
    assert data_of(with_job(scope="v"))["job"]["scope"] == "v"


def test_output_that_expires_is_a_problem_that_can_be_wanted_and_no_condition_and_no_end() -> None:
    type_ = EventType.OUTPUT_EXPIRING
    assert type_ in PROBLEMS
    assert type_ not in ENDINGS | UNASKED | set(CONDITIONS.values())


def test_the_reminder_is_a_warning_of_an_ended_job_with_what_was_told_of_it() -> None:
    said = {"status_reason": "Succeeded"}
    told = expiring_event(snapshot(of=vault_job()), HERE, NOW, said)
    assert (told.type, told.severity) == (EventType.OUTPUT_EXPIRING, Severity.WARNING)
    assert (told.needs_detail, told.late, told.ending) == (False, False, False)
    assert (told.condition, told.previous_status, told.detail) == (None, None, said)
    assert (told.scope, told.job_id, told.observed_at) == ("backup_1", "-J_1", NOW)
    assert expiring_event(snapshot(of=vault_job()), HERE, NOW).detail is None


def test_the_reminder_keeps_what_its_schema_promises_with_and_without_detail() -> None:
    shown = expiring(HOUR)
    assert problems(shown) == []
    assert shown["data"]["job"]["output_expires_at"] == "2026-11-21T21:00:00Z"
    for part, broken in (
        (shown["data"]["job"], {"output_expires_at": None}),
        (shown["data"], {"severity": "info"}),
        (shown["data"], {"previous_status": "InProgress"}),
        (shown["data"], {"condition": {}}),
    ):
        kept = dict(part)
        part.update(broken)
        assert problems(shown), broken
        part.update(kept)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("archive_size_bytes", 1.5),
        ("archive_size_bytes", None),
        ("completed", "true"),
        ("tier", 3),
        ("inventory", "CSV"),
        ("condition", {"if_match": 1}),
    ],
)
def test_a_field_of_the_wrong_kind_is_refused(name: str, value: object) -> None:
    shown = json.loads(VAULTS["job.succeeded.pull_from_cos"].body)
    shown["data"]["detail"]["fields"][name] = value
    assert problems(shown)


@pytest.mark.parametrize(
    "fields", [{}, {"archive_size_bytes": "about 5"}, {"of_tomorrow": [1]}, {"tier": "Cold"}]
)
def test_fields_may_be_missing_unreadable_or_of_tomorrow(fields: dict[str, Any]) -> None:
    shown = json.loads(VAULTS["job.failed.push_to_cos"].body)
    shown["data"]["detail"]["fields"] = fields
    assert problems(shown) == []


def test_an_end_without_detail_says_why() -> None:
    shown = ended(vault_job("Failed"))
    assert (shown["data"]["detail"], shown["data"]["detail_error"]) == (None, "timeout")
    assert problems(shown) == []
    del shown["data"]["detail_error"]
    assert problems(shown)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, {}),
        ({"tier": "Bulk", "completed": True, "archive_size_bytes": 0}, ...),
        ({"inventory": {"format": "CSV"}}, ...),
        ({"tier": None, "range": ""}, {"range": ""}),
        ({"inventory": {}, "condition": {"if_match": None}}, {}),
        ({"Tier": "a", "a b": "b", "": "c", "x" * 41: "d", "\ud800": "e"}, {}),
        ({"archive_size_bytes": 2**63, "inventory_size_bytes": -(10**5000)}, {}),
        ({"archive_size_bytes": 2**63 - 1}, ...),
        ({"tier": ["x"], "range": 1.5, "object": b"x"}, {}),
        ({"object": "x" * 2000}, {"object": "x" * TEXT_LIMIT}),
        ({"a": {"b": {"c": {"d": "e"}}}}, {}),
    ],
)
def test_fields_are_told_as_far_as_they_are_values_of_ours(
    fields: dict[str, object], told: object
) -> None:
    assert fields_document(fields) == (fields if told is ... else told)


def test_there_is_room_for_all_fields_of_a_page_and_not_for_any_number() -> None:
    many: dict[str, object] = {f"f{n}": n for n in range(1000)}
    assert len(fields_document(many)) == FIELDS_TOLD >= 20
    inner = fields_document({"inventory": many})["inventory"]
    assert isinstance(inner, dict)
    assert len(inner) == FIELDS_TOLD // 5 >= 5


LOUD = st.sampled_from(["\x00" * 5000, "\U0001f4a5" * 2000, "\ud800" * 2000, '"\\' * 3000, "x"])
NAMES = st.sampled_from([f"name_{n:034d}" for n in range(60)])
FIELDS = st.dictionaries(
    NAMES,
    LOUD | st.integers() | st.booleans() | st.none() | st.dictionaries(NAMES, LOUD, max_size=60),
    max_size=60,
)


@settings(max_examples=30)
@given(fields=FIELDS, reason=LOUD)
def test_whatever_the_fields_hold_a_body_is_json_under_20_kilobytes_and_as_promised(
    fields: dict[str, object], reason: str
) -> None:
    job = vault_job("Failed", id="j" * 138, scope="v" * 255, description=reason[:1024])
    answer = JobDetail(job=job, status_reason=reason[:TEXT_LIMIT], fields=fields)
    told = released(document(event(snapshot(of=job), origin=HERE), 1), answer, None)
    body = encode(told)
    assert len(body) <= BODY_LIMIT
    assert problems(json.loads(body)) == []


def test_the_most_that_fields_can_hold_is_cut_and_none_of_it_is_lost() -> None:
    inner = {f"inner_{n:034d}": "\x00" * 5000 for n in range(20)}
    most: dict[str, object] = {f"outer_{n:034d}": inner for n in range(100)}
    answer = JobDetail(job=vault_job(), fields=most)
    body = encode(released(document(reminder(vault_job()), 1), answer, None))
    told = json.loads(body)["data"]["detail"]["fields"]
    assert len(body) <= BODY_LIMIT
    assert [len(each) for each in told.values()] == [FIELDS_TOLD // 5] * FIELDS_TOLD


def test_ids_and_times_of_a_vault_job_are_never_cut() -> None:
    fields: dict[str, object] = {f"f{n}": "\x00" * 1024 for n in range(FIELDS_TOLD)}
    job = vault_job(id="-" + "j" * 137, scope="v" * 255)
    told = ended(job, JobDetail(job=job, fields=fields))
    assert told["subject"] == f"{job.scope}/{job.id}"
    assert (told["data"]["job"]["id"], told["data"]["job"]["scope"]) == (job.id, job.scope)
    assert told["data"]["job"]["output_expires_at"] == "2026-11-22T19:59:00Z"


@pytest.mark.parametrize("left", [timedelta(), -SECOND, timedelta(milliseconds=1)])
def test_a_reminder_is_an_event_however_little_is_left(left: timedelta) -> None:
    assert problems(expiring(left)) == []
