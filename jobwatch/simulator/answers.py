"""The control API of COS Batch as a function: a question and a world in, an answer out. Pure.

Parameters, error codes and messages follow the ListJobs, DescribeJob and ErrorResponse pages.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from jobwatch.simulator.markup import Writer, trace_id
from jobwatch.simulator.quirks import LastToken
from jobwatch.simulator.routes import Call, Route, vault_route
from jobwatch.simulator.script import STATUSES
from jobwatch.simulator.world import Page, World

MOST_RESULTS = 1000
LONGEST_TOKEN = 64
BAD_REQUEST = 400
XML = "application/xml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request to the cloud. `url` is absolute, as it was sent; `headers` are lower-case.

    `number` counts the requests of the whole run from 1, and makes the request id.
    """

    method: str
    url: str
    path: str
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    number: int = 1
    seed: int = 0

    @property
    def request_id(self) -> str:
        """What `x-cos-request-id` says, and `x-cas-requestId`."""
        return b64encode(f"{self.number:08x}_5ab25864_{self.seed:x}".encode()).decode()

    @property
    def route(self) -> Route | None:
        """What is asked of CAS, None where COS is asked."""
        return vault_route(self.url)

    @property
    def call(self) -> Call:
        """Which call this is; a path that neither API has counts as a description."""
        if self.route is not None:
            return self.route.call or "describe"
        return "list" if self.path == "/jobs" else "describe"

    @property
    def lists(self) -> bool:
        """Whether this is ListJobs, of either API."""
        return self.call == "list"

    @property
    def vault(self) -> str | None:
        """The vault whose jobs are asked for."""
        return self.route.vault or None if self.route else None

    @property
    def job_id(self) -> str:
        """The job that is asked for, or whatever the path ends with."""
        return self.route.job_id if self.route else self.path.rpartition("/")[2]

    @property
    def status(self) -> str | None:
        """The status asked for, None where every job is. CAS takes an empty value for none."""
        return self.filled("statuscode") if self.route else self.one("jobStatuses")

    @property
    def token(self) -> str | None:
        """Where the page asked for begins, None for the first. CAS takes an empty value for none."""
        return self.filled("marker") if self.route else self.one("nextToken")

    def one(self, name: str) -> str | None:
        """The value of a parameter, None if it is not given, "" if it is given twice."""
        values = self.query.get(name, ())
        if not values:
            return None
        return values[0] if len(values) == 1 else ""

    def filled(self, name: str) -> str | None:
        """The value of a parameter, None if it is not given or empty, "" if it is given twice."""
        values = [each for each in self.query.get(name, ()) if each]
        if not values:
            return None
        return values[0] if len(values) == 1 else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the cloud, before anything bends it."""

    status: int = 200
    body: bytes = b""
    content_type: str = XML
    headers: Mapping[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """A request that gets an error body."""

    def __init__(self, *, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def respond(question: Question, world: World, writer: Writer, now: datetime) -> Answer:
    """Answer an admitted request. Raises `Refusal`."""
    if question.method != "GET":
        raise Refusal(status=405, code="MethodNotAllowed", message="The method is not allowed")
    if question.lists:
        return Answer(body=_list_jobs(question, world, writer, now))
    return Answer(body=_describe_job(question, world, writer, now))


def refuse(question: Question, refusal: Refusal, writer: Writer) -> Answer:
    """Write a refusal."""
    body = writer.error(refusal.code, refusal.message, question.path, question.request_id)
    return Answer(status=refusal.status, body=body)


def common_headers(question: Question, status: int, now: datetime) -> dict[str, str]:
    """Headers of every answer; the trace id is sent only with failures."""
    headers = {
        "Server": "tencent-cos",
        "Date": format_datetime(now.astimezone(UTC), usegmt=True),
        "x-cos-request-id": question.request_id,
    }
    if status >= BAD_REQUEST:
        headers["x-cos-trace-id"] = trace_id(question.request_id)
    return headers


def _list_jobs(question: Question, world: World, writer: Writer, now: datetime) -> bytes:
    token = _token(question)
    status, limit = _status(question), min(_limit(question), writer.quirks.page_size)
    try:
        page = world.page(now, status=status, after=token, limit=limit)
    except KeyError:
        raise _invalid("The nextToken parameter is invalid") from None
    subject = f"{status}/{token}"
    return writer.listing(page.states, _next_token(page, token, writer, subject), subject)


def _next_token(page: Page, token: str | None, writer: Writer, subject: str) -> str | None:
    if page.more:
        return page.states[-1].id
    if writer.quirks.last_token_of(subject) is not LastToken.ECHO:
        return None
    return page.states[-1].id if page.states else token


def _status(question: Question) -> str | None:
    status = question.one("jobStatuses")
    if status is not None and status not in STATUSES:
        raise _invalid("Parameter jobStatuses is invalid")
    return status


def _limit(question: Question) -> int:
    text = question.one("maxResults")
    if text is None:
        return MOST_RESULTS
    if not (text.isascii() and text.isdigit()):
        raise _invalid("The maxResults parameter must be an integer")
    if not 1 <= int(text) <= MOST_RESULTS:
        raise _invalid(f"The maxResults parameter must be between 1 and {MOST_RESULTS}")
    return int(text)


def _token(question: Question) -> str | None:
    token = question.one("nextToken")
    if token is not None and not 1 <= len(token.encode()) <= LONGEST_TOKEN:
        raise _invalid("The nextToken parameter is invalid")
    return token


def _describe_job(question: Question, world: World, writer: Writer, now: datetime) -> bytes:
    folder, _, job_id = question.path.removeprefix("/").partition("/")
    if folder != "jobs":
        raise Refusal(status=404, code="NoSuchResource", message="The resource does not exist")
    state = world.job(job_id, now)
    if state is None:
        raise Refusal(status=404, code="NoSuchJob", message="The specified job does not exist")
    return writer.detail(state)


def _invalid(message: str) -> Refusal:
    return Refusal(status=BAD_REQUEST, code="InvalidArgument", message=message)
