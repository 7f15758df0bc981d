"""What a world is like, and what goes wrong in it: drawn from a seed before anything runs."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from jobwatch.core.first_sight import FirstSight
from jobwatch.simulator import faults
from jobwatch.simulator.faults import Act, BadToken, ContentType, Cut, Reset, Stall, Tokens, When
from jobwatch.simulator.quirks import LastToken, Quirks
from tests.truth.lives import MINUTE, START, Life, between, burst, draw, exodus

NOTHING_LISTED = faults.Raw(body=b"<ListJobsResult><Jobs></Jobs></ListJobsResult>")
LISTS, PAGES = When(call="list"), When(call="list", has_token=True)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One world: its lives, its troubles, and how it is watched."""

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

    @property
    def steady(self) -> bool:
        """Whether our clock never steps."""
        return not self.steps


def plan_for(seed: int, *, lives: int, calm_minutes: int = 25) -> Plan:
    """Draw a world of so many lives. Half an hour of calm at its end lets everything come out."""
    rng = Random(f"truth:{seed}")
    until = START + MINUTE * rng.choice((40, 80, 120))
    drawn = [draw(rng, until=until) for _ in range(lives * 9 // 10)]
    drawn += burst(rng, lives - len(drawn), until=until)
    if rng.random() < 0.15:
        gone = START + (until - START) * rng.uniform(0.1, 0.5)
        drawn += exodus(rng, lives // 3, at=gone, back=gone + MINUTE * rng.choice((3, 15, 40)))
    steps = _steps(rng, until) if rng.random() < 0.35 else []
    lag = between(rng, 5, 170) if rng.random() < 0.35 else None
    spells = _spells(rng, until, lag)
    page_size = rng.choice((7, 20, 50, 1000))
    return Plan(
        seed=seed,
        lives=drawn,
        spells=spells,
        steps=steps,
        wrong=timedelta(seconds=rng.choice((0, 0, 3, -3, 200, -200, 1500, -1500))),
        lag=lag,
        late_lists=rng.random() < 0.6,
        until=until,
        close=max(until, *(each.end for each in spells)) + MINUTE * calm_minutes,
        first_sight=rng.choice(
            (MINUTE * 60, MINUTE * 60, MINUTE * 10, FirstSight.BASELINE, FirstSight.EVERYTHING)
        ),
        page_size=page_size,
        quirks=Quirks(
            seed=seed,
            page_size=page_size,
            last_token=LastToken.ECHO if rng.random() < 0.1 else LastToken.MIX,
        ),
        slowest=rng.choice((0.05, 0.3, 1.0)),
        together=rng.random() < 0.2,
    )


def _steps(rng: Random, until: datetime) -> list[tuple[datetime, timedelta]]:
    at = [START + (until - START) * rng.random() for _ in range(rng.randint(1, 4))]
    return [(each, timedelta(seconds=rng.choice((-1, 1)) * _step(rng))) for each in sorted(at)]


def _step(rng: Random) -> float:
    return 10 ** rng.uniform(0, 3.55)


def _spells(rng: Random, until: datetime, lag: timedelta | None) -> list[Spell]:
    spells: list[Spell] = []
    now = START + MINUTE * rng.choice((0, 0, 6))
    while now < until:
        end = min(until, now + MINUTE * 10 ** rng.uniform(0, 1.2))
        spells.append(rng.choice(_SPELLS)(rng, now, end, lag))
        now = spells[-1].end + MINUTE * 10 ** rng.uniform(0, 1.4)
    return spells


def _faulty(rng: Random, begin: datetime, end: datetime, _lag: timedelta | None) -> Spell:
    picked = rng.sample(MENU, rng.randint(1, 3))
    rules = tuple((act, _sometimes(when, rng)) for act, when in picked)
    return Spell(begin=begin, end=end, rules=rules)


def _sometimes(when: When, rng: Random) -> When:
    chance = rng.choice((0.02, 0.1, 0.3, 0.9))
    return When(call=when.call, status=when.status, has_token=when.has_token, chance=chance)


def _restarting(rng: Random, begin: datetime, end: datetime, lag: timedelta | None) -> Spell:
    rules = _faulty(rng, begin, end, lag).rules if rng.random() < 0.5 else ()
    return Spell(begin=begin, end=end, rules=rules, cuts=rng.choice((0.1, 0.4, 0.8)))


def _down(rng: Random, begin: datetime, end: datetime, _lag: timedelta | None) -> Spell:
    return Spell(begin=begin, end=end + MINUTE * rng.choice((0, 0, 60)), down=True)


def _lagging(rng: Random, begin: datetime, end: datetime, lag: timedelta | None) -> Spell:
    if lag is None:
        return _faulty(rng, begin, end, lag)
    return Spell(begin=begin, end=end, lagging=rng.choice((0.05, 0.4, 1.0)))


_SPELLS: tuple[Callable[[Random, datetime, datetime, timedelta | None], Spell], ...] = (
    _faulty,
    _faulty,
    _restarting,
    _restarting,
    _restarting,
    _down,
    _lagging,
    _lagging,
)
