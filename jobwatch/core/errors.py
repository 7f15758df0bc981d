"""Everything that jobwatch raises on purpose, arranged by what the caller has to do.

- JobwatchError
    - ConfigError: the user must change something; carries one message per mistake; exit code 2
    - StoreError: the store cannot be used
        - StoreLocked: another daemon holds it; names the holder
        - StoreUnusable: unwritable, foreign, corrupt or newer than this program; says what to do
        - FenceLost: this process no longer owns the source; the sweep is abandoned
        - StaleWrite: a snapshot has another version than the one read; re-read and decide again
    - TransportError: no answer was had (or no whole answer); `kind` says why
    - ApiError: the cloud answered, and the answer is no result
        - Throttled: too many calls; may carry `retry_after`
        - ServerError: the cloud's own trouble; worth another try; may carry `retry_after`
        - ClockSkew: the signature's time was refused; correct the offset
        - Denied: permission, or the account
        - KeysRejected: the keys themselves; read them afresh and try once more
        - NoSuchJob: the job is unknown to the cloud
        - TokenRejected: the next token was refused; restart the walk
        - StatusRejected: the status filter was refused; leave it out of the plan
        - Rejected: any other refusal of the request as it is
        - Malformed: an answer that is not what the page documents
    - NoCredentials: there are no keys to sign with; says what was looked for and where
    - CallWithheld: we do not call now, because the cloud asked for a pause or failed too often in a row
    - BrokenWalk: a paging run that proves nothing; `reason` says why
    - BrokenScopes: some scopes of a source could not be read, the others were
    - RenderError: a payload cannot be made of an event; the words say where and why
    - Unexpected: a fault of this program met in a sweep; the log has it, people are told its name
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar

MESSAGE_LIMIT = 256


class JobwatchError(Exception):
    """Root of the tree."""


class ConfigError(JobwatchError):
    """The configuration cannot be used. One message per mistake, each a whole sentence for a person."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class StoreError(JobwatchError):
    """The store cannot be used."""


class StoreLocked(StoreError):
    """Another process holds the store."""

    def __init__(self, message: str, *, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


class StoreUnusable(StoreError):
    """The store cannot be opened as it is; the message says what is wrong and what to do."""


class FenceLost(StoreError):
    """This process no longer holds the lease of the source; nothing was written."""


class StaleWrite(StoreError):
    """A snapshot changed since it was read; nothing was written."""


class TransportKind(StrEnum):
    """Why no answer was had. Words of the delivery results in `core.outbox`."""

    TIMEOUT = "timeout"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    RESET = "reset"
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"


class TransportError(JobwatchError):
    """No whole answer arrived. The text names neither URL nor header. `call` is the cloud's call, where it was one."""

    call = ""

    def __init__(self, kind: TransportKind, message: str) -> None:
        super().__init__(message[:MESSAGE_LIMIT])
        self.kind = kind


class CallResult(StrEnum):
    """How a call to the cloud ended: the label `result` of `jobwatch_api_requests_total`."""

    OK = "ok"
    THROTTLED = "throttled"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    REJECTED = "rejected"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    NETWORK = "network"
    MALFORMED = "malformed"


class ApiError(JobwatchError):
    """The cloud answered, and the answer is no result.

    `code` and `message` are the cloud's own words, the message cut to 256 characters; `status` is the HTTP status;
    `at` is the time of the answer by the cloud's clock (its `Date` header), where it sent one. `call` is what was
    called, noted by whoever called.
    """

    call = ""
    result: ClassVar[CallResult] = CallResult.REJECTED
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        *,
        code: str,
        message: str,
        status: int,
        request_id: str = "",
        at: datetime | None = None,
    ) -> None:
        self.code = code[:64]
        self.message = message[:MESSAGE_LIMIT]
        self.status = status
        self.request_id = request_id[:128]
        self.at = at
        super().__init__(
            f"{self.code}: {self.message} (HTTP {status}, request id {self.request_id or 'none'})"
        )


class Throttled(ApiError):
    """Too many calls."""

    result = CallResult.THROTTLED
    retryable = True
    retry_after: timedelta | None = None


class ServerError(ApiError):
    """The cloud's own trouble."""

    result = CallResult.SERVER_ERROR
    retryable = True
    retry_after: timedelta | None = None


class ClockSkew(ApiError):
    """The time of the signature was refused."""

    result = CallResult.DENIED


class Denied(ApiError):
    """Permission, or the account."""

    result = CallResult.DENIED


class KeysRejected(ApiError):
    """The keys themselves were refused: expired, unknown, or not those that the signature was made with."""

    result = CallResult.DENIED


class NoSuchJob(ApiError):
    """The cloud does not know the job."""

    result = CallResult.NOT_FOUND


class TokenRejected(ApiError):
    """The next token was refused."""


class StatusRejected(ApiError):
    """The status filter was refused."""


class Rejected(ApiError):
    """Any other refusal."""


class Malformed(ApiError):
    """The answer is not what the cloud documents."""

    result = CallResult.MALFORMED
    retryable = True


class NoCredentials(JobwatchError):
    """There are no keys to sign with. The message says what was looked for, where, and what to set."""


class WithheldReason(StrEnum):
    """Why no call goes out for now."""

    BREAKER_OPEN = "breaker_open"
    RETRY_AFTER = "retry_after"


class CallWithheld(JobwatchError):
    """No call goes out for now; `remaining` is for how long."""

    def __init__(self, reason: WithheldReason, remaining: timedelta) -> None:
        super().__init__(f"no call for {remaining.total_seconds():.0f} s: {reason.value}")
        self.reason = reason
        self.remaining = remaining


class Unexpected(JobwatchError):
    """A fault of this program: its class is its name, because its text may hold anything."""

    def __init__(self, error: Exception) -> None:
        super().__init__("a fault of jobwatch itself; its log says more")
        self.name = type(error).__name__


class BrokenReason(StrEnum):
    """Why a walk proves nothing."""

    TOKEN_REPEATED = "token_repeated"  # noqa: S105  a reason, not a secret
    TOKEN_REJECTED = "token_rejected"  # noqa: S105  likewise
    EMPTY_PAGES = "empty_pages"
    PAGE_CAP = "page_cap"
    TOO_MANY_SCOPES = "too_many_scopes"


class BrokenWalk(JobwatchError):
    """A paging run that proves nothing about jobs it did not show."""

    def __init__(self, reason: BrokenReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class BrokenScopes(JobwatchError):
    """Some scopes of a source could not be read, for the `errors` given by scope: nothing is proved about their jobs.

    `first` is the error of the first of them, `where` names it and says how many others there are. `suspect_since`:
    most unfinished jobs of those that could be read are gone.
    """

    def __init__(
        self,
        errors: Mapping[str, ApiError | BrokenWalk | TransportError],
        suspect_since: datetime | None = None,
    ) -> None:
        self.suspect_since = suspect_since
        scope, self.first = next(iter(errors.items()))
        more = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
        self.where = f'vault "{scope}"{more}'
        super().__init__(f"{self.where}: {self.first}")


class RenderError(JobwatchError):
    """A template cannot be rendered; the words say where and why."""
