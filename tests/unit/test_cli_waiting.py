"""What a delivery waits for, as a column says it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobwatch.cli.waiting import Standing, due_in, queued, waiting_words
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.outbox import DeliveryState
from jobwatch.store.outbox_values import ReceiverRow
from tests.factories import MINUTE, NOW, SECOND
from tests.overviews import delivery_row

ROW = delivery_row(id=7, created_at=NOW - 40 * SECOND, due_at=NOW - 40 * SECOND)
SOON = NOW + 90 * SECOND


def chat(**fields: Any) -> dict[str, ReceiverRow]:
    return {"chat": ReceiverRow(**({"name": "chat", "state": ReceiverState.ACTIVE} | fields))}


FAILING, HALF_OPEN = ReceiverState.FAILING, ReceiverState.HALF_OPEN
GATHER = {"chat": MINUTE}


@pytest.mark.parametrize(
    ("standing", "fields", "words"),
    [
        (Standing(), {}, "due for 40 s"),
        (Standing(), {"due_at": SOON}, "due in 1 min 30 s"),
        (Standing(receivers=chat(state=ReceiverState.PAUSED)), {}, "receiver paused"),
        (
            Standing(receivers=chat(state=FAILING, open_until=SOON)),
            {},
            "left alone, as it fails, due in 1 min 30 s",
        ),
        (
            Standing(receivers=chat(held_until=SOON, open_until=NOW)),
            {},
            "receiver asked for rest, due in 1 min 30 s",
        ),
        (Standing(receivers=chat(state=FAILING, open_until=NOW)), {}, "receiver is tried, one at a time"),
        (Standing(receivers=chat(state=HALF_OPEN)), {}, "receiver is tried, one at a time"),
        (Standing(receivers=chat(state=HALF_OPEN)), {"due_at": SOON}, "due in 1 min 30 s"),
        (
            Standing(receivers=chat(state=FAILING, open_until=NOW + SECOND)),
            {"due_at": SOON},
            "due in 1 min 30 s",
        ),
        (Standing(gather=GATHER), {}, "may wait for a digest, at most 20 s"),
        (Standing(gather=GATHER), {"due_at": NOW - MINUTE}, "due for 1 min"),
        (Standing(gather=GATHER), {"attempts": 1}, "due for 40 s"),
        (Standing(gather=GATHER), {"manual": True}, "due for 40 s"),
        (Standing(gather=GATHER), {"reason": "digest"}, "due for 40 s"),
        (Standing(behind={7: 3}, gather=GATHER), {}, "after number 3"),
        (Standing(behind={7: 3}, receivers=chat(state=ReceiverState.PAUSED)), {}, "receiver paused"),
    ],
)  # fmt: skip
def test_it_names_the_first_thing_that_keeps_it(
    standing: Standing, fields: dict[str, Any], words: str
) -> None:
    row = replace(ROW, **fields)
    assert row.due_at is not None
    assert waiting_words(row, row.due_at, NOW, standing) == words


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (NOW + SECOND, "in 1 s"),
        (NOW, "due now"),
        (NOW - 4 * SECOND, "due now"),
        (NOW - 5 * SECOND, "due for 5 s"),
        (NOW - timedelta(days=2), "due for 2 d"),
    ],
)
def test_what_is_due_says_for_how_long(at: datetime, words: str) -> None:
    assert due_in(at, NOW) == words


def test_news_of_one_job_waits_for_what_is_before_it_and_for_nobody_else() -> None:
    rows = [
        replace(ROW, id=9),
        replace(ROW, id=8),
        replace(ROW, id=6, state=DeliveryState.DELIVERED),
        replace(ROW, id=5, receiver="ops"),
        replace(ROW, id=4, scope="vault"),
        replace(ROW, id=3, source="other"),
        replace(ROW, id=7, state=DeliveryState.CLAIMED),
        *(replace(ROW, id=number, job_id="") for number in (1, 2)),
    ]
    assert queued(rows) == {8: 7, 9: 8}
