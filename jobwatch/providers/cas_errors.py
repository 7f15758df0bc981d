"""What CAS says when it does not give a result, told apart by what the caller has to do.

Codes: https://cloud.tencent.com/document/api/572/8745. The code decides before the HTTP status does, because the
status tells little: ThrottlingException is 400, as are most; ServiceUnavailableException is 500.
"""

import re
from datetime import datetime
from typing import NamedTuple

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
from jobwatch.providers import answers
from jobwatch.providers.answers import BODY_LIMIT, REQUEST_ID_LIMIT, give_rest, one_line, request_id
from jobwatch.providers.json_tree import read_object, text_of
from jobwatch.providers.values import UnreadableError

_REQUEST_ID = "x-cas-requestid"

# By their names less the `Exception` at the end. For calls that only read, a limit or a policy can mean nothing but
# how often they are made.
_CODES: dict[str, type[ApiError]] = {
    "AccessDenied": Denied,
    "BadRequest": Rejected,
    "ExpiredToken": KeysRejected,
    "InvalidSignature": KeysRejected,
    "LimitExceeded": Throttled,
    "MissingAuthenticationToken": KeysRejected,
    "MissingParameterValue": Rejected,
    "PolicyEnforced": Throttled,
    "Request has expired": ClockSkew,
    "RequestExpired": ClockSkew,
    "RequestTimeTooSkewed": ClockSkew,
    "RequestTimeout": ServerError,
    "Serialization": Rejected,
    "ServiceUnavailable": ServerError,
    "Throttling": Throttled,
    "UnrecognizedClient": KeysRejected,
}
_STATUSES: dict[int, type[ApiError]] = {
    401: Denied,
    403: Denied,
    408: ServerError,
    429: Throttled,
    451: Denied,
}
# No code of the table is for a wrong clock, so that one is told by the words of another.
_MAY_MEAN_TIME = frozenset(("AccessDenied", "BadRequest", "InvalidSignature"))
_TIME = re.compile(
    r"clock|skew|(request|signature)\s+(has\s+|is\s+|was\s+)?(expired|not yet valid)"
    r"|(request|sign|key)[\s-]?time|expired\s+(request|signature)",
    re.IGNORECASE,
)
_HIDDEN = ("InvalidSignature", "ExpiredToken", "UnrecognizedClient", "MissingAuthenticationToken")
_A_JOB = re.compile(r"\bjob(s|id)?\b", re.IGNORECASE)
_OK = 200
_NO_ERRORS = range(400)
_SERVER_ERRORS = range(500, 600)
_NOT_FOUND = 404


class _Said(NamedTuple):
    """The words of an error body; empty where there are none."""

    code: str = ""
    message: str = ""


def raise_for_status(response: HttpResponse, *, about: JobKey | None) -> None:
    """Raise what the answer means, unless it is a whole 200. `about` is the one job that the request named."""
    if response.status != _OK:
        raise read_error(response, about=about)
    if response.truncated:
        raise malformed(response, "the answer is larger than any answer should be")


def malformed(response: HttpResponse, why: str) -> Malformed:
    """Build the error of an answer that is not what the page documents."""
    return answers.malformed(response, why, _REQUEST_ID)


def read_error(response: HttpResponse, *, about: JobKey | None) -> ApiError:
    """Read an answer other than 200."""
    said = _read_body(response.body)
    request = request_id(response, _REQUEST_ID)
    error = _class_of(response.status, said, proven=bool(request), about=about)(
        code=said.code or f"HTTP{response.status}",
        message=said.message or "the answer carries no error of CAS",
        status=response.status,
        request_id=request,
        at=answered_at(response),
    )
    give_rest(error, response)
    return error


def id_of(response: HttpResponse) -> str:
    """The id by which the vendor finds the call that was answered; "" where there is none."""
    return request_id(response, _REQUEST_ID)[:REQUEST_ID_LIMIT]


def answered_at(response: HttpResponse) -> datetime | None:
    """The time of the answer by the cloud's clock; None where no request id shows that the cloud itself answered."""
    return answers.answered_at(response, _REQUEST_ID)


def _class_of(status: int, said: _Said, *, proven: bool, about: JobKey | None) -> type[ApiError]:
    name = said.code.removesuffix("Exception")
    if name == "InvalidParameterValue":
        return _refused_parameter(said.message.lower())
    if name == "ResourceNotFound":
        return NoSuchJob if about and _means_job(said.message, about) else Rejected
    if name in _MAY_MEAN_TIME and _TIME.search(said.message):
        return ClockSkew
    if name == "AccessDenied" and any(hidden in said.message for hidden in _HIDDEN):
        return KeysRejected
    if name in _CODES:
        return _CODES[name]
    return _class_of_status(
        status, proven=proven and not name, about_job=about is not None, named=name
    )


def _class_of_status(status: int, *, proven: bool, about_job: bool, named: str) -> type[ApiError]:
    if status in _SERVER_ERRORS:
        return ServerError
    if status == _NOT_FOUND and not named:
        # A gateway's own 404 is no proof that a job is gone.
        return NoSuchJob if proven and about_job else Malformed
    return Malformed if status in _NO_ERRORS else _STATUSES.get(status, Rejected)


def _means_job(message: str, about: JobKey) -> bool:
    """Whether a job is what was not found: a vault that is not there proves nothing of its jobs.

    The names that were asked for are no words of the cloud: a vault may be called "old jobs".
    """
    words = message
    for name in filter(None, about):
        words = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", "", words)
    return "vault" not in message.lower() or bool(_A_JOB.search(words))


def _refused_parameter(message: str) -> type[ApiError]:
    if "marker" in message:
        return TokenRejected
    return StatusRejected if re.search(r"status[\s_-]?code", message) else Rejected


def _read_body(body: bytes) -> _Said:
    if len(body) > BODY_LIMIT:
        return _Said()
    try:
        words = {name.lower(): value for name, value in read_object(body).items()}
    except UnreadableError:
        return _Said()
    return _Said(*(one_line(text_of(words, name)) for name in ("code", "message")))
