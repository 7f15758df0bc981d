"""When keys are renewed, and when a failed renewal is tried again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

LEAD = timedelta(minutes=10)
LEAD_SHARE = 0.2
"""Renewed when a fifth of the lifetime or 10 minutes are left, whichever is more: time for several tries."""
LARGEST_SHARE = 0.5
"""But not before half of it has passed: short-lived keys would be fetched all the time."""
JITTER = 0.1
"""Many daemons that started together shall not renew together."""
LIFETIME_UNKNOWN = timedelta(minutes=10)
"""Keys without a time of expiry are read again that often."""
FIRST_RETRY = timedelta(seconds=10)
LONGEST_RETRY = timedelta(minutes=1)
SHORTEST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to do from `since` until `until`. A clock that was set back before `since` ends it, too."""

    since: datetime
    until: datetime

    def over(self, now: datetime) -> bool:
        """Whether the time has come."""
        return not self.since <= now < self.until

    def pause(self, now: datetime) -> timedelta:
        """How long to wait before looking again: from a second to an hour."""
        left = timedelta() if self.over(now) else self.until - now
        return min(max(left, SHORTEST_PAUSE), LONGEST_PAUSE)


def rest_after_success(now: datetime, expires_at: datetime | None, chance: float) -> Rest:
    """Until keys that were fetched now have to be renewed; `chance` in [0, 1) brings it forward by up to a tenth."""
    if expires_at is None:
        return Rest(now, now + LIFETIME_UNKNOWN * (1 - JITTER * chance))
    lifetime = expires_at - now
    lead = max(lifetime * LEAD_SHARE, LEAD) * (1 + JITTER * chance)
    until = expires_at - min(lead, lifetime * LARGEST_SHARE)
    # A service that gives the same keys until their last minute must not be asked ever faster.
    return Rest(now, max(until, min(now + FIRST_RETRY, expires_at)))


def rest_after_failure(
    now: datetime, failures: int, chance: float, *, held_until: datetime | None = None
) -> Rest:
    """Until the next try after so many failures in a row: 10 s, doubling to a minute.

    It comes no later than `held_until`, when the keys at hand expire: from then on there are none.
    """
    pause = FIRST_RETRY * (1 << min(failures - 1, 8)) * (1 + JITTER * chance)
    until = now + min(pause, LONGEST_RETRY)
    return Rest(now, until if held_until is None else min(until, held_until))
