"""What COS says when it does not give a result, told apart by what the caller has to do.

Codes: https://cloud.tencent.com/document/product/436/7730 and, for batch jobs, .../436/38610. The code decides before
the HTTP status does, because the two disagree: RequestTimeout is 400, ServiceUnavailable 500 or 503.
"""

import json
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
from jobwatch.providers import answers
from jobwatch.providers.answers import BODY_LIMIT, REQUEST_ID_LIMIT, give_rest, one_line, request_id
from jobwatch.providers.values import UnreadableError
from jobwatch.providers.xml_tree import read_tree

_REQUEST_ID = "x-cos-request-id"

_CODES: dict[str, type[ApiError]] = {
    "AccessDenied": Denied,
    "ExpiredToken": KeysRejected,
    "InternalError": ServerError,
    "InvalidAccessKeyId": KeysRejected,
    "NoSuchJob": NoSuchJob,
    "Request has expired": ClockSkew,
    "RequestTimeTooSkewed": ClockSkew,
    "RequestTimeout": ServerError,
    "ServiceUnavailable": ServerError,
    "SignatureDoesNotMatch": KeysRejected,
    "SlowDown": Throttled,
    "TooManyJobs": Rejected,
    "TooManyRequests": Throttled,
    "UnavailableForLegalReasons": Denied,
}
_STATUSES: dict[int, type[ApiError]] = {
    401: Denied,
    403: Denied,
    408: ServerError,
    429: Throttled,
    451: Denied,
}
# COS often says AccessDenied and puts the real name into the message
# (https://cloud.tencent.com/document/product/436/54303, its guide to 403).
_HIDDEN = (
    "RequestTimeTooSkewed",
    "Request has expired",
    "SignatureDoesNotMatch",
    "InvalidAccessKeyId",
    "ExpiredToken",
)
_OK = 200
_NO_ERRORS = range(400)
_SERVER_ERRORS = range(500, 600)
_NOT_FOUND = 404


class _Said(NamedTuple):
    """The words of an error body; empty where there are none."""

    code: str = ""
    message: str = ""
    request_id: str = ""


def raise_for_status(response: HttpResponse, *, about_job: bool) -> None:
    """Raise what the answer means, unless it is a whole 200. `about_job`: the request named one job."""
    if response.status != _OK:
        raise read_error(response, about_job=about_job)
    if response.truncated:
        raise malformed(response, "the answer is larger than any answer should be")


def malformed(response: HttpResponse, why: str) -> Malformed:
    """Build the error of an answer that is not what the page documents."""
    return answers.malformed(response, why, _REQUEST_ID)


def read_error(response: HttpResponse, *, about_job: bool) -> ApiError:
    """Read an answer other than 200."""
    said = _read_body(response.body)
    code = said.code
    if code == "AccessDenied":
        code = next((name for name in _HIDDEN if name in said.message), code)
    request = said.request_id or request_id(response, _REQUEST_ID)
    proven = bool(code or request)
    error = _class_of(response.status, code, said.message, proven=proven, about_job=about_job)(
        code=code or f"HTTP{response.status}",
        message=said.message or "the answer carries no error of COS",
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


def _class_of(
    status: int, code: str, message: str, *, proven: bool, about_job: bool
) -> type[ApiError]:
    if code == "InvalidArgument":
        return _refused_argument(message.lower())
    if code in _CODES:
        return _CODES[code]
    if status in _SERVER_ERRORS:
        return ServerError
    if status == _NOT_FOUND and not code:
        # A gateway's own 404 is no proof that a job is gone.
        return NoSuchJob if proven and about_job else Malformed
    return Malformed if status in _NO_ERRORS else _STATUSES.get(status, Rejected)


def _refused_argument(message: str) -> type[ApiError]:
    if "nexttoken" in message:
        return TokenRejected
    return StatusRejected if "jobstatuses" in message else Rejected


def _read_body(body: bytes) -> _Said:
    """Read the XML that COS documents, or the JSON that its SDKs are prepared for."""
    if len(body) > BODY_LIMIT:
        return _Said()
    words = _read_json(body) if body.lstrip().startswith(b"{") else _read_xml(body)
    return _Said(*(one_line(words.get(name, "")) for name in ("code", "message", "requestid")))


def _read_xml(body: bytes) -> dict[str, str]:
    try:
        root = read_tree(body)
    except UnreadableError:
        return {}
    return {each.name.lower(): each.text for each in root.children} if root.name == "Error" else {}


def _read_json(body: bytes) -> dict[str, str]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {name.lower().replace("_", ""): str(value) for name, value in fields.items()}
