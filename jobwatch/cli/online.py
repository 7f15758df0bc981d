"""The second half of `jobwatch check --online`: is every source to be had, and what will watching it cost."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from jobwatch.app.clock import utc_now
from jobwatch.app.probing import Probe, probe_all
from jobwatch.cli.reading import OWNER
from jobwatch.cli.screen import Screen
from jobwatch.cli.source_page import SKEWED, clock_words, error_words
from jobwatch.cli.text import ago, count, instant, plain
from jobwatch.core.documents import Document, error_document
from jobwatch.core.errors import StoreError
from jobwatch.core.overview import SourceState
from jobwatch.core.plan import Cost, Facts, cost
from jobwatch.providers import open_provider
from jobwatch.settings import Settings, Source
from jobwatch.store import Store
from jobwatch.store.documents import keys_document, seconds

SECONDS_AN_HOUR = 3600
TEXT_CELLS = 4000
VAULTS_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One source as it was found. `at_least`: only its first page is known, so that it may cost more.

    `cost` is None where nothing is known of how many jobs there are; `ceiling` is what `rate_limit` allows an hour.
    """

    probe: Probe
    cost: Cost | None
    at_least: bool
    ceiling: float

    @property
    def too_fast(self) -> bool:
        """Whether watching costs more calls than `rate_limit` lets out."""
        return self.cost is not None and self.cost.total > self.ceiling


def look_at_sources(settings: Settings, screen: Screen | None) -> tuple[Document, bool]:
    """Call every source once: what was found by source, and whether each one can be watched.

    Where there is a screen, it is shown there.
    """
    found = asyncio.run(_look(settings))
    if screen is not None:
        _show(screen, found)
    sound = all(each.probe.sound for each in found)
    return {each.probe.source: _document(each) for each in found}, sound


async def _look(settings: Settings) -> Sequence[Sighting]:
    states = await _states(settings)
    return [
        _sighting(each, settings.sources[each.source], states.get(each.source))
        for each in await probe_all(settings)
    ]


async def _states(settings: Settings) -> dict[str, SourceState]:
    """What the store knows already; a store that cannot be read, or is not there yet, knows nothing."""
    try:
        store = await Store.open(settings.store, owner=OWNER, clock=utc_now, exclusive=False)
        try:
            return {state.identity.name: state for state in await store.sources()}
        finally:
            await store.close()
    except StoreError:
        return {}


def _sighting(probe: Probe, source: Source, state: SourceState | None) -> Sighting:
    known = state is not None and state.all_data_at is not None
    listed = state.listed if state is not None and known else probe.listed
    if _scopes(probe, source) is None:
        listed = None
    ceiling = source.rate_limit.requests_per_second * SECONDS_AN_HOUR
    refused = state.last_sweep.refused if state and state.last_sweep else ()
    return Sighting(
        probe=probe,
        cost=None if listed is None else _cost(source, probe, listed, refused),
        at_least=not known and probe.more,
        ceiling=ceiling,
    )


def _scopes(probe: Probe, source: Source) -> tuple[str, ...] | None:
    """The vaults to watch, by name or as the cloud lists them; None where it did not."""
    settled = open_provider(source.provider).scopes
    return settled if isinstance(settled, tuple) else probe.scopes


def _cost(source: Source, probe: Probe, listed: int, refused: Sequence[str]) -> Cost:
    provider = open_provider(source.provider)
    facts = Facts(
        statuses=tuple(each for each in provider.lifecycle.unfinished if each not in refused),
        scopes=_scopes(probe, source),
        scope_calls=int(not isinstance(provider.scopes, tuple)),
        page_size=provider.page_size,
        listed=max(listed, probe.listed or 0),
        followed=0,
        full_ever=True,
        gap=False,
        full_broke=False,
        asked=False,
        next_at=None,
        next_full_at=None,
    )
    return cost(facts, every=source.every, full_every=source.full_sweep_every)


