"""The rate gate of one URL: how many messages it may get now. Values alone, kept over restarts.

A robot counts what arrives. When that is, we know only roughly: after the claim, before the answer. So each message
holds its place from its claim on, and for the whole window after the last moment at which it may have arrived. With
that the limit holds in every window by the robot's own clock, however slow the network is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

LONGEST_FLIGHT = timedelta(minutes=6)
LONGEST_HOLD = timedelta(hours=1)
"""No place and no wish further ahead than this was ever written; one that is, comes from a clock that stepped."""


class Rate(NamedTuple):
    """At most so many messages in any window of this length."""

    messages: int
    per: timedelta


class Place(NamedTuple):
    """One message: `arrived_by` is the last moment at which it may have arrived, `answered` that it has."""

    delivery: int
    arrived_by: datetime
    answered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateGate:
    """What is remembered of a URL. `held_until`: its owner asked to be left alone."""

    places: tuple[Place, ...] = ()
    held_until: datetime | None = None


def free(gate: RateGate, rates: Iterable[Rate], now: datetime) -> int | None:
    """How many messages may go out now; None without any limit."""
    gate = _mended(gate, now)
    if gate.held_until is not None and gate.held_until > now:
        return 0
    rooms = [each.messages - _within(gate, each.per, now) for each in rates]
    return max(0, min(rooms)) if rooms else None


def taken(gate: RateGate, deliveries: Iterable[int], until: datetime) -> RateGate:
    """The gate once these were claimed; they arrive before `until`."""
    places = (Place(delivery, until) for delivery in deliveries)
    return replace(gate, places=(*gate.places, *places))


def arrived(gate: RateGate, delivery: int, now: datetime) -> RateGate:
    """The answer is there: the message arrived before it did. It speaks for the last time that it was sent alone."""
    places = list(gate.places)
    for place in range(len(places) - 1, -1, -1):
        each = places[place]
        if each.delivery == delivery and not each.answered:
            places[place] = Place(delivery, min(now, each.arrived_by), answered=True)
            break
    return replace(gate, places=tuple(places))


def held(gate: RateGate, until: datetime) -> RateGate:
    """The receiver asked for rest; the longer of two wishes holds."""
    return replace(gate, held_until=max(until, gate.held_until or until))


def pruned(gate: RateGate, rates: Sequence[Rate], now: datetime) -> RateGate:
    """Without what no window reaches any more."""
    gate = _mended(gate, now)
    longest = max((each.per for each in rates), default=timedelta())
    places = tuple(each for each in gate.places if each.arrived_by > now - longest)
    waits = gate.held_until is not None and gate.held_until > now
    return replace(gate, places=places, held_until=gate.held_until if waits else None)


def again_at(gate: RateGate, rates: Iterable[Rate], now: datetime) -> datetime:
    """When one message may go out at the latest, if nothing else happens."""
    gate = _mended(gate, now)
    times = [now, gate.held_until or now]
    latest = sorted((each.arrived_by for each in gate.places), reverse=True)
    times += [
        latest[each.messages - 1] + each.per for each in rates if len(latest) >= each.messages
    ]
    return max(times)


def _within(gate: RateGate, per: timedelta, now: datetime) -> int:
    return sum(each.arrived_by > now - per for each in gate.places)


def _mended(gate: RateGate, now: datetime) -> RateGate:
    """After a clock stepped back, what lies ahead is taken for the latest that it can be: it delays no longer than that.

    What was answered has arrived; what was not is still under way.
    """
    flying = now + LONGEST_FLIGHT
    places = tuple(
        each
        if each.arrived_by <= flying
        else each._replace(arrived_by=now if each.answered else flying)
        for each in gate.places
    )
    held_until = gate.held_until
    if held_until is not None and held_until > now + LONGEST_HOLD:
        held_until = None
    return RateGate(places=places, held_until=held_until)
