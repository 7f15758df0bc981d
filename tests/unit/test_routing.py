"""Who is told, with the reason, for every receiver and every event."""

from datetime import timedelta
from typing import Any

import pytest

from jobwatch.core.events import (
    ENDINGS,
    PROBLEMS,
    UNASKED,
    Event,
    EventType,
    JobEvent,
    Severity,
    SourceEvent,
)
from jobwatch.core.routing import (
    Routed,
    RouteReason,
    Selection,
    Subscription,
    route,
    route_closing,
)
from tests.factories import NOW, event, job, origin, progress, snapshot


def reason(of: Event, **fields: Any) -> RouteReason:
    (routed,) = route(of, [Subscription(receiver="ops", **fields)])
    return routed.reason


def ended(type_: EventType = EventType.FAILED, **fields: Any) -> JobEvent:
    return event(snapshot(of=job("Done", **fields)), type=type_)


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        (Selection(), RouteReason.WANTED),
        (Selection(types=ENDINGS), RouteReason.WANTED),
        (Selection(types=PROBLEMS), RouteReason.WANTED),
        (Selection(types=ENDINGS - PROBLEMS), RouteReason.TYPE_NOT_WANTED),
        (Selection(types=frozenset()), RouteReason.TYPE_NOT_WANTED),
        (Selection(sources=("prod",)), RouteReason.WANTED),
        (Selection(sources=("test", "pr?d")), RouteReason.WANTED),
        (Selection(sources=("test",)), RouteReason.SOURCE_NOT_WANTED),
        (Selection(sources=()), RouteReason.SOURCE_NOT_WANTED),
        (Selection(operations=("Copy",)), RouteReason.WANTED),
        (Selection(operations=("copy",)), RouteReason.OPERATION_NOT_WANTED),
        (Selection(operations=("Restore", "Tag*")), RouteReason.OPERATION_NOT_WANTED),
        (Selection(operations=()), RouteReason.OPERATION_NOT_WANTED),
        (Selection(descriptions=("nightly*",)), RouteReason.WANTED),
        (Selection(descriptions=("*copy",)), RouteReason.WANTED),
        (Selection(descriptions=("[a-m]*",)), RouteReason.DESCRIPTION_NOT_WANTED),
        (Selection(descriptions=("Nightly*",)), RouteReason.DESCRIPTION_NOT_WANTED),
        (Selection(descriptions=()), RouteReason.DESCRIPTION_NOT_WANTED),
    ],
)
def test_a_receiver_is_told_what_all_its_globs_match(
    wants: Selection, expected: RouteReason
) -> None:
    assert reason(event(), wants=wants) is expected


def test_the_reason_named_is_the_first_that_rules_an_event_out() -> None:
    nothing = {"types": frozenset[EventType](), "sources": (), "operations": (), "descriptions": ()}
    order = [
        RouteReason.TYPE_NOT_WANTED,
        RouteReason.SOURCE_NOT_WANTED,
        RouteReason.OPERATION_NOT_WANTED,
        RouteReason.DESCRIPTION_NOT_WANTED,
    ]
    reasons = []
    for name in list(nothing):
        reasons.append(reason(event(), wants=Selection(**nothing)))  # type: ignore[arg-type]  # one field after another
        del nothing[name]
    assert reasons == order


@pytest.mark.parametrize(
    ("exceptions", "expected"),
    [
        (None, RouteReason.WANTED),
        (Selection(), RouteReason.EXCEPTED),
        (Selection(types=PROBLEMS), RouteReason.EXCEPTED),
        (Selection(types=ENDINGS - PROBLEMS), RouteReason.WANTED),
        (Selection(descriptions=("nightly*",)), RouteReason.EXCEPTED),
        (Selection(descriptions=("nightly*",), sources=("test",)), RouteReason.WANTED),
        (Selection(descriptions=()), RouteReason.WANTED),
    ],
)
def test_an_exception_wins_where_all_of_it_matches(
    exceptions: Selection | None, expected: RouteReason
) -> None:
    assert reason(event(), exceptions=exceptions) is expected


