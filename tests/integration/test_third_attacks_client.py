"""What an attack on the client, on keys and on probes found: each test is named for what went wrong."""

import asyncio
import os
import pwd
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobwatch.app.keys import real_world
from jobwatch.client import Surroundings, Turnstile
from jobwatch.core.gate import Bucket
from jobwatch.core.http import HttpResponse
from jobwatch.core.manners import Manners
from jobwatch.core.model import JobPage
from jobwatch.core.rules import Rules
from jobwatch.providers.cos_batch import CosBatch
from jobwatch.providers.cos_errors import answered_at
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.transport import Transport
from tests.client_rig import Around
from tests.rig import Clock, Given, job, rig, step

PAGE_SECONDS = 0.3


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


def turnstile(around: Around) -> Turnstile:
    surroundings = Surroundings(
        now=around.now,
        monotonic=lambda: around.elapsed,
        chance=lambda: 0.5,
        sleep=around.sleep,
    )
    return Turnstile(Manners.of(Bucket(rate=1, burst=1)), surroundings)


async def test_a_long_walk_that_takes_every_token_let_no_detail_be_had_until_its_end() -> None:
    """At a slow pace the next page always stands at the door before the next token falls."""
    around = Around()
    door = turnstile(around)
    details: list[int] = []
    walked = 0

    async def describe() -> None:
        leave = await door.enter(1)
        with door.judging(leave):
            details.append(walked)

    async with asyncio.TaskGroup() as group:
        for page in range(100):
            leave = await door.enter(0)
            with door.judging(leave):
                around.elapsed += PAGE_SECONDS
                await asyncio.sleep(0)
            walked += 1
            if page == 0:
                for _ in range(8):
                    group.create_task(describe())
                await asyncio.sleep(0)
    assert len(details) == 8
    # Pages still come first, four for each detail; and all details are had long before the walk's end.
    steps = [after - before for before, after in pairwise(details)]
    assert steps == [4] * 7
    assert details[-1] <= 40


async def test_an_online_check_broke_where_the_user_has_no_home(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(uid: int) -> pwd.struct_passwd:
        raise KeyError(uid)

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    async with Transport() as transport:
        world = real_world(transport)
    assert world.environ is os.environ
    assert not world.home.exists()


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize("zone", ["", " GMT", " -0000", " +0000"])
def test_a_date_without_a_zone_was_read_in_the_zone_of_the_machine(zone: str) -> None:
    """Eight hours off every signature would be refused, and the refusal's own date would cure nothing."""
    headers = {"x-cos-request-id": "id", "date": f"Sat, 21 Nov 2026 20:00:00{zone}"}
    response = HttpResponse(status=200, headers=headers)
    assert answered_at(response) == datetime(2026, 11, 21, 20, tzinfo=UTC)


@pytest.mark.parametrize("field", ["secret_id", "secret_key", "token"])
@pytest.mark.parametrize(
    "wrong", ["two\nlines", "a\0b", "sch\u00fcssel", "half \udcff", "x" * 20_000]
)
def test_a_written_key_that_no_header_can_carry_was_found_out_by_every_sweep(
    field: str, wrong: str
) -> None:
    """The same key in a file or in a variable was refused in words all along."""
    keys = {"secret_id": "id", "secret_key": "key", "token": "token", field: wrong}
    with pytest.raises(ValidationError, match="cannot be used") as caught:
        CredentialsSettings.model_validate(keys)
    assert wrong not in str(caught.value)


async def test_an_answer_that_our_own_fault_kept_from_being_read_was_told_nobody(
    clock: Clock, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop logged a failed step, for ever; no call was counted, and the source was never unreachable."""

    def fault(*_: object) -> JobPage:
        raise KeyError("a fault of ours")

    world = World([job("job", step("Active"))])
    given = Given(rules=Rules(unreachable_after=timedelta(minutes=2)))
    async with Simulation(world, clock=clock) as sim, rig(sim, clock, path, given) as one:
        await one.turn()
        monkeypatch.setattr(CosBatch, "read_page", fault)
        calls = one.source.client.calls
        for _ in range(5):
            clock.advance(60)
            await one.poll()
        await one.deliver()
        state = await one.state()
        assert state.failures >= 2
        assert state.last_error is not None
        assert (state.last_error.error_class, state.last_error.code) == ("malformed", "Malformed")
        assert "a fault of ours" not in state.last_error.message
        assert one.source.client.calls > calls
        assert "source.unreachable" in [kind for kind, _ in one.told]
