"""A line in the log for each event that somebody is told: the way from a sweep to a delivery, and back.

Law: written once the transaction came through, and never a line for each job of a crowd.
"""

from collections.abc import Iterable, Sequence

import structlog

from jobwatch.core.events import JobEvent
from jobwatch.store.outbox_values import Telling
from jobwatch.store.telling import Told

LINES = 50
"""Of so many events of one transaction each has a line; of more there is one line that counts them."""

log = structlog.get_logger()


def tellings(told: Iterable[Told], sweep: str | None) -> list[Telling]:
    """Those of these events that somebody is told."""
    return [
        Telling(
            event_id=each.id,
            type=each.event.type.value,
            source=each.event.origin.source,
            scope=each.event.scope,
            job=each.event.job_id if isinstance(each.event, JobEvent) else "",
            sweep=sweep,
            receivers=receivers,
            waits=each.detail_until is not None,
        )
        for each in told
        if (receivers := each.receivers)
    ]


def recount(told: Sequence[Telling]) -> None:
    """Say which events were recorded, and who is told."""
    if len(told) > LINES:
        first = told[0]
        log.info("events.recorded", source=first.source, sweep=first.sweep, events=len(told))
        return
    for each in told:
        log.info(
            "event.recorded",
            event_id=each.event_id,
            type=each.type,
            source=each.source,
            scope=each.scope,
            job=each.job,
            sweep=each.sweep,
            receivers=each.receivers,
            waits=each.waits,
        )
