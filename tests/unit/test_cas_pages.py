"""Pages of vault jobs and their details: what is read, what is known, and what no honest cloud sends."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobwatch.core.codec import Known
from jobwatch.core.errors import Malformed
from jobwatch.core.model import Outcome, Phase
from jobwatch.providers.json_tree import SIZE_LIMIT
from tests.cas_samples import QCS, SEED, VAULT, describe, ended, knowing, member, page_of, read

END = datetime(2026, 11, 21, 12, 0, 0, 500_000, tzinfo=UTC)
DAY = timedelta(hours=24)


def job_of(**fields: Any) -> Any:
    (job,) = read(page_of(ended(**fields))).jobs
    return job


# ── jobs ────────────────────────────────────────────────────────────────────────────────────────


def test_a_running_job_is_read_as_the_command_line_shows_it() -> None:
    (job,) = read(page_of(member(JobDescription=" fetch it "))).jobs
    assert (job.id, job.scope, job.operation) == ("-Job_1", VAULT, "ArchiveRetrieval")
    assert (job.status, job.phase, job.outcome) == ("InProgress", Phase.RUNNING, None)
    assert job.created_at == datetime(2026, 11, 21, 8, 29, 41, tzinfo=UTC)
    assert (job.ended_at, job.output_expires_at) == (None, None)
    assert (job.progress, job.priority, job.description) == (None, None, "fetch it")
    assert job.fingerprint


@pytest.mark.parametrize(
    ("action", "status", "expires_at"),
    [
        ("ArchiveRetrieval", "Succeeded", END + DAY),
        ("InventoryRetrieval", "succeeded", END + DAY),
        ("ArchiveRetrieval", "Failed", None),
        ("ArchiveRetrieval", "InProgress", None),
        ("PushToCOS", "Succeeded", None),
        ("PullFromCOS", "Succeeded", None),
        ("Select", "Succeeded", None),
    ],
)
def test_the_output_of_what_was_fetched_expires_a_day_after_the_end(
    action: str, status: str, expires_at: datetime | None
) -> None:
    job = job_of(Action=action, StatusCode=status)
    assert (job.operation, job.ended_at, job.output_expires_at) == (action, END, expires_at)
    assert describe(ended(Action=action, StatusCode=status)).job == replace(job, fingerprint=0)


def test_an_output_whose_end_nobody_said_does_not_expire() -> None:
    assert job_of(CompletionDate=None).output_expires_at is None


@pytest.mark.parametrize("completed", [True, False, "true", None, ...])
def test_the_status_decides_and_completed_never_does(completed: object) -> None:
    assert job_of(StatusCode="Failed", Completed=completed).outcome is Outcome.FAILED
    assert job_of(StatusCode="InProgress", Completed=completed).outcome is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21T12:00:00.500Z", END),
        ("2026-11-21T12:00:00Z", END.replace(microsecond=0)),
        ("2026-11-21T20:00:00.5+08:00", END),
        ("2026-11-21t12:00:00.5z", END),
        (" 2026-11-21T12:00:00.5Z ", END),
        (1795262400, datetime(2026, 11, 21, 12, 0, tzinfo=UTC)),
        (1795262400500, END),
        ("yesterday", None),
        ("9999-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2026-13-21T12:00:00Z", None),
        ("", None),
        (None, None),
        (True, None),
        ({}, None),
        (10**400, None),
    ],
    ids=str,
)
def test_a_date_is_read_however_it_is_written_and_is_none_where_it_cannot_be(
    text: object, expected: datetime | None
) -> None:
    assert job_of(CompletionDate=text).ended_at == expected


@pytest.mark.parametrize(
    ("fields", "attribute", "expected"),
    [
        ({"JobId": 17}, "id", "17"),
        ({"JobId": " -a_b "}, "id", "-a_b"),
        ({"StatusCode": "Expired"}, "status", "Expired"),
        ({"StatusCode": None}, "phase", Phase.UNKNOWN),
        ({"StatusCode": ...}, "status", ""),
        ({"StatusCode": 4}, "status", "4"),
        ({"Action": "NewKind"}, "operation", "NewKind"),
        ({"Action": None}, "operation", ""),
        ({"Action": ["x"]}, "operation", ""),
        ({"JobDescription": {"a": 1}}, "description", ""),
        ({"JobDescription": "x" * 5000}, "description", "x" * 1024),
        ({"JobDescription": "a\0b\ud800c"}, "description", "a\ufffdb\ufffdc"),
        ({"JobDescription": "第一\n行"}, "description", "第一\n行"),
        ({"Unknown": [{"deep": [1]}]}, "id", "-Job_1"),
    ],
    ids=ascii,
)
def test_odd_values_are_taken_where_they_do_no_harm(
    fields: dict[str, Any], attribute: str, expected: object
) -> None:
    assert getattr(job_of(**fields), attribute) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"JobId": ...},
        {"JobId": None},
        {"JobId": ""},
        {"JobId": "  "},
        {"JobId": "x" * 257},
        {"JobId": ["x"]},
        {"JobId": True},
        {"JobId": "a\0"},
        {"JobId": "a\ud800"},
        {"StatusCode": ["Failed"]},
        {"StatusCode": {"a": "Failed"}},
        {"StatusCode": True},
    ],
    ids=ascii,
)
def test_a_job_without_an_id_or_with_a_status_of_another_kind_spoils_the_page(
    fields: dict[str, Any],
) -> None:
    with pytest.raises(Malformed):
        read(page_of(member("a"), member(**fields)))


# ── pages ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("marker", "token"),
    [("aB/c==", "aB/c=="), (" x ", "x"), (17, "17"), ("", None), (None, None), (False, None)],
)
def test_a_page_has_a_marker_or_is_the_last(marker: object, token: str | None) -> None:
    assert read(page_of(member(), Marker=marker)).next_token == token


def test_a_page_without_a_marker_is_the_last() -> None:
    assert read(json.dumps({"JobList": [member()]})).next_token is None


def test_an_empty_vault_may_show_no_jobs_or_null() -> None:
    for page in (read(page_of()), read('{"JobList": null, "Marker": null}')):
        assert (page.jobs, page.next_token) == ((), None)


def test_blanks_and_a_mark_of_order_before_a_page_are_passed_over() -> None:
    assert read(b"\xef\xbb\xbf " + page_of(member()) + b"\n").listed == 1


def test_of_a_key_written_twice_the_last_counts() -> None:
    (job,) = read('{"JobList": [{"JobId": "a", "JobId": "b"}]}').jobs
    assert job.id == "b"


# ── what is known ───────────────────────────────────────────────────────────────────────────────


def test_members_that_are_known_are_left_out_and_counted() -> None:
    first = read(page_of(member("a"), member("b"), member("c")))
    second = read(page_of(member("a"), ended("b"), member("c"), Marker="m"), knowing(first, 10))
    assert second.unchanged == (10, 12)
    assert [job.id for job in second.jobs] == ["b"]
    assert (second.listed, second.next_token) == (3, "m")


def test_the_order_of_keys_and_blanks_make_no_change() -> None:
    page = read(page_of(member("a", StatusMessage="é")))
    turned = dict(reversed(member("a", StatusMessage="é").items()))
    pretty = json.dumps({"JobList": [turned]}, indent=2, ensure_ascii=False)
    assert read(pretty, knowing(page)).unchanged == (0,)


@pytest.mark.parametrize("field", ["StatusMessage", "Tier", "Unknown", "JobDescription"])
def test_whatever_changes_in_a_member_makes_it_another(field: str) -> None:
    page = read(page_of(member("a")))
    changed = read(page_of(member("a", **{field: "new"})), knowing(page))
    assert (changed.unchanged, len(changed.jobs)) == ((), 1)


def test_the_same_member_is_another_in_another_vault_and_with_another_seed() -> None:
    known = knowing(read(page_of(member("a"))))
    assert read(page_of(member("a")), known, vault="other").unchanged == ()
    assert read(page_of(member("a")), Known(seed=SEED + 1, slots=known.slots)).unchanged == ()


# ── detail ──────────────────────────────────────────────────────────────────────────────────────

COMMON = {"action": "ArchiveRetrieval", "vault_qcs": QCS, "completed": True}


@pytest.mark.parametrize(
    ("page", "fields"),
    [
        (
            {
                "ArchiveId": "ar-1",
                "ArchiveSizeInBytes": 16777216,
                "ArchiveSHA256TreeHash": "beb0",
                "RetrievalByteRange": "0-16777215",
                "SHA256TreeHash": None,
                "Tier": "Expedited",
            },
            {
                "archive_id": "ar-1",
                "archive_size_bytes": 16777216,
                "archive_sha256_tree_hash": "beb0",
                "retrieval_byte_range": "0-16777215",
                "tier": "Expedited",
            },
        ),
        (
            {
                "Action": "InventoryRetrieval",
                "InventorySizeInBytes": "1024",
                "InventoryRetrievalParameters": {
                    "Format": "CSV",
                    "StartDate": "2026-01-01T00:00:00Z",
                    "EndDate": None,
                    "Limit": 100,
                    "Marker": "m",
                },
            },
            {
                "action": "InventoryRetrieval",
                "inventory_size_bytes": 1024,
                "inventory": {
                    "format": "CSV",
                    "start_date": "2026-01-01T00:00:00Z",
                    "limit": "100",
                    "marker": "m",
                },
            },
        ),
        (
            {"Format": "JSON", "StatDate": "2026-01-01", "Marker": "x"},
            {"inventory": {"format": "JSON", "start_date": "2026-01-01"}, "marker": "x"},
        ),
        (
            {"Action": "PushToCOS", "Bucket": "b-1.cos", "Object": "o/é", "Tier": "Bulk"},
            {"action": "PushToCOS", "bucket": "b-1.cos", "object": "o/é", "tier": "Bulk"},
        ),
        (
            {
                "Action": "PullFromCOS",
                "Range": "0-9",
                "Condition": {
                    "If-Modified-Since": "a",
                    "If-Umodified-Since": "b",
                    "If-Match": "c",
                    "If-None-Match": "",
                },
                "ArchiveDescription": "copy",
            },
            {
                "action": "PullFromCOS",
                "range": "0-9",
                "condition": {
                    "if_modified_since": "a",
                    "if_unmodified_since": "b",
                    "if_match": "c",
                },
                "archive_description": "copy",
            },
        ),
        (
            {"Condition": [{"If-Match": "a"}, 7, {"If-Unmodified-Since": "b"}]},
            {"condition": {"if_match": "a", "if_unmodified_since": "b"}},
        ),
        ({"Condition": {}, "InventoryRetrievalParameters": None, "Bucket": ["b"]}, {}),
        ({"ArchiveSizeInBytes": "about 5 GB"}, {"archive_size_bytes": "about 5 GB"}),
        ({"ArchiveSizeInBytes": 2**63}, {"archive_size_bytes": str(2**63)}),
        ({"ArchiveSizeInBytes": 0}, {"archive_size_bytes": 0}),
        ({"ArchiveSizeInBytes": -1}, {"archive_size_bytes": "-1"}),
        ({"ArchiveSizeInBytes": 1.5}, {"archive_size_bytes": "1.5"}),
        ({"Completed": "False"}, {"completed": False}),
        ({"ArchiveId": "x" * 2000}, {"archive_id": "x" * 1024}),
    ],
)
def test_a_detail_has_the_fields_that_the_cloud_gave_and_no_others(
    page: dict[str, Any], fields: dict[str, Any]
) -> None:
    detail = describe(ended(**page))
    assert detail.fields == COMMON | fields
    assert (detail.failures, detail.manifest, detail.report, detail.role) == ((), None, None, None)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:hush@hooks.example.com:8443/a/b?token=hush#hush", "https://hooks.example.com:8443/a/b"),
        ("http://127.0.0.1/x?a=b@c", "http://127.0.0.1/x"),
        ("https://[::1]:9/x", "https://[::1]:9/x"),
        ("https://me:hush/hush@host/", None),
        ("https://me:12/hush@host/", None),
        ("https://me:12#hush@host/", None),
        ("me:hush@host/x", None),
        ("ftp://me:hush@host/x", None),
        ("https://[hush", None),
        ("https://h/\u202ehush", None),
        ("hush", None),
        (7, None),
        ("", None),
    ],
)  # fmt: skip
def test_a_callback_is_shown_without_what_may_be_a_secret(url: object, shown: str | None) -> None:
    fields = describe(ended(CallBackUrl=url)).fields or {}
    assert fields.get("callback_url") == shown
    assert "hush" not in str(fields)


def test_the_reason_of_a_failure_is_its_message() -> None:
    detail = describe(ended(status="Failed", StatusMessage=" no capacity "))
    assert (detail.status_reason, detail.job.outcome) == ("no capacity", Outcome.FAILED)
    assert describe(ended(StatusMessage=None)).status_reason is None


@pytest.mark.parametrize("body", [ended("other"), {"code": "x", "message": "y"}, [], {}, "x"])
def test_a_detail_of_another_job_or_of_none_is_malformed(body: object) -> None:
    with pytest.raises(Malformed):
        describe(body)


# ── what no honest cloud sends ──────────────────────────────────────────────────────────────────

HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \n",
    "no JSON": b"\x89PNG\r\n",
    "HTML": b"<html><body>please log in</body></html>",
    "a list": b"[]",
    "a text": b'"JobList"',
    "an error with 200": b'{"code": "InternalError", "message": "x"}',
    "another list": b'{"VaultList": [], "Marker": null}',
    "a list that is an object": b'{"JobList": {}}',
    "a list that is a text": b'{"JobList": ""}',
    "members that are no objects": b'{"JobList": [1]}',
    "members that are lists": b'{"JobList": [[]]}',
    "NaN": page_of(member("a")).replace(b"false", b"NaN"),
    "Infinity": page_of(member("a")).replace(b"false", b"-Infinity"),
    "deep": b"[" * 100_000,
    "deep objects": b'{"JobList":' * 100_000,
    "deep inside": b'{"JobList":[{"JobId":"a","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}",
    "bad UTF-8": page_of(member("a")).replace(b"Retrieval", b"\xff\xfe"),
    "UTF-16": page_of(member("a")).decode().encode("utf-16"),
    "a raw control character": page_of(member("a")).replace(b"Retrieval", b"\x01"),
    "half a character as bytes": page_of(member("a")).replace(b"Retrieval", b"\xed\xa0\x80"),
    "two roots": page_of(member("a")) * 2,
    "rubbish behind": page_of(member("a")) + b"x",
    "a marker that is a list": page_of(member("a"), Marker=["x"]),
    "a marker of half a character": page_of(member("a"), Marker="\ud800"),
    "a marker without end": page_of(member("a"), Marker="x" * 1025),
    "too large": page_of(member("a")) + b" " * SIZE_LIMIT,
    "a text without end": b'{"JobList": "' + b"a" * (SIZE_LIMIT - 100),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_page_is_malformed_and_nothing_else(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)
    with pytest.raises(Malformed):
        describe(body)


def test_nothing_of_a_full_sized_page_takes_more_than_its_length() -> None:
    """Numbers of many digits, escapes and names by the hundred thousand: each is a page, or malformed at once."""
    digits = b"9" * 4000
    rest = SIZE_LIMIT - 1000
    for body in (
        b'{"JobList": [], "x": [' + b",".join([digits] * (rest // 4001)) + b"]}",
        b'{"JobList": [], "x": "' + b"\\ud83d" * (rest // 6) + b'"}',
        b'{"JobList": [], "x": {' + b",".join(b'"%d":0' % n for n in range(rest // 11)) + b"}}",
    ):
        assert read(body).jobs == ()


def test_a_page_cut_anywhere_is_an_error_and_never_a_shorter_page() -> None:
    body = page_of(member("a"), ended("b"), Marker="m")
    for length in range(len(body)):
        with pytest.raises(Malformed):
            read(body[:length])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(st.sampled_from((*ended(), "Tier", "Condition")), part, max_size=4)
    ),
    max_leaves=10,
)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for each in value.values() for text in _texts(each))
    elif isinstance(value, str):
        yield value


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from((*ended(), "CallBackUrl", "Condition", "Bucket")), JSON))
def test_whatever_stands_in_a_member_it_is_a_job_or_malformed(fields: dict[str, Any]) -> None:
    body = ended(**fields)
    with contextlib.suppress(Malformed):
        (job,) = read(page_of(body)).jobs
        told = describe(body, job.id)
        shown = {"reason": told.status_reason, "about": job.description, "id": job.id}
        text = "".join(_texts(shown | {"operation": job.operation, "fields": told.fields}))
        assert "\0" not in text.encode().decode()  # and no half of a character, which has no bytes
        assert read(page_of(body), knowing(read(page_of(body)))).unchanged == (0,)


@given(st.binary(max_size=200) | st.binary(max_size=40).map(lambda each: page_of() + each))
def test_any_bytes_are_a_page_or_malformed(body: bytes) -> None:
    for reader in (read, describe):
        with contextlib.suppress(Malformed):
            reader(body)