def test_what_was_not_wanted_anyway_is_not_called_an_exception() -> None:
    only_elsewhere = Selection(sources=("test",))
    assert (
        reason(event(), wants=only_elsewhere, exceptions=Selection())
        is RouteReason.SOURCE_NOT_WANTED
    )


@pytest.mark.parametrize(
    ("counts", "tasks", "ratio", "expected"),
    [
        (progress(9, failed=1), 1, 0.0, RouteReason.WANTED),
        (progress(9, failed=1), 2, 0.0, RouteReason.BELOW_THRESHOLD),
        (progress(8, failed=2), 2, 0.0, RouteReason.WANTED),
        (progress(9, failed=1), 1, 0.1, RouteReason.WANTED),
        (progress(9, failed=1), 1, 0.11, RouteReason.BELOW_THRESHOLD),
        (progress(9, failed=1), 0, 0.11, RouteReason.BELOW_THRESHOLD),
        (progress(0, failed=0), 0, 0.0, RouteReason.WANTED),
        (progress(0, failed=0), 0, 0.01, RouteReason.BELOW_THRESHOLD),
        (None, 99, 0.99, RouteReason.WANTED),
    ],
)
def test_thresholds_hold_back_completions_with_few_failed_tasks(
    counts: Any, tasks: int, ratio: float, expected: RouteReason
) -> None:
    completed = ended(EventType.COMPLETED_WITH_FAILURES, progress=counts)
    found = reason(completed, failed_tasks_at_least=tasks, failed_ratio_at_least=ratio)
    assert found is expected


OTHERS = sorted(set(EventType) - UNASKED - {EventType.COMPLETED_WITH_FAILURES})


@pytest.mark.parametrize("type_", OTHERS)
def test_thresholds_hold_for_no_other_type(type_: EventType) -> None:
    one_failed = ended(type_, progress=progress(9, failed=1))
    found = reason(one_failed, failed_tasks_at_least=99, failed_ratio_at_least=0.99)
    assert found is RouteReason.WANTED


def test_an_exception_is_named_before_a_threshold() -> None:
    completed = ended(EventType.COMPLETED_WITH_FAILURES, progress=progress(9, failed=1))
    assert (
        reason(completed, exceptions=Selection(), failed_tasks_at_least=2) is RouteReason.EXCEPTED
    )


def test_every_receiver_gets_a_decision_in_the_order_given() -> None:
    week = timedelta(days=7)
    routed = route(
        event(),
        [
            Subscription(receiver="ops", give_up_after=week),
            Subscription(receiver="dev", wants=Selection(sources=("test",))),
        ],
    )
    assert routed == (
        Routed(receiver="ops", reason=RouteReason.WANTED, give_up_after=week),
        Routed(receiver="dev", reason=RouteReason.SOURCE_NOT_WANTED, give_up_after=None),
    )
    assert [each.wanted for each in routed] == [True, False]


def test_nobody_subscribed_means_nobody_is_told() -> None:
    assert route(event(), []) == ()


@pytest.mark.parametrize("text", ["", "a\nb", "\U0001f4a5", "[", "\ud800", "*"])
def test_a_star_matches_any_description(text: str) -> None:
    assert reason(ended(description=text)) is RouteReason.WANTED


def test_a_receiver_is_told_what_it_wants_and_the_end_of_what_it_was_told() -> None:
    wanted = [word for word in RouteReason if Routed(receiver="ops", reason=word).wanted]
    assert wanted == [RouteReason.WANTED, RouteReason.TOLD_OPENING]


def test_operations_of_a_job_without_one_match_a_star_alone() -> None:
    bare = event(snapshot(of=job("Failed", operation="")), origin=origin())
    assert reason(bare) is RouteReason.WANTED
    assert reason(bare, wants=Selection(operations=("Copy",))) is RouteReason.OPERATION_NOT_WANTED


