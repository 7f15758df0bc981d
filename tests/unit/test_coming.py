from dataclasses import replace
from datetime import datetime

import pytest

from jobwatch.core.breaker import ReceiverState
from jobwatch.store.outbox_values import ReceiverRow
from jobwatch.store.values import JobRow
from jobwatch.story.coming import coming
from jobwatch.story.deliveries import rests_until
from jobwatch.story.lines import Known
from tests.factories import MINUTE, NOW, job, snapshot
from tests.overviews import delivery_row

WAITS = delivery_row()
KNOWN = Known(
    row=JobRow(source="prod", snapshot=snapshot(of=job("Failed"))),
    changes=[],
    told=[],
    conditions=[],
    deliveries=[(WAITS, [])],
    kept_since=NOW,
)
SENT = "chat is sent job.failed"


@pytest.mark.parametrize(
    ("known", "at", "words"),
    [
        (KNOWN, NOW, SENT),
        (
            replace(KNOWN, rests={"chat": NOW + MINUTE}),
            NOW + MINUTE,
            f"{SENT}, at the earliest: it is left alone till then",
        ),
        (replace(KNOWN, rests={"chat": NOW - MINUTE}), NOW, SENT),
        (
            replace(KNOWN, gather={"chat": MINUTE}),
            NOW,
            f"{SENT}, by itself or in a digest within 1 min",
        ),
        (
            replace(KNOWN, gather={"chat": MINUTE}, deliveries=[(replace(WAITS, manual=True), [])]),
            NOW,
            SENT,
        ),
        (replace(KNOWN, rests={"other": NOW + MINUTE}), NOW, SENT),
        (
            replace(KNOWN, paused=frozenset({"chat"}), rests={"chat": NOW + MINUTE}),
            None,
            f"{SENT}, once it is resumed: it is paused",
        ),
    ],
)
def test_a_delivery_is_due_once_its_receiver_may_be_tried(
    known: Known, at: datetime | None, words: str
) -> None:
    due = coming(known, vanished_after=MINUTE, remind_every=None)
    assert [(each.at, each.words) for each in due] == [(at, words)]


@pytest.mark.parametrize(
    ("open_until", "held_until", "until"),
    [
        (None, None, None),
        (NOW, None, NOW),
        (None, NOW, NOW),
        (NOW, NOW + MINUTE, NOW + MINUTE),
    ],
)
def test_a_receiver_rests_until_the_later_of_its_two_rests(
    open_until: datetime | None, held_until: datetime | None, until: datetime | None
) -> None:
    row = ReceiverRow(
        name="chat", state=ReceiverState.FAILING, open_until=open_until, held_until=held_until
    )
    assert rests_until(row) == until
