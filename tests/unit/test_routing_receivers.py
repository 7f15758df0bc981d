"""Who is told what is about receivers: the others, whatever words stand on jobs and sources."""

import pytest

from jobwatch.core.events import ENDINGS, PROBLEMS, UNASKED, EventType, ReceiverEvent, Severity
from jobwatch.core.routing import RouteReason, Selection, Subscription, route
from tests.factories import NOW, origin


def of_receiver(name: str, type_: EventType = EventType.PAUSED) -> ReceiverEvent:
    return ReceiverEvent(
        type=type_, severity=Severity.CRITICAL, origin=origin(), receiver=name, observed_at=NOW
    )


def test_that_a_receiver_is_paused_is_told_to_the_others() -> None:
    subscribed = [Subscription(receiver=name) for name in ("ops", "audit", "dev")]
    assert [each.reason for each in route(of_receiver("audit"), subscribed)] == [
        RouteReason.WANTED,
        RouteReason.ITSELF,
        RouteReason.WANTED,
    ]


@pytest.mark.parametrize(
    ("wants", "exceptions", "expected"),
    [
        (Selection(types=PROBLEMS), None, RouteReason.WANTED),
        (Selection(types=ENDINGS), None, RouteReason.TYPE_NOT_WANTED),
        (Selection(sources=(), operations=(), descriptions=()), None, RouteReason.WANTED),
        (Selection(sources=("test",)), None, RouteReason.WANTED),
        (Selection(), Selection(), RouteReason.EXCEPTED),
        (Selection(), Selection(types=frozenset({EventType.PAUSED})), RouteReason.EXCEPTED),
        (Selection(), Selection(sources=("prod",)), RouteReason.WANTED),
        (Selection(), Selection(sources=("p*",), operations=("Copy",)), RouteReason.WANTED),
        (Selection(), Selection(descriptions=("**",)), RouteReason.WANTED),
        (Selection(), Selection(types=ENDINGS), RouteReason.WANTED),
    ],
)
def test_what_is_told_of_a_receiver_is_about_no_source_and_no_job(
    wants: Selection, exceptions: Selection | None, expected: RouteReason
) -> None:
    subscription = Subscription(receiver="ops", wants=wants, exceptions=exceptions)
    (routed,) = route(of_receiver("audit"), [subscription])
    assert routed.reason is expected


@pytest.mark.parametrize("type_", sorted(UNASKED))
def test_a_test_and_a_digest_reach_nobody_by_subscription(type_: EventType) -> None:
    (routed,) = route(of_receiver("audit", type_), [Subscription(receiver="ops")])
    assert routed.reason is RouteReason.TYPE_NOT_WANTED
