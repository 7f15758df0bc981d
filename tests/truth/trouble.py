"""What a world is like, and what goes wrong in it: drawn from a seed before anything runs."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from jobwatch.core.first_sight import FirstSight
from jobwatch.core.rules import FailingRule, Rules
from jobwatch.simulator import faults
from jobwatch.simulator.faults import Act, BadToken, ContentType, Cut, Reset, Stall, Tokens, When
from jobwatch.simulator.quirks import LastToken, Quirks
from tests.truth.lives import MINUTE, START, Life, between, burst, draw, exodus

NOTHING_LISTED = faults.Raw(body=b"<ListJobsResult><Jobs></Jobs></ListJobsResult>")
LISTS, PAGES = When(call="list"), When(call="list", has_token=True)

RULES = Rules(
    stalled_after=MINUTE * 6,
    stuck_after=MINUTE * 7,
    waiting_after=MINUTE * 4,
    overdue_after=MINUTE * 30,
    failing=FailingRule(ratio=0.5, min_finished=3),
    unreachable_after=MINUTE * 5,
    remind_every=MINUTE * 10,
)

MENU: tuple[tuple[Act, When], ...] = (
    (faults.SLOW_DOWN, When()),
    (faults.TOO_MANY, When()),
    (faults.INTERNAL, When()),
    (faults.UNAVAILABLE, When(call="list")),
    (faults.UNAVAILABLE, When(call="describe")),
    (faults.TIMEOUT, When()),
    (faults.DENIED, When()),
    (faults.DENIED, When(call="describe")),
    (faults.EXPIRED_TOKEN, When()),
    (faults.HTML_200, When()),
    (faults.HTML_502, When()),
    (faults.EMPTY, When()),
    (faults.DOCTYPE, When()),
    (Cut(at=300), When()),
    (Cut(at=900, honest=True), When()),
    (Reset(), When()),
    (Stall(), When()),
    (ContentType(), When()),
    (faults.TOKEN_REJECTED, PAGES),
    (faults.STATUS_REJECTED, When(call="list", status="Active")),
    (faults.STATUS_REJECTED, When(call="list", status="Preparing")),
    (NOTHING_LISTED, LISTS),
    (BadToken(kind=Tokens.REPEATED), LISTS),
    (BadToken(kind=Tokens.ENDLESS_EMPTY), LISTS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """A time of trouble. `cuts` is how often a turn is cut short in it, `down` that nothing runs at all."""

    begin: datetime
    end: datetime
    rules: tuple[tuple[Act, When], ...] = ()
    cuts: float = 0.0
    down: bool = False
    lagging: float = 0.0


class Span(NamedTuple):
    """A time; `end` None for ever."""

    begin: datetime
    end: datetime | None

    def covers(self, begin: datetime, end: datetime) -> bool:
        """Whether all of that time lies within."""
        return self.begin <= begin and (self.end is None or end <= self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """A vault, the times in which there is none of its name, and whether anybody wants to watch it."""

    name: str
    watched: bool = True
    gone: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSpell:
    """A time in which one vault does not answer as it should. `shut`: nothing at all can be read of it."""

    vault: str
    span: Span
    act: Act
    when: When
    shut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One world: its lives, its troubles, and how it is watched. `globs` are the vaults that are wanted."""

    seed: int
    lives: list[Life]
    spells: list[Spell]
    steps: list[tuple[datetime, timedelta]]
    wrong: timedelta
    lag: timedelta | None
    late_lists: bool
    until: datetime
    close: datetime
    first_sight: timedelta | FirstSight
    page_size: int
    quirks: Quirks
    slowest: float
    together: bool
    rules: Rules = RULES
    vaults: tuple[Vault, ...] = ()
    vault_spells: tuple[VaultSpell, ...] = ()
    globs: tuple[str, ...] = ()

    @property
    def of_vaults(self) -> bool:
        """Whether it is a world of vaults."""
        return bool(self.vaults)

    @property
    def steady(self) -> bool:
        """Whether our clock never steps."""
        return not self.steps


class Kit(NamedTuple):
    """What troubles are made of: faults and when, and by how much a replica lags, if there is one."""

    menu: tuple[tuple[Act, When], ...]
    lag: timedelta | None


