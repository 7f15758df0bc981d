"""What the log says of a call that failed: the same keys wherever it is said."""

from typing import TypedDict

from jobwatch.core.errors import ApiError, CallResult, TransportError, TransportKind


class FailedCall(TypedDict):
    """The keys: what was called, how that ended, and what the cloud said. `request_id` is how the vendor finds it."""

    call: str
    result: str | None
    http_status: int | None
    code: str
    error: str
    request_id: str


def failed_call(error: Exception) -> FailedCall:
    """The keys of an error. One that is no answer of the cloud has no status and no request id."""
    if isinstance(error, ApiError):
        return FailedCall(
            call=error.call,
            result=error.result.value,
            http_status=error.status,
            code=error.code,
            error=error.message,
            request_id=error.request_id,
        )
    if isinstance(error, TransportError):
        return FailedCall(
            call=error.call,
            result=result_of(error).value,
            http_status=None,
            code=error.kind.value,
            error=str(error),
            request_id="",
        )
    return FailedCall(
        call="", result=None, http_status=None, code="", error=str(error), request_id=""
    )


def result_of(error: TransportError) -> CallResult:
    """How a call without an answer ended."""
    match error.kind:
        case TransportKind.TIMEOUT:
            return CallResult.TIMEOUT
        case TransportKind.TOO_LARGE | TransportKind.PROTOCOL:
            return CallResult.MALFORMED
        case _:
            return CallResult.NETWORK
