"""What the errors of CAS mean: by the code, whatever the HTTP status."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.codec import Known, Walk
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
from jobwatch.core.http import HttpResponse
from jobwatch.core.model import JobKey
from tests.cas_samples import ANSWERED, PROVIDER, VAULT

NOW = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
STATUSES = (400, 403, 404, 408, 429, 500, 503)


def answer(
    status: int, code: str = "", message: str = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    body = json.dumps({"code": code, "message": message, "type": "client"}) if code else ""
    return HttpResponse(
        status=status, headers=ANSWERED if headers is None else headers, body=body.encode()
    )


def of_listing(response: HttpResponse) -> ApiError:
    with pytest.raises(ApiError) as caught:
        PROVIDER.read_page(response, Walk(VAULT), Known())
    return caught.value


def of_detail(response: HttpResponse) -> ApiError:
    with pytest.raises(ApiError) as caught:
        PROVIDER.read_detail(response, JobKey(VAULT, "x"))
    return caught.value


DOCUMENTED: dict[str, type[ApiError]] = {
    "AccessDeniedException": Denied,
    "BadRequest": Rejected,
    "ExpiredTokenException": KeysRejected,
    "InvalidParameterValueException": Rejected,
    "InvalidSignatureException": KeysRejected,
    "LimitExceededException": Throttled,
    "MissingAuthenticationTokenException": KeysRejected,
    "MissingParameterValueException": Rejected,
    "PolicyEnforcedException": Throttled,
    "ResourceNotFoundException": Rejected,
    "RequestTimeoutException": ServerError,
    "SerializationException": Rejected,
    "ThrottlingException": Throttled,
    "UnrecognizedClientException": KeysRejected,
    "ServiceUnavailableException": ServerError,
}
"""https://cloud.tencent.com/document/api/572/8745"""


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(("code", "kind"), DOCUMENTED.items())
def test_every_documented_code_decides_whatever_the_status(
    code: str, kind: type[ApiError], status: int
) -> None:
    error = of_listing(answer(status, code, "words"))
    assert type(error) is kind
    assert (error.code, error.status, error.request_id, error.at) == (code, status, "NjU0", NOW)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("InvalidSignatureException", "The signature does not match", KeysRejected),
        ("InvalidSignatureException", "Signature has expired", ClockSkew),
        ("InvalidSignatureException", "q-sign-time is not valid", ClockSkew),
        ("AccessDeniedException", "Request has expired", ClockSkew),
        ("AccessDeniedException", "RequestTimeTooSkewed", ClockSkew),
        ("AccessDeniedException", "InvalidSignature", KeysRejected),
        ("AccessDeniedException", "not allowed for jobs of another time", Denied),
        ("ExpiredTokenException", "The token of the request has expired", KeysRejected),
        ("RequestTimeTooSkewed", "", ClockSkew),
        ("RequestExpired", "", ClockSkew),
        ("InvalidParameterValueException", "Invalid Marker: x", TokenRejected),
        ("InvalidParameterValueException", "The value of statuscode", StatusRejected),
        ("InvalidParameterValueException", "Invalid StatusCode", StatusRejected),
        ("InvalidParameterValueException", "status code", StatusRejected),
        ("InvalidParameterValueException", "limit", Rejected),
    ],
)
def test_the_message_tells_apart_what_one_code_is_used_for(
    code: str, message: str, kind: type[ApiError]
) -> None:
    assert type(of_listing(answer(400, code, message))) is kind


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The job ID was not found: -x", NoSuchJob),
        ("job x of vault backup_1 does not exist", NoSuchJob),
        ("qcs::cas:r:uid/1:vaults/backup_1/jobs/x", NoSuchJob),
        ("no such resource", NoSuchJob),
        ("", NoSuchJob),
        ("Vault not found: qcs::cas:r:uid/1:vaults/jobs_backup", Rejected),
    ],
)
def test_a_vault_that_is_not_there_proves_nothing_of_its_jobs(
    message: str, kind: type[ApiError]
) -> None:
    response = answer(404, "ResourceNotFoundException", message)
    assert type(of_detail(response)) is kind
    assert type(of_listing(response)) is Rejected


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, Denied),
        (401, Denied),
        (408, ServerError),
        (429, Throttled),
        (451, Denied),
        (500, ServerError),
        (502, ServerError),
        (400, Rejected),
        (404, Malformed),
        (301, Malformed),
        (204, Malformed),
    ],
)
def test_without_a_known_code_the_status_decides(status: int, kind: type[ApiError]) -> None:
    for headers in ({}, ANSWERED):
        error = of_listing(answer(status, headers=headers))
        assert (type(error), error.code) == (kind, f"HTTP{status}")


def test_a_missing_job_needs_the_word_of_cas() -> None:
    html = HttpResponse(status=404, body=b"<html>404</html>")
    assert type(of_detail(html)) is Malformed
    assert type(of_detail(answer(404, headers={}))) is Malformed
    assert type(of_detail(answer(404, headers=ANSWERED))) is NoSuchJob
    assert type(of_detail(answer(404, "NotFound", headers={}))) is Rejected
    assert type(of_detail(answer(404, "ResourceNotFoundException", headers={}))) is NoSuchJob


def test_an_error_larger_than_any_error_is_not_read() -> None:
    large = answer(400, "ThrottlingException", "x" * 65_536)
    assert of_listing(large).code == "HTTP400"


def test_the_time_of_an_answer_is_believed_with_a_request_id_alone() -> None:
    assert PROVIDER.answered_at(answer(200)) == NOW
    assert PROVIDER.answered_at(answer(200, headers={"date": ANSWERED["date"]})) is None
    assert PROVIDER.answered_at(answer(200, headers={**ANSWERED, "date": "soon"})) is None
    foreign = {"date": ANSWERED["date"], "x-cos-request-id": "x"}
    assert PROVIDER.answered_at(answer(200, headers=foreign)) is None


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ThrottlingException", timedelta(seconds=7)),
        (429, "", timedelta(seconds=7)),
        (503, "ServiceUnavailableException", timedelta(seconds=7)),
        (500, "ServiceUnavailableException", None),
        (502, "", None),
    ],
)
def test_a_rest_is_taken_where_it_is_asked_for(
    status: int, code: str, expected: timedelta | None
) -> None:
    error = of_listing(answer(status, code, headers={**ANSWERED, "retry-after": "7"}))
    assert isinstance(error, Throttled | ServerError)
    assert error.retry_after == expected


def test_the_cloud_cannot_write_control_characters_or_novels_into_our_log() -> None:
    error = of_listing(answer(400, "BadRequest", "a\nb\u202ec\u009b31m\ud800" + "x" * 5000))
    assert error.message.startswith("a b c 31m")
    assert error.message.isprintable()
    assert len(error.message) == 256


@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=200)
    | st.sampled_from([b"{", b'{"code":[]}', b"[" * 9000, b'{"a":' * 9000, b'{"code":1e999}']),
    date=st.text(max_size=30),
)
def test_whatever_comes_back_is_an_error_of_ours(status: int, body: bytes, date: str) -> None:
    headers = {"date": date, "retry-after": date, "x-cas-requestid": date}
    error = of_detail(HttpResponse(status=status, headers=headers, body=body))
    assert all(each.isprintable() for each in error.code + error.message + error.request_id)
