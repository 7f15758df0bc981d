"""When jobwatch says that all is well, and when it is silent."""

from datetime import timedelta
from typing import Any

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.overview import OutboxDepth
from jobwatch.heartbeat import reasons_to_withhold
from tests.factories import MINUTE, NOW, SECOND
from tests.overviews import overview, shape, state

LONG_AGO = NOW - 10 * MINUTE - SECOND
OLD = OutboxDepth("ops", 3, 0, LONG_AGO)
WAITS = ("the receiver ops waits for news since over 10 minutes",)


@pytest.mark.parametrize(
    ("fields", "stalled", "reasons"),
    [
        pytest.param({}, [], (), id="all is well"),
        pytest.param(
            {},
            ["poller:prod", "lag"],
            ("the loop lag is stalled", "the loop poller:prod is stalled"),
            id="loops that hang",
        ),
        pytest.param(
            {"sources": (state(unfinished_data_at=LONG_AGO, watched_until=LONG_AGO),)},
            [],
            ("the source prod is not fresh",),
            id="a source whose data is old",
        ),
        pytest.param({"sources": ()}, [], ("the source prod is not fresh",), id="one never swept"),
        pytest.param(
            {"sources": (state(failures=1),)},
            [],
            ("the source prod is not fresh",),
            id="one whose last sweep broke",
        ),
        pytest.param({"outbox": (OLD,)}, [], WAITS, id="news that does not get through"),
        pytest.param(
            {"outbox": (OLD._replace(oldest_at=NOW - 10 * MINUTE),)}, [], (), id="not that long"
        ),
        pytest.param(
            {"outbox": (OLD._replace(pending=0, dead=5, oldest_at=None),)},
            [],
            (),
            id="dead letters wait for nothing",
        ),
        pytest.param(
            {"outbox": (OLD,), "receivers": {"ops": ReceiverState.PAUSED}},
            [],
            (),
            id="a paused receiver",
        ),
        pytest.param(
            {"outbox": (OLD,), "receivers": {"ops": ReceiverState.FAILING}},
            [],
            WAITS,
            id="one that is left alone",
        ),
        pytest.param(
            {"outbox": (OLD._replace(receiver="removed"),)},
            [],
            (),
            id="one that is configured no more",
        ),
    ],
)
def test_it_is_withheld_for_a_reason(
    fields: dict[str, Any], stalled: list[str], reasons: tuple[str, ...]
) -> None:
    receivers = {"ops": timedelta()}
    assert reasons_to_withhold(overview(**fields), [shape()], receivers, stalled) == reasons


@pytest.mark.parametrize(
    ("every", "waited", "reasons"),
    [
        (9 * MINUTE, 10 * MINUTE, ()),
        (9 * MINUTE, 10 * MINUTE + SECOND, WAITS),
        (30 * MINUTE, 31 * MINUTE, ()),
        (30 * MINUTE, 31 * MINUTE + SECOND, (WAITS[0].replace("10", "31"),)),
    ],
)
def test_news_may_wait_for_its_digest(
    every: timedelta, waited: timedelta, reasons: tuple[str, ...]
) -> None:
    known = overview(outbox=(OLD._replace(oldest_at=NOW - waited),))
    assert reasons_to_withhold(known, [shape()], {"ops": every}, []) == reasons
