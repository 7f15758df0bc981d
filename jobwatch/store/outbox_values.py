"""What goes into the verbs of the outbox and comes out of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from jobwatch.core.breaker import Breaker, ReceiverState
from jobwatch.core.digest import DigestPolicy
from jobwatch.core.model import Origin
from jobwatch.core.outbox import Delivery
from jobwatch.core.rate_gate import Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a receiver is told, as its configuration says now.

    `fingerprint` changes with its URL, keys and headers, and `gate` names its URL: both are hashes. `rates` hold for
    the URL. `max_age` None sends news of any age. `origin` is what a digest says of its own.
    """

    receiver: str
    fingerprint: str
    gate: str
    origin: Origin
    rates: tuple[Rate, ...] = ()
    digest: DigestPolicy | None = None
    give_up_after: timedelta | None = None
    max_age: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who wants how many deliveries, for how long. `held` are claims of its own that are still being sent."""

    manner: Manner
    limit: int
    lease: timedelta
    held: Collection[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What may be sent now, earliest first. `again_at`: when there may be more, if nothing else happens.

    `breaker` is how the receiver stands after it.
    """

    deliveries: tuple[Delivery, ...] = ()
    again_at: datetime | None = None
    breaker: Breaker = field(default_factory=Breaker)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverRow:
    """A receiver as people look at it.

    `reason` is the result that made it fail, or why it is paused. `failures` are those in a row. Nothing is sent before
    `open_until` (its breaker), or `held_until` (it asked for rest, or its rate is used up for now).
    """

    name: str
    state: ReceiverState
    reason: str | None = None
    failures: int = 0
    failing_since: datetime | None = None
    open_until: datetime | None = None
    held_until: datetime | None = None
    paused_at: datetime | None = None
    last_success_at: datetime | None = None
    pending: int = 0
    dead: int = 0
    oldest_at: datetime | None = None
    last_error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivery:
    """What to send again: one delivery by its number, or a receiver's dead ones settled since a time, oldest first."""

    delivery: int | None = None
    receiver: str | None = None
    since: datetime | None = None
    limit: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivered:
    """What was found: `rows` numbers of deliveries, and how many more there are beyond the limit."""

    rows: tuple[int, ...] = ()
    left: int = 0


class Telling(NamedTuple):
    """An event that somebody is told, as the log says it. `job` is empty where it is about none."""

    event_id: str
    type: str
    source: str
    scope: str
    job: str
    sweep: str | None
    receivers: list[str]
    waits: bool
