"""The codec of COS Batch Operation: table, requests, and what errors mean."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.codec import Credentials, Known, Provider, Signing, Walk
from jobwatch.core.errors import (
    ApiError,
    ClockSkew,
    Denied,
    KeysRejected,
    Malformed,
    NoSuchJob,
    Rejected,
    ServerError,
    StatusRejected,
    Throttled,
    TokenRejected,
)
from jobwatch.core.http import HttpRequest, HttpResponse
from jobwatch.core.model import JobKey, Phase
from jobwatch.providers import open_provider
from jobwatch.providers.cos_batch import LIFECYCLE, OPERATIONS
from jobwatch.providers.signing import verify
from tests.cos_samples import PROVIDER, sample

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
KEYS = Credentials(secret_id="id", secret_key="key", token="token")
COS = {"x-cos-request-id": "NjU0", "date": "Sat, 21 Nov 2026 20:00:00 GMT"}
SIGNING = Signing(credentials=KEYS, now=NOW)


def error_of(
    status: int, code: str = "", message: str = "", headers: dict[str, str] | None = None
) -> ApiError:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>" if code else ""
    response = HttpResponse(
        status=status, headers=COS if headers is None else headers, body=body.encode()
    )
    with pytest.raises(ApiError) as caught:
        PROVIDER.read_page(response, Walk(), Known())
    return caught.value


def detail_error(response: HttpResponse) -> ApiError:
    with pytest.raises(ApiError) as caught:
        PROVIDER.read_detail(response, JobKey("", "x"))
    return caught.value


# ── the table ───────────────────────────────────────────────────────────────────────────────────


def test_the_table_has_the_thirteen_documented_statuses_in_order() -> None:
    assert LIFECYCLE.statuses == (
        *("New", "Preparing", "Suspended", "Ready", "Active", "Pausing", "Paused"),
        *("Completing", "Cancelling", "Failing", "Complete", "Cancelled", "Failed"),
    )
    assert LIFECYCLE.unfinished == LIFECYCLE.statuses[:10]


@pytest.mark.parametrize(
    ("word", "status", "phase"),
    [
        ("Canceled", "Cancelled", Phase.CANCELLED),
        ("CANCELING", "Cancelling", Phase.RUNNING),
        ("completed", "Complete", Phase.SUCCEEDED),
        ("suspended", "Suspended", Phase.WAITING),
        ("Archiving", "Archiving", Phase.UNKNOWN),
    ],
)
def test_other_spellings_are_understood_and_unknown_words_are_kept(
    word: str, status: str, phase: Phase
) -> None:
    assert LIFECYCLE.read(word) == (status, phase)


def test_every_unfinished_status_leads_to_an_end_and_no_end_leads_on() -> None:
    for status in LIFECYCLE.statuses:
        ends = [each for each in LIFECYCLE.statuses[10:] if LIFECYCLE.reachable(status, each)]
        assert bool(ends) == (status in LIFECYCLE.unfinished)


@pytest.mark.parametrize("status", ["New", "Preparing", "Suspended", "Ready", "Active", "Paused"])
def test_a_job_can_be_cancelled_before_it_ends(status: str) -> None:
    assert LIFECYCLE.reachable(status, "Cancelling")


def test_endings_and_waiting_for_a_person_need_detail() -> None:
    needing = [each for each in LIFECYCLE.statuses if LIFECYCLE.needs_detail(each)]
    assert needing == ["Suspended", "Complete", "Cancelled", "Failed"]


def test_the_provider_is_what_its_settings_say() -> None:
    provider: Provider = open_provider(PROVIDER.settings)
    assert (provider.kind, provider.region, provider.account) == (
        "cos-batch",
        "ap-chengdu",
        "100000000001",
    )
    assert provider.operations == OPERATIONS
    assert provider.lifecycle is LIFECYCLE


# ── requests ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("walk", "token", "query"),
    [
        (Walk(), None, "maxResults=1000"),
        (Walk(status="Active"), None, "jobStatuses=Active&maxResults=1000"),
        (Walk(), "a/b+c d&~*", "maxResults=1000&nextToken=a%2Fb%2Bc%20d%26~%2A"),
        (Walk(status="New"), "t", "jobStatuses=New&maxResults=1000&nextToken=t"),
    ],
)
def test_a_page_is_asked_for_with_status_size_and_token(
    walk: Walk, token: str | None, query: str
) -> None:
    request = PROVIDER.list_jobs(walk, token, SIGNING)
    url = f"https://100000000001.cos-control.ap-chengdu.myqcloud.com/jobs?{query}"
    assert (request.method, request.url, request.body) == ("GET", url, b"")
    assert verify(request, KEYS, now=NOW) is None


def test_a_request_carries_account_host_token_and_signature_and_no_content_type() -> None:
    request = PROVIDER.list_jobs(Walk(), None, SIGNING)
    assert set(request.headers) == {"Host", "x-cos-appid", "x-cos-security-token", "Authorization"}
    assert request.headers["x-cos-appid"] == "1250000000"
    assert (
        "q-header-list=host;x-cos-appid;x-cos-security-token&" in request.headers["Authorization"]
    )


@pytest.mark.parametrize(
    ("job", "path"),
    [
        ("021140d8-67ca-4e89-8089-0de9a1e40943", "/jobs/021140d8-67ca-4e89-8089-0de9a1e40943"),
        ("a/../b c?d#é", "/jobs/a%2F..%2Fb%20c%3Fd%23%C3%A9"),
        ("..", "/jobs/%2E%2E"),
        (".", "/jobs/%2E"),
    ],
)
def test_the_id_of_a_job_is_one_segment_of_the_path(job: str, path: str) -> None:
    request = PROVIDER.describe_job(JobKey("", job), SIGNING)
    assert urlsplit(request.url).path == path
    assert verify(request, KEYS, now=NOW) is None


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (403, "AccessDenied", "Access Denied.", Denied),
        (403, "SignatureDoesNotMatch", "", KeysRejected),
        (403, "InvalidAccessKeyId", "", KeysRejected),
        (400, "ExpiredToken", "", KeysRejected),
        (451, "UnavailableForLegalReasons", "", Denied),
        (403, "RequestTimeTooSkewed", "", ClockSkew),
        (403, "AccessDenied", "Request has expired", ClockSkew),
        (403, "AccessDenied", "RequestTimeTooSkewed", ClockSkew),
        (403, "AccessKeysRejected", "SignatureDoesNotMatch", Denied),
        (400, "RequestTimeout", "", ServerError),
        (500, "InternalError", "", ServerError),
        (500, "ServiceUnavailable", "", ServerError),
        (503, "ServiceUnavailable", "", ServerError),
        (500, "SomethingNew", "", ServerError),
        (503, "SlowDown", "Reduce your request rate", Throttled),
        (429, "SlowDown", "", Throttled),
        (500, "TooManyJobs", "", Rejected),
        (400, "InvalidArgument", "The nextToken parameter is invalid", TokenRejected),
        (400, "InvalidArgument", "Parameter jobStatuses is invalid", StatusRejected),
        (400, "InvalidArgument", "x-cos-appid", Rejected),
        (400, "InvalidRequest", "", Rejected),
        (404, "NoSuchJob", "", NoSuchJob),
        (404, "NoSuchBucket", "", Rejected),
        (400, "SomethingNew", "", Rejected),
        (401, "SomethingNew", "", Denied),
    ],
)
def test_every_documented_error_says_what_to_do(
    status: int, code: str, message: str, kind: type[ApiError]
) -> None:
    error = error_of(status, code, message)
    assert type(error) is kind
    assert (error.status, error.request_id, error.at) == (status, "NjU0", NOW)


def test_a_name_hidden_in_the_message_of_access_denied_becomes_the_code() -> None:
    assert error_of(403, "AccessDenied", "SignatureDoesNotMatch").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, Denied),
        (401, Denied),
        (408, ServerError),
        (429, Throttled),
        (500, ServerError),
        (502, ServerError),
        (400, Rejected),
        (404, Malformed),
        (301, Malformed),
        (204, Malformed),
    ],
)
def test_without_a_body_the_status_decides(status: int, kind: type[ApiError]) -> None:
    error = error_of(status)
    assert type(error) is kind
    assert error.code == f"HTTP{status}"


def test_a_missing_job_needs_the_word_of_cos() -> None:
    bare = HttpResponse(status=404)
    assert type(detail_error(bare)) is Malformed
    assert type(detail_error(HttpResponse(status=404, headers=COS))) is NoSuchJob
    assert type(detail_error(sample("error_no_such_job"))) is NoSuchJob
    assert type(detail_error(sample("gateway_404"))) is Malformed


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("error_clock", ClockSkew, "RequestTimeTooSkewed"),
        ("error_throttled", Throttled, "SlowDown"),
        ("error_service_unavailable", ServerError, "ServiceUnavailable"),
        ("gateway_502", ServerError, "HTTP502"),
        ("gateway_200", Malformed, "Malformed"),
        ("error_json", Denied, "4003"),
    ],
)
def test_sampled_answers_are_told_apart(name: str, kind: type[ApiError], code: str) -> None:
    error = detail_error(sample(name))
    assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("7", timedelta(seconds=7)),
        ("Sat, 21 Nov 2026 20:02:00 GMT", timedelta(minutes=2)),
        ("Sat, 21 Nov 2026 19:00:00 GMT", timedelta()),
        ("99999999999999999999", timedelta(days=1)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str, expected: timedelta | None) -> None:
    error = error_of(503, "SlowDown", headers={**COS, "retry-after": header})
    assert isinstance(error, Throttled)
    assert error.retry_after == expected


def test_the_cloud_cannot_write_control_characters_or_novels_into_our_log() -> None:
    error = error_of(400, "InvalidRequest", "a&#10;b\u202ec\u009b31m" + "x" * 5000)
    assert error.message.startswith("a b c 31mx")
    assert len(error.message) == 256


def test_an_answer_that_was_cut_short_is_malformed() -> None:
    response = HttpResponse(status=200, body=b"<ListJobsResult/>", truncated=True)
    with pytest.raises(Malformed):
        PROVIDER.read_page(response, Walk(), Known())


def test_a_detail_of_another_job_is_malformed() -> None:
    with pytest.raises(Malformed, match="another job"):
        PROVIDER.read_detail(sample("detail_complete"), JobKey("", "somebody-else"))


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=300)
    | st.sampled_from([b"{", b'{"code":[]}', b"[" * 9000, b"{" * 9000]),
    date=st.text(max_size=30),
)
def test_whatever_comes_back_is_an_error_of_ours(status: int, body: bytes, date: str) -> None:
    headers = {"date": date, "retry-after": date, "x-cos-request-id": date}
    detail = detail_error(HttpResponse(status=status, headers=headers, body=body))
    assert all(each.isprintable() for each in detail.code + detail.message + detail.request_id)


def test_requests_show_no_secret() -> None:
    request: HttpRequest = PROVIDER.list_jobs(Walk(), None, SIGNING)
    assert "token" not in repr(request)
