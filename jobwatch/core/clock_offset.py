"""How far the cloud's clock is ahead of ours, from the `Date` of its answers.

An answer says: at some moment between sending and receiving, the cloud's clock stood within the second that begins
with `Date`. So the offset lies between `Date - received` and `Date + 1 s - sent`, and nothing else is known of it.
The estimate stays while answers allow it, and otherwise moves to the nearest value that the last answer allows.

- It does not jitter: the fractions of a second that `Date` leaves out, and slow answers, allow more and move nothing.
- It does not lag: there is no average; a clock that stepped contradicts the very next answer, and is followed at once.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

RESOLUTION = timedelta(seconds=1)
"""`Date` holds whole seconds (RFC 9110, section 5.6.7)."""
NOTABLE = timedelta(seconds=30)
"""From here on somebody should set a clock; the cloud itself refuses signatures 15 minutes off."""
LARGEST = timedelta(days=36_500)
"""A header that says more is no time. It also keeps sums with the present within what a datetime holds."""


class Sighting(NamedTuple):
    """One answer: its `Date`, and when we sent the request and had the answer, by our own wall clock."""

    at: datetime
    sent_at: datetime
    received_at: datetime

    @property
    def lowest(self) -> timedelta:
        """The least offset that this answer allows."""
        return self.at - self.received_at

    @property
    def highest(self) -> timedelta:
        """The greatest offset that this answer allows."""
        return self.at - self.sent_at + RESOLUTION

    @property
    def usable(self) -> bool:
        """Whether it says anything: our clock did not go back meanwhile, and the header is a sensible time."""
        return -LARGEST <= self.lowest <= self.highest <= LARGEST

    @property
    def middle(self) -> timedelta:
        """The offset that is wrong by the least at worst."""
        return (self.lowest + self.highest) / 2


def estimate(offset: timedelta | None, seen: Sighting) -> timedelta | None:
    """The offset after one more answer. The first estimate begins at zero: no correction without proof."""
    if not seen.usable:
        return offset
    return min(max(offset or timedelta(), seen.lowest), seen.highest)


def corrected(offset: timedelta | None, seen: Sighting) -> timedelta | None:
    """The offset after a signature's time was refused: what the estimate was is not to be trusted."""
    return seen.middle if seen.usable else offset


def notable(offset: timedelta | None) -> bool:
    """Whether the offset is large enough to be told."""
    return offset is not None and abs(offset) > NOTABLE
