"""What is raised on purpose: by whom it is handled, and that its texts are short."""

from datetime import UTC, datetime

import pytest

from jobwatch.core.errors import (
    MESSAGE_LIMIT,
    ApiError,
    BrokenReason,
    BrokenScopes,
    BrokenWalk,
    CallResult,
    CallWithheld,
    ClockSkew,
    ConfigError,
    Denied,
    FenceLost,
    JobwatchError,
    KeysRejected,
    Malformed,
    NoCredentials,
    NoSuchJob,
    Rejected,
    RenderError,
    ServerError,
    StaleWrite,
    StatusRejected,
    StoreError,
    StoreLocked,
    StoreUnusable,
    Throttled,
    TokenRejected,
    TransportError,
    TransportKind,
    Unexpected,
)


@pytest.mark.parametrize(
    ("kind", "result", "retryable"),
    [
        (Throttled, CallResult.THROTTLED, True),
        (ServerError, CallResult.SERVER_ERROR, True),
        (Malformed, CallResult.MALFORMED, True),
        (ClockSkew, CallResult.DENIED, False),
        (Denied, CallResult.DENIED, False),
        (KeysRejected, CallResult.DENIED, False),
        (NoSuchJob, CallResult.NOT_FOUND, False),
        (TokenRejected, CallResult.REJECTED, False),
        (StatusRejected, CallResult.REJECTED, False),
        (Rejected, CallResult.REJECTED, False),
        (ApiError, CallResult.REJECTED, False),
    ],
)
def test_an_api_error_knows_its_label_and_whether_asking_again_helps(
    kind: type[ApiError], result: CallResult, *, retryable: bool
) -> None:
    error = kind(code="c", message="m", status=400)
    assert (error.result, error.retryable) == (result, retryable)
    assert isinstance(error, JobwatchError)


def leaves(root: type[Exception]) -> set[type[Exception]]:
    below = [each for each in root.__subclasses__() if each.__module__ == root.__module__]
    return {root} if not below else set().union(*(leaves(each) for each in below))


def test_the_tree_has_the_leaves_its_page_draws_and_no_others() -> None:
    own = {each for each in leaves(JobwatchError) if each.__module__ == "jobwatch.core.errors"}
    assert own == {
        *(ConfigError, StoreLocked, StoreUnusable, FenceLost, StaleWrite, TransportError),
        *(Throttled, ServerError, ClockSkew, Denied, NoSuchJob, TokenRejected, StatusRejected),
        *(Rejected, Malformed, BrokenWalk, BrokenScopes, KeysRejected, NoCredentials, CallWithheld),
        *(RenderError, Unexpected),
    }
    below = {
        each for each in StoreError.__subclasses__() if each.__module__ == StoreError.__module__
    }
    assert below == {StoreLocked, StoreUnusable, FenceLost, StaleWrite}


def test_an_api_error_says_code_message_status_and_request_id_in_one_line() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    error = Denied(
        code="AccessDenied", message="Access Denied.", status=403, request_id="NjA", at=at
    )
    assert str(error) == "AccessDenied: Access Denied. (HTTP 403, request id NjA)"
    assert (error.code, error.message, error.status) == ("AccessDenied", "Access Denied.", 403)
    assert (error.request_id, error.at) == ("NjA", at)


def test_an_api_error_without_a_request_id_says_so() -> None:
    error = Rejected(code="c", message="m", status=400)
    assert str(error) == "c: m (HTTP 400, request id none)"
    assert (error.request_id, error.at) == ("", None)


def test_the_clouds_own_words_are_cut() -> None:
    long = "x" * 5000
    error = Rejected(code=long, message=long, status=400, request_id=long)
    assert (len(error.code), len(error.message), len(error.request_id)) == (64, 256, 128)
    assert len(str(error)) < 600
    assert len(str(TransportError(TransportKind.RESET, long))) == MESSAGE_LIMIT == 256


def test_a_throttle_asks_for_no_particular_rest_unless_told() -> None:
    assert Throttled(code="c", message="m", status=503).retry_after is None


def test_a_configuration_error_keeps_one_message_per_mistake() -> None:
    error = ConfigError(["a is wrong", "b is missing"])
    assert error.problems == ("a is wrong", "b is missing")
    assert str(error) == "a is wrong\nb is missing"


def test_a_locked_store_names_its_holder() -> None:
    error = StoreLocked("held by host:1", holder="host:1")
    assert (str(error), error.holder) == ("held by host:1", "host:1")


def test_a_broken_walk_and_a_lost_answer_say_why() -> None:
    walk = BrokenWalk(BrokenReason.PAGE_CAP, "no end after 3 pages")
    lost = TransportError(TransportKind.TLS, "certificate expired")
    assert (walk.reason, str(walk)) == ("page_cap", "no end after 3 pages")
    assert (lost.kind, str(lost)) == ("tls", "certificate expired")


def test_labels_of_calls_are_those_of_the_contract() -> None:
    assert set(CallResult) == {
        *("ok", "throttled", "denied", "not_found", "rejected"),
        *("server_error", "timeout", "network", "malformed"),
    }
