"""What does not verify: requests changed on their way, of the wrong time, or of somebody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.http import HttpRequest
from jobwatch.providers.signing import VerifyFailure, sign, verify

KEYS = Credentials(secret_id="example-secret-id", secret_key="example-secret-key")
TOKEN = "TOKEN+with/slash==and~tilde"
TEMPORARY = replace(KEYS, token=TOKEN)
NOW = datetime.fromtimestamp(1700000060, UTC)
COS = "https://100000000001.cos-control.ap-chengdu.myqcloud.com"
JOB = "/jobs/021140d8-67ca-4e89-8089-0de9a1e40943"


def signed(target: str, keys: Credentials = KEYS) -> HttpRequest:
    request = HttpRequest(method="GET", url=COS + target, headers={"x-cos-appid": "1250000000"})
    return sign(request, Signing(credentials=keys, now=NOW), ttl=timedelta(seconds=3540))


def signature(request: HttpRequest) -> str:
    return request.headers["Authorization"].rpartition("q-signature=")[2]


def authorized(request: HttpRequest, old: str, new: str) -> str:
    return request.headers["Authorization"].replace(old, new)


def tampered(request: HttpRequest, **changes: str) -> HttpRequest:
    return replace(request, headers={**request.headers, **changes})


CHANGES: dict[str, Callable[[HttpRequest], HttpRequest]] = {
    "method": lambda request: replace(request, method="POST"),
    "value": lambda request: replace(request, url=request.url.replace("Active", "Ready")),
    "parameter": lambda request: replace(request, url=request.url + "&nextToken=x"),
    "path": lambda request: replace(request, url=request.url.replace("/jobs", "/job")),
    "host": lambda request: tampered(request, Host="elsewhere.example.com"),
    "header": lambda request: tampered(request, **{"x-cos-appid": "1"}),
    "list": lambda request: tampered(request, Authorization=authorized(request, "host;", "")),
    "window": lambda request: tampered(request, Authorization=authorized(request, "3600", "9999")),
    "signature": lambda request: tampered(
        request, Authorization=authorized(request, signature(request), "0" * 40)
    ),
    "length": lambda request: tampered(
        request, Authorization=request.headers["Authorization"][:-1]
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_request_changed_on_its_way_does_not_verify(
    change: Callable[[HttpRequest], HttpRequest],
) -> None:
    request = signed("/jobs?jobStatuses=Active")
    assert verify(change(request), KEYS, now=NOW) is VerifyFailure.SIGNATURE_DOES_NOT_MATCH


def test_a_security_token_may_be_signed_or_not_but_must_be_the_right_one() -> None:
    request = signed(JOB, TEMPORARY)
    assert verify(request, TEMPORARY, now=NOW) is None
    unsigned = tampered(signed(JOB), **{"x-cos-security-token": TOKEN})
    assert verify(unsigned, TEMPORARY, now=NOW) is None
    assert verify(signed(JOB), TEMPORARY, now=NOW) is VerifyFailure.INVALID_ACCESS_KEY_ID
    assert verify(request, KEYS, now=NOW) is VerifyFailure.INVALID_ACCESS_KEY_ID


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-16 * 60 - 60, VerifyFailure.TOO_SKEWED),
        (-14 * 60, None),
        (0, None),
        (3540, None),
        (3542, VerifyFailure.EXPIRED),
    ],
)
def test_a_signature_holds_for_its_window(seconds: int, expected: VerifyFailure | None) -> None:
    now = NOW + timedelta(seconds=seconds)
    assert verify(signed("/jobs"), KEYS, now=now) is expected


def test_another_key_is_unknown_and_another_secret_does_not_match() -> None:
    request = signed("/jobs")
    other_id, other_key = replace(KEYS, secret_id="other"), replace(KEYS, secret_key="other")
    assert verify(request, other_id, now=NOW) is VerifyFailure.INVALID_ACCESS_KEY_ID
    assert verify(request, other_key, now=NOW) is VerifyFailure.SIGNATURE_DOES_NOT_MATCH


@pytest.mark.parametrize("authorization", ["", "Bearer x", "q-ak=", "&&=&"])
def test_a_request_without_a_whole_signature_is_denied(authorization: str) -> None:
    request = tampered(signed("/jobs"), Authorization=authorization)
    assert verify(request, KEYS, now=NOW) is VerifyFailure.ACCESS_DENIED


def test_no_secret_is_shown_by_a_signed_request() -> None:
    request = signed("/jobs?nextToken=x", TEMPORARY)
    assert not any(secret in repr(request) for secret in (TOKEN, KEYS.secret_id, KEYS.secret_key))
