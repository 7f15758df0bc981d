"""What can go wrong with the cloud, as data, and when: pure but for counting.

A rule is a fault (`act`) and a condition (`When`). Tests add rules by call number, path, page or
chance; `fault_spec` reads them from the text of `--faults`. `reshape` and `effects` carry them out.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

from jobwatch.simulator.answers import Question
from jobwatch.simulator.routes import Call

# ── what is answered instead ────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """A refusal in the words of COS, which CAS says in its own. `bare` leaves the body out."""

    status: int
    code: str
    message: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    bare: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """These bytes instead of the answer. `gateway`: without any header of the cloud."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/xml"
    gateway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """Replace bytes of the true answer, `times` times at most (-1: everywhere)."""

    old: bytes
    new: bytes
    times: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownStatus:
    """The first job of the answer has a status that nobody documented."""

    word: str = "Hibernating"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentType:
    """The true answer under another Content-Type."""

    value: str = "text/html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """The listing does not show this job, as it does not show jobs of over 90 days; DescribeJob knows it."""

    job_id: str


class Tokens(StrEnum):
    """What is wrong with the token of a page of a listing."""

    ENDLESS = "endless"  # always another one, and the same jobs
    ENDLESS_EMPTY = "endless_empty"  # always another one, and no jobs
    REPEATED = "repeated"  # the same one on every page


@dataclass(frozen=True, slots=True, kw_only=True)
class BadToken:
    """A listing that never ends well. Any token is accepted on such a page."""

    kind: Tokens = Tokens.ENDLESS


# ── how the answer travels ──────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Only the first `at` bytes of the body; `honest` sends them as a whole answer."""

    at: int = 200
    honest: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """The first `after` bytes of the body, then silence until the client or the cloud goes."""

    after: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """The connection is reset, before or after the headers were sent."""

    after_headers: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GzipBomb:
    """A small answer that unpacks to `size` bytes of white space."""

    size: int = 2 * 1024**3


# ── what happens before any answer ──────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Wait before answering, by the real clock."""

    by: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """Await a callback before answering: a test may end the daemon at that moment."""

    callback: Callable[[Question], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """The cloud's clock is wrong by this much while the rule holds."""

    by: timedelta


Before = Delay | Hook
Untrue = Rewrite | UnknownStatus | ContentType | Hidden
Torn = Cut | Stall | Reset | GzipBomb
Bend = Say | Raw | BadToken | Untrue | Torn
Act = Before | Bend | Skew

SLOW_DOWN = Say(status=503, code="SlowDown", message="Reduce your request rate")
TOO_MANY = Say(
    status=429,
    code="SlowDown",
    message="Reduce your request rate",
    headers=(("Retry-After", "2"),),
)
INTERNAL = Say(status=500, code="InternalError", message="Internal error, please try again")
# The batch pages document this one with 500, the general list of errors with 503.
UNAVAILABLE = Say(status=500, code="ServiceUnavailable", message="Storage layer error")
TIMEOUT = Say(status=400, code="RequestTimeout", message="Reading the request timed out")
DENIED = Say(status=403, code="AccessDenied", message="Access Denied.")
EXPIRED_TOKEN = Say(status=400, code="ExpiredToken", message="The token has expired")
TOKEN_REJECTED = Say(
    status=400, code="InvalidArgument", message="The nextToken parameter is invalid"
)
STATUS_REJECTED = Say(
    status=400, code="InvalidArgument", message="Parameter jobStatuses is invalid"
)
NO_SUCH_JOB = Say(status=404, code="NoSuchJob", message="The specified job does not exist")
_PAGE = b"<html><head><title>%b</title></head><body><h1>%b</h1><hr>nginx</body></html>"
HTML_200 = Raw(body=_PAGE % (b"Welcome", b"Welcome"), content_type="text/html", gateway=True)
HTML_502 = Raw(
    status=502,
    body=_PAGE % (b"502 Bad Gateway", b"502 Bad Gateway"),
    content_type="text/html",
    gateway=True,
)
EMPTY = Raw()
DOCTYPE = Raw(
    body=b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/evil.dtd">'
    b"<ListJobsResult><Jobs/></ListJobsResult>"
)
ENTITIES = Raw(
    body=b'<!DOCTYPE a [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY a%d "%b">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)).replace(
        b"&a0;", b"&a;"
    )
    + b"]><ListJobsResult><Jobs><member><JobId>&a9;</JobId></member></Jobs></ListJobsResult>"
)


# ── when ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Which requests a rule is for; every condition given must hold.

    `nth` are the numbers, from 1, among the requests that the other conditions hold for. `times`
    ends the rule after so many hits. `after` and `until` count from the first request. `filtered` is whether one status
    is asked for: else all jobs are listed.
    """

    call: Call | None = None
    vault: str | None = None
    status: str | None = None
    filtered: bool | None = None
    job_id: str | None = None
    has_token: bool | None = None
    nth: frozenset[int] | None = None
    times: int | None = None
    chance: float = 1.0
    after: timedelta = timedelta()
    until: timedelta | None = None


@dataclass(slots=True)
class _Rule:
    act: Act
    when: When
    seen: int = 0
    hits: int = 0


class Faults:
    """The rules in force. The first rule that bends a request wins; delays and hooks add up."""

    def __init__(self, *, seed: int = 0) -> None:
        self._rules: list[_Rule] = []
        self._chance = Random(seed)
        self._began: datetime | None = None

    def add(self, act: Act, when: When | None = None) -> None:
        """Add a rule; without a condition it is for every request."""
        self._rules.append(_Rule(act, when or When()))

    def clear(self) -> None:
        """End every rule."""
        self._rules.clear()

    def skew(self, now: datetime) -> timedelta:
        """How wrong the cloud's clock is."""
        elapsed = self._elapsed(now)
        return sum(
            (
                rule.act.by
                for rule in self._rules
                if isinstance(rule.act, Skew) and _in_time(rule.when, elapsed)
            ),
            timedelta(),
        )

    def decide(self, question: Question, now: datetime) -> tuple[list[Before], Bend | None]:
        """What happens before this request is answered, and what bends its answer."""
        elapsed = self._elapsed(now)
        before: list[Before] = []
        bend: Bend | None = None
        for rule in self._rules:
            if isinstance(rule.act, Skew) or (bend and not isinstance(rule.act, Before)):
                continue
            if not self._hits(rule, question, elapsed):
                continue
            if isinstance(rule.act, Before):
                before.append(rule.act)
            else:
                bend = rule.act
        return before, bend

    def _elapsed(self, now: datetime) -> timedelta:
        if self._began is None:
            self._began = now
        return now - self._began

    def _hits(self, rule: _Rule, question: Question, elapsed: timedelta) -> bool:
        when = rule.when
        if not (_in_time(when, elapsed) and _is_for(when, question)):
            return False
        rule.seen += 1
        if when.nth is not None and rule.seen not in when.nth:
            return False
        if when.times is not None and rule.hits >= when.times:
            return False
        if when.chance < 1.0 and self._chance.random() >= when.chance:
            return False
        rule.hits += 1
        return True


def _in_time(when: When, elapsed: timedelta) -> bool:
    return when.after <= elapsed and (when.until is None or elapsed < when.until)


def _is_for(when: When, question: Question) -> bool:
    return (
        when.call in (None, question.call)
        and when.vault in (None, question.vault)
        and when.filtered in (None, question.status is not None)
        and when.status in (None, question.status)
        and when.job_id in (None, question.job_id)
        and when.has_token in (None, question.token is not None)
    )
