"""What a world of vaults is like, and what goes wrong in it: drawn from a seed before anything runs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from jobwatch.simulator import faults
from jobwatch.simulator.faults import (
    Act,
    BadToken,
    ContentType,
    Cut,
    Reset,
    Rewrite,
    Stall,
    Tokens,
    When,
)
from jobwatch.simulator.quirks import LastToken, Quirks
from tests.truth.lives import MINUTE, START, Life, between
from tests.truth.trouble import (
    FIRST_SIGHTS,
    RULES,
    WRONG,
    Kit,
    Plan,
    Span,
    Spell,
    Vault,
    VaultSpell,
    sometimes,
    spells_of,
    steps_of,
)
from tests.truth.vault_lives import (
    burst_in,
    draw_in,
    ended_with_its_vault,
    exodus_from,
    namesakes,
)

NAMES = ("data-a", "data-backup", "data-nightly-jobs", "data-归档 1")
PRIVATE = "private"
NO_JOBS, NO_VAULTS = faults.Raw(body=b'{"JobList": []}'), faults.Raw(body=b'{"VaultList": []}')
NOTHING = faults.Raw(body=b"{}")
SHOUTED = Rewrite(old=b'"InProgress"', new=b'"INPROGRESS"')
NOT_COMPLETED = Rewrite(old=b'"Completed":true', new=b'"Completed":false')
LISTS, PAGES, VAULTS = When(call="list"), When(call="list", has_token=True), When(call="vaults")

MENU: tuple[tuple[Act, When], ...] = (
    (faults.SLOW_DOWN, When()),
    (faults.TOO_MANY, When()),
    (faults.INTERNAL, When()),
    (faults.UNAVAILABLE, LISTS),
    (faults.UNAVAILABLE, VAULTS),
    (faults.UNAVAILABLE, When(call="describe")),
    (faults.TIMEOUT, When()),
    (faults.DENIED, When()),
    (faults.DENIED, VAULTS),
    (faults.DENIED, When(call="describe")),
    (faults.EXPIRED_TOKEN, When()),
    (faults.HTML_200, When()),
    (faults.HTML_502, When()),
    (faults.EMPTY, When()),
    (NOTHING, When()),
    (Cut(at=300), When()),
    (Cut(at=900, honest=True), When()),
    (Reset(), When()),
    (Stall(), When()),
    (ContentType(), When()),
    (SHOUTED, When()),
    (NOT_COMPLETED, When()),
    (faults.TOKEN_REJECTED, PAGES),
    (faults.STATUS_REJECTED, When(call="list", status="InProgress")),
    (NO_JOBS, LISTS),
    (NO_VAULTS, VAULTS),
    (BadToken(kind=Tokens.REPEATED), LISTS),
    (BadToken(kind=Tokens.ENDLESS_EMPTY), LISTS),
    (BadToken(kind=Tokens.REPEATED), VAULTS),
    (BadToken(kind=Tokens.ENDLESS_EMPTY), VAULTS),
)

OF_ONE_VAULT: tuple[tuple[Act, When], ...] = (
    (faults.DENIED, When()),
    (faults.DENIED, When()),
    (faults.DENIED, LISTS),
    (faults.DENIED, When(call="describe")),
    (faults.INTERNAL, When()),
    (faults.UNAVAILABLE, LISTS),
    (faults.HTML_200, LISTS),
    (NOTHING, When()),
    (NO_JOBS, LISTS),
    (Stall(), LISTS),
    (BadToken(kind=Tokens.REPEATED), LISTS),
)
EXPIRING = (None, timedelta(hours=24), timedelta(hours=23, minutes=50), timedelta(hours=23))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """The vaults of a world and what goes wrong with single ones. `reborn`: vaults that come back without their jobs."""

    vaults: tuple[Vault, ...]
    spells: tuple[VaultSpell, ...]
    globs: tuple[str, ...]
    reborn: tuple[tuple[str, datetime], ...]


def vault_plan_for(seed: int, *, lives: int, calm_minutes: int = 25) -> Plan:
    """Draw a world of one to four vaults. Half an hour of calm at its end lets everything come out."""
    rng = Random(f"vaults:{seed}")
    until = START + MINUTE * rng.choice((40, 80, 120))
    exodus = rng.random() < 0.1
    place = _place(rng, until, quiet=exodus)
    lag = between(rng, 5, 170) if rng.random() < 0.35 else None
    spells = [*_broken_off(seed, until), *spells_of(rng, until, Kit(MENU, lag))]
    ends = [each.span.end for each in place.spells if each.span.end]
    page_size = rng.choice((7, 20, 50, 1000))
    echoes = LastToken.ECHO if rng.random() < 0.1 else LastToken.MIX
    return Plan(
        seed=seed,
        lives=list(_lives(rng, place, lives, until, exodus=exodus)),
        spells=spells,
        steps=steps_of(rng, until) if rng.random() < 0.35 else [],
        wrong=timedelta(seconds=rng.choice(WRONG)),
        lag=lag,
        late_lists=rng.random() < 0.6,
        until=until,
        close=max(until, *(each.end for each in spells), *ends) + MINUTE * calm_minutes,
        first_sight=rng.choice(FIRST_SIGHTS),
        page_size=page_size,
        quirks=Quirks(seed=seed, page_size=page_size, last_token=echoes),
        slowest=rng.choice((0.05, 0.3, 1.0)),
        together=rng.random() < 0.2,
        rules=replace(
            RULES,
            overdue_after=MINUTE * rng.choice((12, 30)),
            expiring_before=rng.choice(EXPIRING),
        ),
        vaults=place.vaults,
        vault_spells=place.spells,
        globs=place.globs,
    )


def _broken_off(seed: int, until: datetime) -> Iterator[Spell]:
    """Restarts while full walks break off in their middle: the next process goes on where they stood."""
    rng = Random(f"broken off:{seed}")
    if rng.random() < 0.35:
        begin = START + (until - START) * rng.choice((0.0, rng.uniform(0.1, 0.7)))
        behind = When(call="list", filtered=False, has_token=True, chance=0.85)
        yield Spell(
            begin=begin,
            end=begin + MINUTE * rng.uniform(5, 15),
            rules=((faults.INTERNAL, behind),),
            cuts=rng.choice((0.1, 0.4)),
        )


def _lives(
    rng: Random, place: _Place, count: int, until: datetime, *, exodus: bool
) -> Iterator[Life]:
    scopes = [vault.name for vault in place.vaults]
    watched = [vault.name for vault in place.vaults if vault.watched]
    drawn = [draw_in(rng.choice(scopes), rng, until=until) for _ in range(count * 9 // 10)]
    drawn += burst_in(watched, rng, count - len(drawn), until=until)
    if exodus:
        gone = START + (until - START) * rng.uniform(0.1, 0.5)
        back = gone + MINUTE * rng.choice((3, 15, 40))
        drawn += exodus_from(watched, rng, count // 2, at=gone, back=back)
    reborn = dict(place.reborn)
    for life in namesakes(drawn, rng):
        back_at = reborn.get(life.scope)
        yield ended_with_its_vault(life, back_at) if back_at else life


def _place(rng: Random, until: datetime, *, quiet: bool) -> _Place:
    names = rng.sample(NAMES, rng.randint(1, len(NAMES)))
    reborn: list[tuple[str, datetime]] = []
    vaults: list[Vault] = []
    spells: list[VaultSpell] = []
    for name in names:
        gone: tuple[Span, ...] = ()
        if not quiet:
            gone = tuple(_absences(rng, until))
            if gone and gone[-1].begin > START and gone[-1].end and rng.random() < 0.3:
                reborn.append((name, gone[-1].end))
            spells += _vault_spells(rng, name, until)
        vaults.append(Vault(name=name, gone=gone))
    globs: tuple[str, ...] = ("*",)
    if rng.random() < 0.3:
        vaults.append(Vault(name=PRIVATE, watched=False))
        globs = ("data-*",)
    elif rng.random() < 0.3:
        globs = tuple(names)
    return _Place(vaults=tuple(vaults), spells=tuple(spells), globs=globs, reborn=tuple(reborn))


def _absences(rng: Random, until: datetime) -> Iterator[Span]:
    """A vault may be created late, and deleted for a while or for good."""
    since = START
    if rng.random() < 0.2:
        since += (until - START) * rng.uniform(0.05, 0.5)
        yield Span(START, since)
    if rng.random() < 0.3:
        at = since + (until - since) * rng.uniform(0.1, 0.9)
        yield Span(at, None if rng.random() < 0.2 else at + MINUTE * 10 ** rng.uniform(0, 1.5))


def _vault_spells(rng: Random, name: str, until: datetime) -> Iterator[VaultSpell]:
    """A vault may be refused, break, or show nothing; to the very end now and then."""
    now = START + (until - START) * rng.uniform(-0.3, 0.8)
    while rng.random() < 0.5 and now < until:
        end = now + MINUTE * 10 ** rng.uniform(0.3, 1.7)
        act, when = rng.choice(OF_ONE_VAULT)
        shut = act == faults.DENIED and when == When()
        if shut and rng.random() < 0.15:
            yield VaultSpell(
                vault=name, span=Span(now, None), act=act, when=When(vault=name), shut=True
            )
            return
        if not shut and rng.random() < 0.5:
            when = sometimes(when, rng)
        yield VaultSpell(
            vault=name, span=Span(now, end), act=act, when=replace(when, vault=name), shut=shut
        )
        now = end + MINUTE * 10 ** rng.uniform(0.3, 1.5)
