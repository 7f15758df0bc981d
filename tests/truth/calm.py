"""When nothing goes wrong: only of such times does the truth promise that something came out."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from tests.truth.lives import MINUTE, START
from tests.truth.parts import FULL_EVERY
from tests.truth.trouble import Plan, Span

CALM_AFTER = MINUTE * 5
"""How long after trouble it takes until everything runs as usual: a breaker stays open for two minutes."""


def unreadable(plan: Plan, scope: str) -> list[Span]:
    """The times in which a vault is not there, or nothing of it can be read."""
    gone = [span for vault in plan.vaults if vault.name == scope for span in vault.gone]
    shut = [each.span for each in plan.vault_spells if each.vault == scope and each.shut]
    return sorted([*gone, *shut])


def readable_until(plan: Plan, scope: str, closed_at: datetime) -> datetime:
    """Since when a vault cannot be read for good: what happens in it then is known to nobody."""
    dark = [span.begin for span in unreadable(plan, scope) if span.end is None]
    return min([closed_at, *dark])


def calm(plan: Plan, scope: str, closed_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The times in which nothing goes wrong with a scope, whatever happens to others."""
    yield from _between([*_of_all(plan), *_of_one(plan, scope)], closed_at)


def watched(plan: Plan, scope: str, closed_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The times in which sweeps come to their end and cover a scope: no vault goes wrong."""
    others = [each.span for each in plan.vault_spells]
    for vault in plan.vaults:
        for span in vault.gone if vault.watched else ():
            # Where names are written down, a vault that is not there is a mistake; else it is looked for until the
            # next full sweep.
            named = vault.name in plan.globs
            others.append(span if named else Span(span.begin, span.begin + FULL_EVERY))
    yield from _between([*_of_all(plan), *_of_one(plan, scope), *others], closed_at)


def _of_all(plan: Plan) -> Iterator[Span]:
    yield from (Span(spell.begin, spell.end) for spell in plan.spells)
    yield from (Span(at, at) for at, _ in plan.steps)


def _of_one(plan: Plan, scope: str) -> Iterator[Span]:
    yield from (each.span for each in plan.vault_spells if each.vault == scope)
    for vault in plan.vaults:
        if vault.name == scope:
            # A vault that is back is found by the next full sweep.
            yield from (Span(begin, end and end + FULL_EVERY) for begin, end in vault.gone)


def _between(troubles: Iterable[Span], closed_at: datetime) -> Iterator[tuple[datetime, datetime]]:
    since: datetime = START + CALM_AFTER
    for begin, end in sorted((each.begin, each.end or closed_at) for each in troubles):
        if begin > since:
            yield since, begin
        since = max(since, end + CALM_AFTER)
    yield since, closed_at


def overlap(
    spans: Iterable[tuple[datetime, datetime]], begin: datetime, end: datetime
) -> timedelta:
    """The longest time that lies within one of them and between two moments."""
    return max((min(last, end) - max(first, begin) for first, last in spans), default=timedelta())
