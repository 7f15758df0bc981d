"""Whether who sends sleeps while something could be sent: what the outbox said is held against claims that are undone."""

import os
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobwatch.store import Store, claiming
from jobwatch.store.outbox_values import Claim, Claimed
from tests.factories import HOUR, MINUTE, SECOND

JUST_BEFORE = timedelta(microseconds=1)
THOROUGH = "OUTBOX_LIVES" in os.environ
STEPS = (SECOND, 11 * SECOND, 31 * SECOND, 61 * SECOND, 5 * MINUTE, 20 * MINUTE, 2 * HOUR, 5 * HOUR)


class _Undone(Exception):
    """Ends a transaction that nobody may see."""


async def what_if(store: Store, claim: Claim, at: datetime) -> Claimed:
    """What this claim would give at that time if nothing happens before; nothing is changed."""
    found: list[Claimed] = []

    def work(connection: Connection) -> None:
        found.append(claiming.claim_due(connection, store.owner, claim, at))
        raise _Undone

    with suppress(_Undone):
        await store._database.write(work)
    return found[-1]


async def check_sleep(store: Store, claim: Claim, claimed: Claimed, now: datetime) -> None:
    """Before `again_at` there is nothing for who made this claim, while what it got is still being sent."""
    got = [each.id for each in claimed.deliveries]
    limit = claim.limit - len(got)
    until = claimed.again_at
    if limit < 1 or (until is not None and until <= now):
        return
    if any(each.event_type == "digest" for each in claimed.deliveries):
        return  # what comes after its members waits for its answer, so that it is not told before them
    later = replace(claim, limit=limit, held=[*claim.held, *got])
    times = [now + step for step in STEPS if until is None or now + step < until]
    if until is not None:
        times.append(until - JUST_BEFORE)
    for at in times if THOROUGH else times[-1:]:
        found = await what_if(store, later, at)
        assert not found.deliveries, (
            f"asleep until {until} while {found.deliveries} was due at {at}"
        )
