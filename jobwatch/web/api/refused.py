"""Why a call is refused: one shape for every answer that is not 200."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from http import HTTPStatus

from jobwatch.core.documents import Document


class Code(StrEnum):
    """What is wrong, in a word that programs may rely on."""

    UNKNOWN_PARAMETER = "unknown_parameter"
    REPEATED_PARAMETER = "repeated_parameter"
    BAD_VALUE = "bad_value"
    BAD_CURSOR = "bad_cursor"
    BAD_BODY = "bad_body"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    AMBIGUOUS = "ambiguous"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    RELOAD_REFUSED = "reload_refused"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"


class Refused(Exception):
    """A call that is not done. `allowed` are the values that would be right, where they are few; `more` stands beside."""

    def __init__(
        self,
        status: HTTPStatus,
        code: Code,
        message: str,
        allowed: Collection[str] | None = None,
        *,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.more = dict(more or {})
        self.status, self.code, self.message = status, code, message
        self.allowed = None if allowed is None else list(allowed)

    def document(self) -> Document:
        """The body of the answer."""
        error = {"code": self.code.value, "message": self.message, "allowed": self.allowed}
        return {"error": error, **self.more}


def bad_value(message: str, allowed: Collection[str] | None = None) -> Refused:
    """A parameter or a part of a body that is none of what it may be."""
    return Refused(HTTPStatus.BAD_REQUEST, Code.BAD_VALUE, message, allowed)


def not_found(message: str, allowed: Collection[str] | None = None) -> Refused:
    """Something that is not there, or not any more."""
    return Refused(HTTPStatus.NOT_FOUND, Code.NOT_FOUND, message, allowed)


def unavailable(message: str) -> Refused:
    """Something that may be there in a moment."""
    return Refused(HTTPStatus.SERVICE_UNAVAILABLE, Code.UNAVAILABLE, message)
