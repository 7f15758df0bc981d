"""What answers of all clouds have in common: dates and rests of HTTP, and texts that are shown to people."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from jobwatch.core.errors import ApiError, Malformed, ServerError, Throttled
from jobwatch.core.http import HttpResponse

BODY_LIMIT = 64 * 1024
"""Bytes of an error; one that is larger is not read."""
LONGEST_WAIT = timedelta(days=1)
REQUEST_ID_LIMIT = 128
BEGINNING = 1024
"""Bytes of an answer that are looked at to tell a page for people."""
_UNAVAILABLE = 503
# A portal or a proxy in between answers so; what its markup breaks of XML or JSON tells nobody that.
_HTML = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|html)(?=[\s>])", re.IGNORECASE
)


def one_line(text: str) -> str:
    """One line, without characters that could steer a terminal or reorder a log line."""
    return "".join(each if each.isprintable() else " " for each in text[:1024]).strip()


def request_id(response: HttpResponse, header: str) -> str:
    """The id by which the vendor finds the request; `header` is the lower-case name of the header that has it."""
    return one_line(response.headers.get(header, ""))


def answered_at(response: HttpResponse, header: str) -> datetime | None:
    """The time of the answer by the cloud's clock; None where no request id shows that the cloud itself answered."""
    if not response.headers.get(header):
        return None
    return http_date(response.headers.get("date", ""))


def malformed(response: HttpResponse, why: str, header: str) -> Malformed:
    """Build the error of an answer that is not what the page documents: `why`, unless it is a page for people."""
    is_html = _HTML.match(response.body[:BEGINNING]) is not None
    return Malformed(
        code="Malformed",
        message="an HTML page answered, not the API" if is_html else one_line(why),
        status=response.status,
        request_id=request_id(response, header),
        at=answered_at(response, header),
    )


def give_rest(error: ApiError, response: HttpResponse) -> None:
    """Note in an error how long the answer asks to be left alone.

    RFC 9110 gives Retry-After a meaning with 503 alone among the server's errors; a gateway's 502 is not believed.
    """
    if isinstance(error, Throttled) or (
        isinstance(error, ServerError) and error.status == _UNAVAILABLE
    ):
        error.retry_after = _retry_after(response)


def http_date(text: str) -> datetime | None:
    """A date of HTTP, which is UTC whether it says so or not (RFC 9110): never the zone of this machine."""
    try:
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _retry_after(response: HttpResponse) -> timedelta | None:
    """`Retry-After` as seconds or as a date (RFC 9110); a date counts from the answer's own `Date`."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return min(timedelta(seconds=int(text[:9])), LONGEST_WAIT)
    until, since = http_date(text), http_date(response.headers.get("date", ""))
    if until is None or since is None:
        return None
    return min(max(until - since, timedelta()), LONGEST_WAIT)
