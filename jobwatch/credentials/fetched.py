"""Keys that a service issues for a while: fetched once for everybody, renewed ahead of their expiry."""

import asyncio
from datetime import datetime, timedelta
from typing import Protocol

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.credentials.schedule import Rest, rest_after_failure, rest_after_success
from jobwatch.credentials.source import KeyFacts, World, same_keys

REFUSED_ONCE = timedelta(seconds=60)
"""The same refused keys are a reason to ask again that often at most."""


class Place(Protocol):
    """A service that issues keys."""

    async def look(self) -> Credentials:
        """Fetch keys. Raises `NoCredentials`, `NothingThere` where the service is not there for us."""
        ...


class FetchedKeys:
    """A `CredentialSource` over a service. Keys that still hold outlive a service that does not answer."""

    def __init__(self, place: Place, world: World) -> None:
        self._place = place
        self._now = world.now
        self._chance = world.chance
        self._lock = asyncio.Lock()
        self._held: Credentials | None = None
        self._rest: Rest | None = None
        self._failures = 0
        self._error: NoCredentials | None = None
        self._refused: tuple[Credentials, Rest] | None = None
        self._told = ""
        self._problem = ""

    @property
    def facts(self) -> KeyFacts | None:
        if self._held is None:
            return None
        return KeyFacts(kind=self._held.kind, expires_at=self._held.expires_at)

    async def current(self) -> Credentials:
        held = self._usable()
        # Nobody waits for a renewal that is under way while the old keys are good.
        if held is not None and (self._lock.locked() or not self._is_due()):
            return held
        async with self._lock:
            if self._is_due():
                await self._fetch()
        held = self._usable()
        if held is None:
            raise self._why()
        return held

    async def renewed(self, rejected: Credentials) -> Credentials | None:
        async with self._lock:
            if self._is_held(rejected) and not self._was_refused(rejected):
                await self._fetch()
                # Only now: a caller that is cancelled before must not speak for the others.
                now = self._now()
                self._refused = (rejected, Rest(now, now + REFUSED_ONCE))
            return None if self._is_held(rejected) else self._usable()

    async def refresh(self) -> timedelta:
        async with self._lock:
            if self._is_due():
                await self._fetch()
        now = self._now()
        return (self._rest or Rest(now, now)).pause(now)

    def take_problems(self) -> tuple[str, ...]:
        problem, self._problem = self._problem, ""
        return (problem,) if problem else ()

    def _usable(self) -> Credentials | None:
        """The keys at hand, unless they have expired."""
        held = self._held
        if held is None or (held.expires_at is not None and held.expires_at <= self._now()):
            return None
        return held

    def _is_due(self) -> bool:
        return self._rest is None or self._rest.over(self._now())

    def _is_held(self, keys: Credentials) -> bool:
        """Whether these are what everybody has; true also while nobody has any."""
        return self._held is None or same_keys(self._held, keys)

    def _was_refused(self, keys: Credentials) -> bool:
        if self._refused is None:
            return False
        refused, rest = self._refused
        return same_keys(refused, keys) and not rest.over(self._now())

    async def _fetch(self) -> None:
        try:
            keys = await self._place.look()
        except NoCredentials as error:
            self._failed(error.with_traceback(None))
            return
        self._held, self._error, self._failures, self._told = keys, None, 0, ""
        self._rest = rest_after_success(self._now(), keys.expires_at, self._chance())

    def _failed(self, error: NoCredentials) -> None:
        """Note a failure. It is a problem for the log unless there are no keys: then whoever wants them is told."""
        held = self._usable()
        held_until = held.expires_at if held else None
        self._failures += 1
        self._error = error
        self._rest = rest_after_failure(
            self._now(), self._failures, self._chance(), held_until=held_until
        )
        if held is not None and str(error) != self._told:
            self._told = str(error)
            self._problem = f"{error}; the keys at hand are used on{_until(held_until)}"

    def _why(self) -> NoCredentials:
        """A new error each time: one that is raised again would grow with every caller."""
        if self._error is None:
            return NoCredentials("the keys that were given have expired already")
        if self._held is None:
            return type(self._error)(str(self._error))
        return NoCredentials(f"{self._error}; the keys before them expired")


def _until(at: datetime | None) -> str:
    return "" if at is None else f" until {at:%Y-%m-%dT%H:%M:%SZ}"
