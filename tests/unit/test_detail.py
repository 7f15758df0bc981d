"""What becomes of an event that waits for DescribeJob."""

from datetime import datetime

import pytest

from jobwatch.core.detail import Answer, Decision, DetailError, Told, Wait, decide
from jobwatch.core.errors import (
    BrokenReason,
    BrokenWalk,
    ClockSkew,
    Denied,
    Malformed,
    NoSuchJob,
    Rejected,
    ServerError,
    Throttled,
    TransportError,
    TransportKind,
)
from jobwatch.core.model import Job, JobDetail
from tests.factories import MINUTE, NOW, SECOND, TABLE, api_error, detail, job, progress, snapshot

UNTIL = NOW + 2 * MINUTE


def decided(recorded: Job, answer: Answer, now: datetime = NOW) -> Decision:
    return decide(snapshot(of=recorded), answer, TABLE, now=now, until=UNTIL)


WHEN = pytest.mark.parametrize(
    "now", [NOW, UNTIL, UNTIL + MINUTE], ids=["early", "at the limit", "after it"]
)


@WHEN
@pytest.mark.parametrize(
    ("recorded", "answer"),
    [
        (job("Failed"), detail(job("Failed"))),
        (job("Held"), detail(job("Held", priority=99))),
        (
            job("Done", progress=progress(4, failed=6)),
            detail(job("Done", progress=progress(3, failed=7))),
        ),
        (job("Archived"), detail(job("Archived"))),
    ],
)
def test_an_answer_that_agrees_is_told(recorded: Job, answer: JobDetail, now: datetime) -> None:
    assert decided(recorded, answer, now) == Told(detail=answer)


@WHEN
@pytest.mark.parametrize("kind", [NoSuchJob, Denied])
def test_where_there_is_no_hope_the_event_is_told_at_once_and_says_why(
    kind: type[NoSuchJob | Denied], now: datetime
) -> None:
    answer = api_error(kind, code="NoSuchThing")
    assert decided(job("Failed"), answer, now) == Told(detail=None, error="NoSuchThing")


PATIENT = pytest.mark.parametrize(
    ("now", "over"),
    [(NOW, False), (UNTIL - SECOND, False), (UNTIL, True), (UNTIL + MINUTE, True)],
)


@PATIENT
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (api_error(Throttled, code="SlowDown"), "SlowDown"),
        (api_error(ServerError, code="InternalError"), "InternalError"),
        (api_error(ClockSkew, code="RequestTimeTooSkewed"), "RequestTimeTooSkewed"),
        (api_error(Malformed, code="malformed"), "malformed"),
        (api_error(Rejected, code="InvalidArgument"), "InvalidArgument"),
        (TransportError(TransportKind.TIMEOUT, "no"), "timeout"),
        (TransportError(TransportKind.DNS, "no"), "dns"),
        (TransportError(TransportKind.BLOCKED, "no"), "blocked"),
        (BrokenWalk(BrokenReason.PAGE_CAP, "no"), "timeout"),
    ],
)
def test_an_answer_that_could_not_be_had_is_waited_for_to_the_limit(
    answer: Answer, error: str, now: datetime, *, over: bool
) -> None:
    expected = Told(detail=None, error=error) if over else Wait()
    assert decided(job("Failed"), answer, now) == expected


@PATIENT
@pytest.mark.parametrize(
    ("recorded", "seen"),
    [
        (job("Held"), job("Active")),
        (job("Done"), job("Done", progress=progress(4, failed=6))),
        (job("Done"), job("Failed")),
        (job("Held"), job("Archived")),
    ],
)
def test_news_is_handed_over_and_the_event_waits_until_it_is_recorded(
    recorded: Job, seen: Job, now: datetime, *, over: bool
) -> None:
    expected = Told(detail=None, error="job_changed") if over else Wait(news=seen)
    assert decided(recorded, detail(seen), now) == expected


@PATIENT
@pytest.mark.parametrize(
    ("recorded", "seen"),
    [(job("Held"), job("New")), (job("Done"), job("Active")), (job("Failed"), job("Archived"))],
)
def test_an_answer_that_lags_is_no_news_and_is_asked_again(
    recorded: Job, seen: Job, now: datetime, *, over: bool
) -> None:
    expected = Told(detail=None, error="answer_behind") if over else Wait()
    assert decided(recorded, detail(seen), now) == expected


def test_our_own_reasons_are_words_of_the_api() -> None:
    assert set(DetailError) == {
        "timeout", "answer_behind", "job_changed", "source_removed", "no_credentials",
    }  # fmt: skip
