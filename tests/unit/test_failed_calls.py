"""What is said of a call that failed: its keys in the log, and none of the cloud's keys in its words."""

import pytest

from jobwatch.client.failures import failed_call, hide_keys
from jobwatch.core.codec import Credentials
from jobwatch.core.errors import (
    MESSAGE_LIMIT,
    BrokenReason,
    BrokenWalk,
    Denied,
    NoSuchJob,
    ServerError,
    TransportError,
    TransportKind,
)

KEYS = Credentials(secret_id="AKIDcanary1", secret_key="canary2/x+y=", token="canary3" * 60)


def refusal(message: str) -> Denied:
    return Denied(code="X", message=message, status=403, request_id="r1")


@pytest.mark.parametrize(
    "message",
    [
        "you sent AKIDcanary1",
        "q-ak=akidCANARY1&q-signature=0a1b2c",
        "secret canary2/x+y= and canary2%2Fx%2By%3D",
        f"token: {'canary3' * 60}",
        "x" * (MESSAGE_LIMIT - 9) + "AKIDcanary1",
    ],
)
def test_a_refusal_that_repeats_what_it_was_sent_loses_the_keys(message: str) -> None:
    error = refusal(message)
    hide_keys(error, KEYS)
    for text in (error.message, str(error)):
        assert "canary" not in text.lower()
        assert "0a1b2c" not in text
        assert "***" in text


def test_a_refusal_without_keys_stays_as_it_was() -> None:
    error = refusal("Access Denied.")
    hide_keys(error, KEYS)
    assert (error.code, error.message, error.request_id) == ("X", "Access Denied.", "r1")
    assert str(error) == str(refusal("Access Denied."))


def test_an_answer_of_the_cloud_says_how_it_is_found() -> None:
    error = ServerError(code="InternalError", message="later", status=500, request_id="r2")
    error.call = "ListJobs"
    assert failed_call(error) == {
        "call": "ListJobs",
        "result": "server_error",
        "http_status": 500,
        "code": "InternalError",
        "error": "later",
        "request_id": "r2",
    }


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        (TransportKind.TIMEOUT, "timeout"),
        (TransportKind.DNS, "network"),
        (TransportKind.RESET, "network"),
        (TransportKind.TOO_LARGE, "malformed"),
        (TransportKind.PROTOCOL, "malformed"),
    ],
)
def test_a_call_without_an_answer_says_the_kind(kind: TransportKind, result: str) -> None:
    said = failed_call(TransportError(kind, "no"))
    assert (said["result"], said["code"], said["http_status"]) == (result, kind.value, None)
    assert said["request_id"] == ""


def test_what_is_no_call_has_the_same_keys() -> None:
    said = failed_call(BrokenWalk(BrokenReason.PAGE_CAP, "too many"))
    assert said.keys() == failed_call(NoSuchJob(code="", message="", status=404)).keys()
    assert (said["call"], said["result"], said["error"]) == ("", None, "too many")
