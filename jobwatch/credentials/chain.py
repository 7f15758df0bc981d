"""The places where Tencent Cloud's tools look for keys, one after the other."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.credentials.source import LOOK_AGAIN, CredentialSource, KeyFacts
from jobwatch.providers.issued_keys import NothingThere

REMEDY = "set one of them up, or secret_id and secret_key under provider.credentials"


class ChainedKeys:
    """A `CredentialSource` that takes the first place where there is something, and keeps to it.

    A place that is there and broken ends the search with its own error, and one that breaks later is not replaced by
    the next: both would quietly act under another identity.
    """

    def __init__(self, places: Sequence[CredentialSource]) -> None:
        self._places = tuple(places)
        self._chosen: CredentialSource | None = None
        self._lock = asyncio.Lock()

    @property
    def facts(self) -> KeyFacts | None:
        return self._chosen.facts if self._chosen else None

    async def current(self) -> Credentials:
        return await (self._chosen or await self._choose()).current()

    async def renewed(self, rejected: Credentials) -> Credentials | None:
        return await self._chosen.renewed(rejected) if self._chosen else None

    async def refresh(self) -> timedelta:
        try:
            chosen = self._chosen or await self._choose()
        except NoCredentials:
            return LOOK_AGAIN  # whoever needs the keys is told
        return await chosen.refresh()

    def take_problems(self) -> tuple[str, ...]:
        return tuple(problem for place in self._places for problem in place.take_problems())

    async def _choose(self) -> CredentialSource:
        async with self._lock:
            if self._chosen is None:
                self._chosen = await self._search()
            return self._chosen

    async def _search(self) -> CredentialSource:
        missing: list[str] = []
        for place in self._places:
            try:
                await place.current()
            except NothingThere as error:
                missing.append(str(error))
            else:
                return place
        raise NoCredentials(f"no credentials in any place: {'; '.join(missing)}; {REMEDY}")
