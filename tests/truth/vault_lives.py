"""Random lives of jobs of vaults, and what is done to them from outside."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from jobwatch.simulator.script import JobScript, Step
from jobwatch.simulator.vault_lives import VAULT_KINDS, vault_script
from tests.truth.lives import (
    MINUTE,
    START,
    Act,
    Deed,
    Life,
    Words,
    acts_of,
    between,
    length_of,
    over_before,
)

SPEED = 30.0
"""A retrieval of some hours takes some minutes."""

OF_CAS = Words("InProgress", ("Succeeded", "Succeeded", "Failed"))
ODD = ("Hibernating", "Archiving")


def _end(rng: Random) -> Step:
    return Step(rng.choice(OF_CAS.ends))


def _runs(rng: Random, low: float = 5, high: float = 900) -> Step:
    return Step(OF_CAS.works, between(rng, low, high))


def _unknown(rng: Random) -> tuple[Step, ...]:
    odd = Step(rng.choice(ODD), between(rng, 20, 900))
    rest = (_runs(rng), _end(rng)) if rng.random() < 0.6 else (_end(rng),)
    return (_runs(rng), odd, *rest)


def _jump(rng: Random) -> tuple[Step, ...]:
    return (Step(rng.choice(ODD), between(rng, 5, 500)), _end(rng))


def _blinks(rng: Random) -> tuple[Step, ...]:
    return (_runs(rng, 0.1, 9), _end(rng))


def _endless(rng: Random) -> tuple[Step, ...]:
    return (_runs(rng, 9000, 90000), _end(rng))


def _plain(rng: Random) -> tuple[Step, ...]:
    return (_runs(rng), _end(rng))


_STEPS: dict[str, Callable[[Random], tuple[Step, ...]]] = {
    "unknown": _unknown,
    "jump": _jump,
    "blinks": _blinks,
    "endless": _endless,
    "vanishes": _plain,
    "returns": _plain,
    "hidden": _plain,
    "old": _plain,
    "reopened": _plain,
}
KINDS = (*VAULT_KINDS, *VAULT_KINDS, *_STEPS, "blinks", "vanishes", "returns", "endless")


def _script_of(kind: str, rng: Random, created_at: datetime) -> JobScript:
    drawn = vault_script(
        kind if kind in VAULT_KINDS else rng.choice([*VAULT_KINDS]), rng, created_at, SPEED
    )
    return drawn if kind in VAULT_KINDS else replace(drawn, steps=_STEPS[kind](rng))


def draw_in(scope: str, rng: Random, *, until: datetime) -> Life:
    """One life in a vault that is watched from START on."""
    kind = rng.choice(KINDS)
    created = START - between(rng, 0, 1200) + (until - START) * rng.random()
    if kind == "old":
        created = START - timedelta(days=80) + between(rng, 0, 86400)
    script = _script_of(kind, rng, created)
    if kind == "old":
        gone_on = Step(OF_CAS.works, START + between(rng, 60, 7200) - created)
        script = replace(script, steps=(gone_on, _end(rng)))
    elif kind in VAULT_KINDS and rng.random() < 0.3:
        script = over_before(rng, script)
    acts = tuple(acts_of(kind, rng, script, OF_CAS))
    return Life(kind=kind, script=script, acts=acts, scope=scope)


def burst_in(scopes: list[str], rng: Random, count: int, *, until: datetime) -> Iterator[Life]:
    """Jobs of all vaults that were created at different times and end at one moment."""
    over = START + MINUTE * 10 + (until - START - MINUTE * 10) * rng.random()
    for _ in range(count):
        created = (over - between(rng, 60, 1500)).replace(microsecond=0)
        script = _script_of("retrieval", rng, created)
        work = Step(OF_CAS.works, over - created)
        script = replace(script, steps=(work, _end(rng)))
        yield Life(kind="burst", script=script, scope=rng.choice(scopes))


def exodus_from(
    scopes: list[str], rng: Random, count: int, *, at: datetime, back: datetime
) -> Iterator[Life]:
    """Jobs that are gone all at once for a while: the source is wrong, not they."""
    for _ in range(count):
        created = (START + between(rng, 0, 60)).replace(microsecond=0)
        script = _script_of("endless", rng, created)
        acts = (Act(at=at, deed=Deed.REMOVE), Act(at=back, deed=Deed.RETURN))
        yield Life(kind="exodus", script=script, acts=acts, scope=rng.choice(scopes))


def namesakes(lives: list[Life], rng: Random) -> Iterator[Life]:
    """The same lives, some of them under an id that a job of another vault has as well."""
    taken = {life.key for life in lives}
    for life in lives:
        other = rng.choice(lives)
        if rng.random() < 0.08 and (life.scope, other.id) not in taken:
            life = replace(life, script=replace(life.script, id=other.id))  # noqa: PLW2901
            taken.add(life.key)
        yield life


def ended_with_its_vault(life: Life, back: datetime) -> Life:
    """A job of a vault whose name was given to a new one: nobody knows it any more."""
    if life.script.created_at >= back:
        return life
    return replace(life, kind="reborn", acts=(Act(at=back, deed=Deed.REMOVE),))


def is_over_before(life: Life, moment: datetime) -> bool:
    """Whether its script ends before a moment."""
    return life.script.created_at + length_of(life.script) < moment
