"""Reloads that whoever waits for one shares.

Law of this module: each answer is of a reload that began after it was ordered, and a crowd of orders costs two.
"""

import asyncio
from collections.abc import Awaitable, Callable

from jobwatch.web.view import Reloaded


class Reloads:
    """Reads the configuration anew for whoever orders it. `reload` does it once."""

    def __init__(self, reload: Callable[[], Awaitable[Reloaded]]) -> None:
        self._reload = reload
        self._turn = asyncio.Lock()
        self._begun = 0
        self._latest: tuple[int, Reloaded] | None = None

    async def reload(self) -> Reloaded:
        """Give what became of a reload. Raises `StoreError` as the reload does; the next in line tries again."""
        ordered_after = self._begun
        async with self._turn:
            if self._latest is not None and self._latest[0] > ordered_after:
                return self._latest[1]
            self._begun += 1
            number = self._begun
            answer = await self._reload()
            self._latest = (number, answer)
            return answer