@pytest.mark.parametrize(
    ("described", "glob", "matches"),
    [
        ("nightly copy", "*", True),
        ("nightly copy", "nightly ?opy", True),
        ("nightly copy", "nightly", False),
        ("nightly copy", "*[!y]", False),
        ("nightly copy", "NIGHTLY*", False),
        ("a/b/c", "a/*", True),
        ("50% [done]", "*[[]done]", True),
        ("line\nbreak", "line*break", True),
        ("", "?*", False),
        ("", "", True),
    ],
)
def test_a_glob_means_the_same_wherever_it_stands(
    described: str, glob: str, *, matches: bool
) -> None:
    of_description, of_operation = ended(description=described), ended(operation=described)
    wanted, excepted = Selection(descriptions=(glob,)), Selection(operations=(glob,))
    assert (reason(of_description, wants=wanted) is RouteReason.WANTED) is matches
    assert (reason(of_description, exceptions=wanted) is RouteReason.EXCEPTED) is matches
    assert (reason(of_operation, wants=excepted) is RouteReason.WANTED) is matches
    assert (reason(of_operation, exceptions=excepted) is RouteReason.EXCEPTED) is matches


UNREACHABLE = SourceEvent(
    type=EventType.UNREACHABLE, severity=Severity.CRITICAL, origin=origin(), observed_at=NOW
)


@pytest.mark.parametrize(
    ("wants", "expected"),
    [
        (Selection(types=PROBLEMS), RouteReason.WANTED),
        (Selection(types=ENDINGS), RouteReason.TYPE_NOT_WANTED),
        (Selection(sources=("test",)), RouteReason.SOURCE_NOT_WANTED),
        (Selection(operations=("Restore",)), RouteReason.WANTED),
        (Selection(descriptions=("nightly*",)), RouteReason.WANTED),
        (Selection(operations=(), descriptions=()), RouteReason.WANTED),
    ],
)
def test_whoever_wants_some_jobs_of_a_source_hears_what_happens_to_the_source(
    wants: Selection, expected: RouteReason
) -> None:
    assert reason(UNREACHABLE, wants=wants) is expected


@pytest.mark.parametrize(
    ("exceptions", "expected"),
    [
        (Selection(descriptions=("test*",)), RouteReason.WANTED),
        (Selection(descriptions=("",)), RouteReason.WANTED),
        (Selection(descriptions=("", "*")), RouteReason.EXCEPTED),
        (Selection(operations=("Restore",)), RouteReason.WANTED),
        (Selection(operations=("",)), RouteReason.WANTED),
        (Selection(operations=()), RouteReason.WANTED),
        (Selection(sources=("prod",)), RouteReason.EXCEPTED),
        (Selection(sources=("prod",), descriptions=("test*",)), RouteReason.WANTED),
        (Selection(types=frozenset({EventType.UNREACHABLE})), RouteReason.EXCEPTED),
        (Selection(types=ENDINGS), RouteReason.WANTED),
    ],
)
def test_an_exception_for_some_jobs_does_not_hide_that_their_source_is_gone(
    exceptions: Selection, expected: RouteReason
) -> None:
    assert reason(UNREACHABLE, exceptions=exceptions) is expected


def test_a_closing_goes_to_whoever_was_told_the_opening_whatever_it_wants_by_now() -> None:
    week = timedelta(days=7)
    nothing = Selection(types=frozenset())
    routed = route_closing(
        ["gone", "ops"],
        [
            Subscription(receiver="ops", wants=nothing, exceptions=Selection(), give_up_after=week),
            Subscription(receiver="new", give_up_after=week),
        ],
    )
    assert routed == (
        Routed(receiver="ops", reason=RouteReason.TOLD_OPENING, give_up_after=week),
        Routed(receiver="new", reason=RouteReason.NOT_TOLD_OPENING, give_up_after=week),
    )
    assert [each.wanted for each in routed] == [True, False]


def test_where_nobody_was_told_an_opening_nobody_is_told_the_closing() -> None:
    (routed,) = route_closing([], [Subscription(receiver="ops")])
    assert (routed.reason, routed.wanted) == (RouteReason.NOT_TOLD_OPENING, False)