WRONG = (0, 0, 3, -3, 200, -200, 1500, -1500)
FIRST_SIGHTS: tuple[timedelta | FirstSight, ...] = (
    MINUTE * 60,
    MINUTE * 60,
    MINUTE * 10,
    FirstSight.BASELINE,
    FirstSight.EVERYTHING,
)


def plan_for(seed: int, *, lives: int, calm_minutes: int = 25) -> Plan:
    """Draw a world of so many lives. Half an hour of calm at its end lets everything come out."""
    rng = Random(f"truth:{seed}")
    until = START + MINUTE * rng.choice((40, 80, 120))
    drawn = [draw(rng, until=until) for _ in range(lives * 9 // 10)]
    drawn += burst(rng, lives - len(drawn), until=until)
    if rng.random() < 0.15:
        gone = START + (until - START) * rng.uniform(0.1, 0.5)
        drawn += exodus(rng, lives // 3, at=gone, back=gone + MINUTE * rng.choice((3, 15, 40)))
    steps = steps_of(rng, until) if rng.random() < 0.35 else []
    lag = between(rng, 5, 170) if rng.random() < 0.35 else None
    spells = spells_of(rng, until, Kit(MENU, lag))
    page_size = rng.choice((7, 20, 50, 1000))
    return Plan(
        seed=seed,
        lives=drawn,
        spells=spells,
        steps=steps,
        wrong=timedelta(seconds=rng.choice(WRONG)),
        lag=lag,
        late_lists=rng.random() < 0.6,
        until=until,
        close=max(until, *(each.end for each in spells)) + MINUTE * calm_minutes,
        first_sight=rng.choice(FIRST_SIGHTS),
        page_size=page_size,
        quirks=Quirks(
            seed=seed,
            page_size=page_size,
            last_token=LastToken.ECHO if rng.random() < 0.1 else LastToken.MIX,
        ),
        slowest=rng.choice((0.05, 0.3, 1.0)),
        together=rng.random() < 0.2,
    )


def steps_of(rng: Random, until: datetime) -> list[tuple[datetime, timedelta]]:
    """When our clock steps, and by how much."""
    at = [START + (until - START) * rng.random() for _ in range(rng.randint(1, 4))]
    return [(each, timedelta(seconds=rng.choice((-1, 1)) * _step(rng))) for each in sorted(at)]


def _step(rng: Random) -> float:
    return 10 ** rng.uniform(0, 3.55)


def spells_of(rng: Random, until: datetime, kit: Kit) -> list[Spell]:
    """Times of trouble with some calm between them."""
    spells: list[Spell] = []
    now = START + MINUTE * rng.choice((0, 0, 6))
    while now < until:
        end = min(until, now + MINUTE * 10 ** rng.uniform(0, 1.2))
        spells.append(rng.choice(_SPELLS)(rng, now, end, kit))
        now = spells[-1].end + MINUTE * 10 ** rng.uniform(0, 1.4)
    return spells


def _faulty(rng: Random, begin: datetime, end: datetime, kit: Kit) -> Spell:
    picked = rng.sample(kit.menu, rng.randint(1, 3))
    rules = tuple((act, sometimes(when, rng)) for act, when in picked)
    return Spell(begin=begin, end=end, rules=rules)


def sometimes(when: When, rng: Random) -> When:
    """The same, rarely or often."""
    return replace(when, chance=rng.choice((0.02, 0.1, 0.3, 0.9)))


def _restarting(rng: Random, begin: datetime, end: datetime, kit: Kit) -> Spell:
    rules = _faulty(rng, begin, end, kit).rules if rng.random() < 0.5 else ()
    return Spell(begin=begin, end=end, rules=rules, cuts=rng.choice((0.1, 0.4, 0.8)))


def _down(rng: Random, begin: datetime, end: datetime, _kit: Kit) -> Spell:
    return Spell(begin=begin, end=end + MINUTE * rng.choice((0, 0, 60)), down=True)


def _lagging(rng: Random, begin: datetime, end: datetime, kit: Kit) -> Spell:
    if kit.lag is None:
        return _faulty(rng, begin, end, kit)
    return Spell(begin=begin, end=end, lagging=rng.choice((0.05, 0.4, 1.0)))


_SPELLS: tuple[Callable[[Random, datetime, datetime, Kit], Spell], ...] = (
    _faulty,
    _faulty,
    _restarting,
    _restarting,
    _restarting,
    _down,
    _lagging,
    _lagging,
)
