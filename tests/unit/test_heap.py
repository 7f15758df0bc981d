"""What lives on is out of the sight of the garbage collector once every source was tried, and nothing later is."""

import gc
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from jobwatch.app.parts import SETTLED, SETTLING, Settling

HELD = 3000


class Kept:
    """Something that a collection looks at."""


@pytest.fixture
def settling() -> Iterator[Settling]:
    """One source was tried, the other was not; what the test froze is in sight again after it."""
    frozen = gc.get_freeze_count()
    watched: dict[str, Any] = {
        name: SimpleNamespace(source=SimpleNamespace(attempted=name == "prod"))
        for name in ("prod", "other")
    }
    yield Settling(watched=watched)
    if gc.get_freeze_count() > frozen:
        gc.unfreeze()
        gc.collect()
        gc.freeze()


def in_sight(kept: list[Kept]) -> int:
    seen = set(map(id, gc.get_objects()))
    return sum(id(each) in seen for each in kept)


async def settle(settling: Settling) -> None:
    settling.watched["other"].source.attempted = True
    assert await settling.turn() == SETTLED


async def test_nothing_is_frozen_before_every_source_was_tried(settling: Settling) -> None:
    kept = [Kept() for _ in range(HELD)]
    assert await settling.turn() == SETTLING
    assert in_sight(kept) == HELD


async def test_what_lives_is_frozen_once_every_source_was_tried(settling: Settling) -> None:
    kept = [Kept() for _ in range(HELD)]
    await settle(settling)
    assert in_sight(kept) == 0


async def test_what_comes_later_is_never_frozen(settling: Settling) -> None:
    await settle(settling)
    kept = [Kept() for _ in range(HELD)]
    assert await settling.turn() == SETTLED
    assert in_sight(kept) == HELD
