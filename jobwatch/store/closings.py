"""Who hears that a condition closed: pure, from what became of telling that it opened.

1. What was never tried is not told any more once the condition closed: it came and went before anybody could hear of
   it. The closing would be no news either. The same holds for what was muted, or too old, before anybody tried it.
2. Whoever may have heard of it hears the closing. An attempt that failed may have arrived all the same: a closing too
   many is harmless, one too few leaves an incident open for ever.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from jobwatch.core.outbox import DeliveryState

_UNHEARD = (
    DeliveryState.PENDING,
    DeliveryState.SUPERSEDED,
    DeliveryState.MUTED,
    DeliveryState.EXPIRED,
)
"""Where nobody heard of what was never tried. What a digest absorbed may be heard with it."""


class Telling(NamedTuple):
    """One delivery of an opening or of a reminder, as it stands now; `claims` counts how often it began to be sent."""

    id: int
    receiver: str
    state: DeliveryState
    claims: int


class Closing(NamedTuple):
    """`pointless` are pending deliveries to drop, `unaware` the receivers that do not hear of the closing."""

    pointless: tuple[int, ...]
    unaware: frozenset[str]


def decide(tellings: Iterable[Telling]) -> Closing:
    """Judge everything that was to be told of one condition. Who is not among it may have heard of it long ago."""
    pointless: list[int] = []
    heard: dict[str, bool] = defaultdict(bool)
    for each in tellings:
        untried = not each.claims
        if untried and each.state is DeliveryState.PENDING:
            pointless.append(each.id)
        unheard = untried and each.state in _UNHEARD
        heard[each.receiver] |= not unheard
    return Closing(
        pointless=tuple(pointless),
        unaware=frozenset(receiver for receiver, did in heard.items() if not did),
    )