def _document(found: Sighting) -> Document:
    """One source as JSON; `calls_per_hour` is null where nothing is known of how many jobs there are."""
    probe = found.probe
    return {
        "reachable": probe.listed is not None,
        "vaults": [each for each in probe.scopes or () if each],
        "listed_on_first_page": probe.listed,
        "more_follow": probe.more,
        "described": probe.described,
        "troubles": [
            {
                "call": each.call,
                "vault": each.scope or None,
                **(error_document(each.error) or {}),
                "advice": each.advice,
            }
            for each in probe.troubles
        ],
        "credentials": keys_document(probe.keys),
        "credential_problems": list(probe.problems),
        "clock_offset_seconds": seconds(probe.clock_offset),
        "calls_made": probe.calls,
        "calls_per_hour": None if found.cost is None else round(found.cost.total, 1),
        "calls_per_hour_hot": None if found.cost is None else round(found.cost.hot, 1),
        "calls_per_hour_full": None if found.cost is None else round(found.cost.full, 1),
        "at_least": found.at_least,
        "calls_allowed_per_hour": round(found.ceiling, 1),
    }


def _show(screen: Screen, found: Sequence[Sighting]) -> None:
    """A block for each source."""
    screen.words("\nOnline", "bold")
    for each in found:
        screen.words(
            f"  {plain(each.probe.source)}: {'sound' if each.probe.sound else 'cannot be watched as it is'}",
            "green" if each.probe.sound else "bold red",
        )
        lines = [*_findings(each.probe), *_surroundings(each.probe), *_price(each)]
        screen.sentences(
            (f"    {name}", Text(plain(text, TEXT_CELLS), style)) for name, text, style in lines
        )


Line = tuple[str, str, str]


def _findings(probe: Probe) -> list[Line]:
    """What the calls brought."""
    lines = _vaults(probe)
    if probe.looked_at:
        all_there = "" if probe.troubles else ", and that is all"
        more = ", and more pages follow" if probe.more else all_there
        vaults = f" of {count(probe.looked_at, 'vault')}" if any(probe.scopes or ()) else ""
        jobs = f"{count(probe.listed or 0, 'job')} on the first page{vaults}{more}"
        lines.append(("ListJobs", jobs, "green"))
    if probe.described:
        lines.append(("DescribeJob", "is allowed", "green"))
    if probe.listed == 0 and not probe.troubles:
        lines.append(("DescribeJob", "not tried: there is no job to ask about", "dim"))
    for each in probe.troubles:
        about = f"{each.scope}: " if each.scope else ""
        lines.append((each.call, f"{about}{error_words(each.error)}", "bold red"))
        lines.append(("to do", each.advice, "yellow"))
    return lines


def _vaults(probe: Probe) -> list[Line]:
    """Which vaults there are, for a source that has any."""
    if probe.scopes is None or probe.scopes == ("",):
        return []
    if not probe.scopes:
        return [("vaults", "no vault is wanted by `vaults`: nothing would be watched", "yellow")]
    shown = ", ".join(probe.scopes[:VAULTS_SHOWN])
    more = (
        f" and {len(probe.scopes) - VAULTS_SHOWN} more" if len(probe.scopes) > VAULTS_SHOWN else ""
    )
    return [("vaults", f"{shown}{more}", "green")]


def _surroundings(probe: Probe) -> list[Line]:
    """Keys and clocks."""
    lines: list[Line] = [("credentials", problem, "yellow") for problem in probe.problems]
    if probe.keys is not None:
        at = probe.keys.expires_at
        expiry = f", expire {instant(at)} ({ago(at, utc_now())})" if at else ", no expiry known"
        lines.append(("credentials", f"{probe.keys.kind}{expiry}", ""))
    if probe.clock_offset is not None:
        skewed = abs(probe.clock_offset) > SKEWED
        remark = "; jobwatch allows for it, but set the clock of this host right" if skewed else ""
        words = f"{clock_words(probe.clock_offset)}{remark}"
        lines.append(("clock", words, "yellow" if skewed else ""))
    return lines


def _price(found: Sighting) -> list[Line]:
    """What watching costs, besides a DescribeJob for each job that ends."""
    if found.cost is None:
        return [("cost", "unknown while nothing is listed", "dim")]
    price = found.cost
    least = "at least " if found.at_least else "about "
    kinds = f"{price.hot:,.0f} for hot sweeps, {price.full:,.0f} for full ones"
    if not price.hot:
        kinds = "every sweep is a full one, which costs no more than a hot one"
    words = f"{least}{price.total:,.0f} calls an hour: {kinds}; one more for each job that ends"
    lines = [("cost", words, "")]
    if found.too_fast:
        limit = f"rate_limit lets {found.ceiling:,.0f} an hour out: sweeps will take longer than `every`"
        lines.append(("warning", limit, "yellow"))
    return lines
