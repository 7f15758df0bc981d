"""Pages that are kept for a moment, so that a crowd of viewers costs no more than one.

Law of this module: one page is made at a time, and none twice within two seconds; what is kept is bounded in number and
in bytes, whatever is asked for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Generic, NamedTuple, TypeVar

KEPT_FOR = timedelta(seconds=2)
PATIENCE = timedelta(seconds=5)
"""Nobody waits longer for a page."""

MOST_PAGES = 100
MOST_BYTES = 8 * 1024 * 1024

KeyT = TypeVar("KeyT", bound=Hashable)


class Written(NamedTuple):
    """A page as it is sent, and the HTTP status that goes with it."""

    status: int
    body: bytes


class _Kept(NamedTuple):
    page: Written
    stale_at: float


@dataclass(slots=True, kw_only=True)
class KeptPages(Generic[KeyT]):
    """The pages made of late, by what was asked for. `make` reads and writes one."""

    make: Callable[[KeyT], Awaitable[Written]]
    monotonic: Callable[[], float]
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _kept: OrderedDict[KeyT, _Kept] = field(default_factory=OrderedDict)

    async def page(self, key: KeyT) -> Written:
        """Give a page, at most two seconds old. Raises what `make` does, or `TimeoutError`."""
        async with asyncio.timeout(PATIENCE.total_seconds()):
            kept = self._fresh(key)
            if kept is not None:
                return kept
            async with self._turn:
                kept = self._fresh(key)  # somebody before us may have asked for the same
                if kept is None:
                    kept = await self.make(key)
                    self._keep(key, kept)
                return kept

    def _fresh(self, key: KeyT) -> Written | None:
        kept = self._kept.get(key)
        return kept.page if kept is not None and self.monotonic() < kept.stale_at else None

    def _keep(self, key: KeyT, page: Written) -> None:
        now = self.monotonic()
        self._kept[key] = _Kept(page, now + KEPT_FOR.total_seconds())
        self._kept.move_to_end(key)
        size = sum(len(each.page.body) for each in self._kept.values())
        # The oldest first: all are kept for the same time.
        while self._kept:
            oldest, kept = next(iter(self._kept.items()))
            if kept.stale_at > now and len(self._kept) <= MOST_PAGES and size <= MOST_BYTES:
                return
            size -= len(kept.page.body)
            del self._kept[oldest]
