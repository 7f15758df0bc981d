"""The page of one job: what the store kept of it in, HTML out. Pure.

It says what `jobwatch explain` and `jobwatch job` say, in the same words: both take them from `jobwatch.story`.
"""

from dataclasses import dataclass

from jobwatch.core.breaker import ReceiverState
from jobwatch.core.links import path_of
from jobwatch.core.outbox import DeliveryState
from jobwatch.store.glance_values import WholeStory
from jobwatch.story.deliveries import answer_of, rests_until
from jobwatch.story.explaining import Explained, Terms, explain, pace_of
from jobwatch.story.fields import detail_fields, fields
from jobwatch.story.lines import Known
from jobwatch.story.phrases import NOTHING
from jobwatch.web.configured import Configured
from jobwatch.web.pages.frame import Frame, fill_page
from jobwatch.web.pages.status_job import card, outlook

MOST_OF_A_KIND = 100
"""So many changes, events, conditions and deliveries of a job are read for its page, the latest."""

LINES_SHOWN = 200
_TONES = {DeliveryState.DELIVERED: "good", DeliveryState.DEAD: "bad"}
_WAITING = (DeliveryState.PENDING, DeliveryState.CLAIMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobView:
    """What the page of a job is made of. `terms` is None where its source is not configured any more."""

    frame: Frame
    found: WholeStory
    configured: Configured
    terms: Terms | None


def render_job(view: JobView) -> str:
    """Write the page of a job."""
    found, now = view.found, view.found.now
    explained = explain(known_of(found, view.configured), view.terms, now)
    row, snapshot = found.row, found.row.snapshot
    pace = pace_of(found.samples, found.state, now)
    opened = [each for each in found.conditions if each.closed_at is None]
    return fill_page(
        "job.html.j2",
        view.frame,
        {
            "card": card(row, notes=outlook(row, pace, now), opened=opened),
            "explained": explained,
            "lines": explained.lines[-LINES_SHOWN:],
            "cut": found.cut or len(explained.lines) > LINES_SHOWN,
            "fields": [each for each in fields(snapshot, now) if each[1] != NOTHING],
            "detail": list(detail_fields(row.detail)) if row.detail else [],
            "deliveries": [
                (each, _TONES.get(each.state, "busy" if each.state in _WAITING else "idle"))
                for each, _ in reversed(found.deliveries)
            ],
            "answer_of": answer_of,
            "raw": f"/api/v1/jobs/{path_of(row.source, snapshot.key)}",
            "stale": _stale(explained),
        },
    )


def _stale(explained: Explained) -> bool:
    """Whether what is told of an unfinished job is older than its source should leave it."""
    return explained.known.row.snapshot.unfinished and not explained.fresh


def known_of(found: WholeStory, configured: Configured) -> Known:
    """What the store kept, with what the configuration says of those who are told."""
    return Known(
        row=found.row,
        changes=found.changes,
        told=found.told,
        conditions=found.conditions,
        deliveries=found.deliveries,
        kept_since=found.now - configured.events_kept,
        state=found.state,
        digests={each.event_id: each.state for each in found.digests},
        paused=frozenset(
            each.name for each in found.receivers if each.state is ReceiverState.PAUSED
        ),
        rests={
            each.name: at
            for each in found.receivers
            if (at := rests_until(each)) is not None and at > found.now
        },
        gather=configured.gathering,
    )
