"""Pages that are kept for a moment: how often they are made, and how many are kept."""

import asyncio

import pytest

from jobwatch.web.pages.kept import MOST_BYTES, MOST_PAGES, KeptPages, Written


class Maker:
    """Makes pages, and notes which."""

    def __init__(self, size: int = 1) -> None:
        self.made: list[int] = []
        self.now = 0.0
        self.size = size
        self.failure: Exception | None = None
        self.pages = KeptPages(make=self.make, monotonic=lambda: self.now)

    async def make(self, number: int) -> Written:
        self.made.append(number)
        await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure
        return Written(200, bytes(self.size))


async def test_a_crowd_costs_one_page() -> None:
    maker = Maker()
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(maker.pages.page(1))
    assert maker.made == [1]


async def test_a_page_is_made_anew_after_two_seconds() -> None:
    maker = Maker()
    for now in (0.0, 1.9, 2.0, 3.9):
        maker.now = now
        await maker.pages.page(1)
    assert maker.made == [1, 1]


async def test_what_could_not_be_made_is_not_kept() -> None:
    maker = Maker()
    maker.failure = OSError("no")
    with pytest.raises(OSError, match="no"):
        await maker.pages.page(1)
    maker.failure = None
    assert (await maker.pages.page(1)).status == 200


async def test_as_many_pages_are_kept_as_are_allowed_and_the_oldest_go_first() -> None:
    maker = Maker()
    for number in range(MOST_PAGES + 1):
        await maker.pages.page(number)
    await maker.pages.page(MOST_PAGES)
    await maker.pages.page(1)
    assert len(maker.made) == MOST_PAGES + 1
    await maker.pages.page(0)
    assert maker.made[-1] == 0


async def test_large_pages_leave_room_for_fewer() -> None:
    maker = Maker(size=MOST_BYTES // 2)
    for number in (1, 2, 3, 3, 2, 1):
        await maker.pages.page(number)
    assert maker.made == [1, 2, 3, 1]


async def test_pages_that_are_stale_are_forgotten_with_the_next() -> None:
    maker = Maker(size=MOST_BYTES // 2)
    await maker.pages.page(1)
    maker.now = 5.0
    await maker.pages.page(2)
    await maker.pages.page(3)
    await maker.pages.page(2)
    assert maker.made == [1, 2, 3]
