"""When issued keys are renewed, who fetches them, and what is kept when that fails."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobwatch.core.codec import Credentials
from jobwatch.core.errors import NoCredentials
from jobwatch.credentials import KeyFacts
from jobwatch.credentials.fetched import FetchedKeys
from jobwatch.credentials.schedule import rest_after_failure, rest_after_success
from jobwatch.providers.issued_keys import NothingThere
from tests.keys_rig import T0, Time, world

MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class Issuing:
    """A service that issues keys for a while; `gate` holds its answers back."""

    now: Time
    lifetime: timedelta | None = timedelta(hours=2)
    broken: Callable[[], NoCredentials] | None = None
    same: bool = False
    gate: asyncio.Event | None = None
    looks: list[timedelta] = field(default_factory=list)
    last: Credentials | None = None

    async def look(self) -> Credentials:
        self.looks.append(self.now() - T0)
        if self.gate is not None:
            await self.gate.wait()
        if self.broken is not None:
            raise self.broken()
        if not self.same or self.last is None:
            self.last = Credentials(
                secret_id=f"id-{len(self.looks)}",
                secret_key="canary",
                kind="cvm-role",
                expires_at=None if self.lifetime is None else self.now() + self.lifetime,
            )
        return self.last


def timed_out() -> NoCredentials:
    return NoCredentials("cvm-role: the metadata service gave no answer: timed out")


@pytest.fixture
def now() -> Time:
    return Time()


@pytest.fixture
def issuing(now: Time) -> Issuing:
    return Issuing(now)


@pytest.fixture
def keys(issuing: Issuing, now: Time, tmp_path: Path) -> FetchedKeys:
    return FetchedKeys(issuing, world(tmp_path, now=now))


@pytest.mark.parametrize(
    ("lifetime", "left"),
    [(12 * 60, 144), (120, 24), (60, 12), (50, 10), (30, 10), (20, 10), (10, 5), (2, 1)],
)
def test_a_fifth_or_ten_minutes_are_left_and_at_most_half(lifetime: int, left: int) -> None:
    rest = rest_after_success(T0, T0 + lifetime * MINUTE, 0.0)
    assert rest.until == T0 + (lifetime - left) * MINUTE


@given(seconds=st.integers(1, 10**7), chance=st.floats(0, 1, exclude_max=True))
def test_chance_only_renews_earlier_and_never_before_half(seconds: int, chance: float) -> None:
    expiry = T0 + timedelta(seconds=seconds)
    sure, jittered = (rest_after_success(T0, expiry, each) for each in (0.0, chance))
    assert jittered.until <= sure.until
    assert jittered.until - T0 >= timedelta(seconds=min(seconds, max(seconds / 2, 10)))
    assert timedelta(seconds=1) <= jittered.pause(T0) <= timedelta(hours=1)


def test_failures_are_tried_again_after_ten_seconds_to_a_minute() -> None:
    rests = [rest_after_failure(T0, failures, 0.0) for failures in (1, 2, 3, 4, 5, 99)]
    assert [rest.until - T0 for rest in rests] == [
        timedelta(seconds=seconds) for seconds in (10, 20, 40, 60, 60, 60)
    ]
    assert rest_after_failure(T0, 1, 0.5).until - T0 == timedelta(seconds=10.5)


async def test_keys_are_fetched_on_first_use_and_kept(keys: FetchedKeys, issuing: Issuing) -> None:
    assert keys.facts is None
    first = await keys.current()
    assert first.secret_id == "id-1"
    assert await keys.current() is first
    assert keys.facts == KeyFacts(kind="cvm-role", expires_at=T0 + timedelta(hours=2))
    assert len(issuing.looks) == 1


async def test_twenty_callers_make_one_fetch(keys: FetchedKeys, issuing: Issuing) -> None:
    given_ = await asyncio.gather(*(keys.current() for _ in range(20)))
    assert {each.secret_id for each in given_} == {"id-1"}
    rejected = given_[0]
    renewed = await asyncio.gather(*(keys.renewed(rejected) for _ in range(20)))
    assert {each.secret_id for each in renewed if each} == {"id-2"}
    assert None not in renewed
    assert len(issuing.looks) == 2


async def test_a_failed_fetch_is_shared_too(keys: FetchedKeys, issuing: Issuing) -> None:
    issuing.broken = timed_out
    results = await asyncio.gather(*(keys.current() for _ in range(20)), return_exceptions=True)
    assert {str(each) for each in results} == {str(timed_out())}
    assert len(issuing.looks) == 1


async def test_a_caller_that_is_cancelled_leaves_the_fetch_to_the_next(
    keys: FetchedKeys, issuing: Issuing
) -> None:
    issuing.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(keys.current())
        second = group.create_task(keys.current())
        await asyncio.sleep(0)
        first.cancel()
        issuing.gate.set()
    assert first.cancelled()
    assert second.result().secret_id == "id-2"


async def test_a_caller_that_is_cancelled_does_not_keep_the_others_from_renewing(
    keys: FetchedKeys, issuing: Issuing
) -> None:
    rejected = await keys.current()
    issuing.gate = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(keys.renewed(rejected))
        second = group.create_task(keys.renewed(rejected))
        await asyncio.sleep(0)
        first.cancel()
        issuing.gate.set()
    renewed = second.result()
    assert renewed is not None
    assert renewed.secret_id == "id-3"


async def test_refresh_renews_when_the_time_has_come(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    for _ in range(200):
        now.now += await keys.refresh()
        assert (await keys.current()).expires_at is not None
    steps = [
        later - earlier for earlier, later in zip(issuing.looks, issuing.looks[1:], strict=False)
    ]
    assert set(steps) == {96 * MINUTE}


async def test_keys_of_a_few_seconds_are_fetched_again_when_they_expire(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    issuing.lifetime = timedelta(seconds=5)
    for number in (1, 2, 3):
        assert (await keys.current()).secret_id == f"id-{number}"
        now.advance(seconds=5)


async def test_a_success_forgets_the_failures_before_it(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    issuing.broken = timed_out
    for seconds in (10, 20, 40):
        assert await keys.refresh() == timedelta(seconds=seconds)
        now.advance(seconds=seconds)
    issuing.broken = None
    now.now += await keys.refresh()
    now.advance(minutes=36)
    issuing.broken = timed_out
    assert await keys.refresh() == timedelta(seconds=10)
    assert len(keys.take_problems()) == 1


async def test_nobody_waits_for_a_renewal_while_the_old_keys_hold(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    old = await keys.current()
    issuing.gate = asyncio.Event()
    now.advance(minutes=100)
    async with asyncio.TaskGroup() as group:
        refreshing = group.create_task(keys.refresh())
        await asyncio.sleep(0)
        assert await keys.current() is old
        issuing.gate.set()
    assert refreshing.done()
    assert (await keys.current()).secret_id == "id-2"


async def test_keys_that_hold_outlive_a_service_that_fails_and_then_expire(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    old = await keys.current()
    issuing.broken = timed_out
    now.advance(minutes=96)
    pauses = []
    while now() < T0 + timedelta(hours=2):
        pauses.append(await keys.refresh())
        assert await keys.current() is old
        now.now += pauses[-1]
    assert pauses[:5] == [timedelta(seconds=seconds) for seconds in (10, 20, 40, 60, 60)]
    used_on = "the keys at hand are used on until 2026-11-21T22:00:00Z"
    assert keys.take_problems() == (f"{timed_out()}; {used_on}",)
    assert keys.take_problems() == ()
    with pytest.raises(NoCredentials, match="timed out; the keys before them expired"):
        await keys.current()
    issuing.broken = None
    now.advance(minutes=1)
    assert (await keys.current()).secret_id.startswith("id-")
    assert keys.take_problems() == ()


async def test_a_service_is_asked_at_the_latest_when_the_keys_expire(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    await keys.current()
    issuing.broken = timed_out
    now.advance(minutes=119, seconds=55)
    assert await keys.refresh() == timedelta(seconds=5)
    issuing.broken = None
    now.advance(seconds=5)
    assert (await keys.current()).secret_id == "id-3"


async def test_the_moment_of_expiry_is_too_late(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    old = await keys.current()
    issuing.broken = timed_out
    now.advance(hours=2, microseconds=-1)
    assert await keys.current() is old
    now.advance(microseconds=1)
    with pytest.raises(NoCredentials):
        await keys.current()


async def test_keys_without_an_expiry_are_read_again_every_ten_minutes(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    issuing.lifetime = None
    for _ in range(3):
        now.now += await keys.refresh()
    assert issuing.looks == [timedelta(), 10 * MINUTE, 20 * MINUTE]


async def test_a_service_that_gives_the_same_keys_is_not_asked_ever_faster(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    issuing.same = True
    while now() < T0 + timedelta(hours=2) - timedelta(seconds=10):
        now.now += await keys.refresh()
    assert len(issuing.looks) <= 10


async def test_a_service_that_is_not_there_is_not_asked_by_every_caller(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    issuing.broken = lambda: NothingThere("cvm-role: no role is bound to this instance")
    for _ in range(5):
        with pytest.raises(NothingThere, match="no role is bound"):
            await keys.current()
    assert len(issuing.looks) == 1
    issuing.broken = None
    now.advance(seconds=10)
    assert (await keys.current()).secret_id == "id-2"


async def test_the_same_refused_keys_are_a_reason_to_ask_once_a_minute(
    keys: FetchedKeys, issuing: Issuing, now: Time
) -> None:
    issuing.same = True
    rejected = await keys.current()
    for _ in range(3):
        assert await keys.renewed(rejected) is None
    assert len(issuing.looks) == 2
    now.advance(seconds=59)
    assert await keys.renewed(rejected) is None
    assert len(issuing.looks) == 2
    now.advance(seconds=1)
    issuing.same = False
    renewed = await keys.renewed(rejected)
    assert renewed is not None
    assert renewed.secret_id == "id-3"


async def test_keys_that_somebody_else_renewed_meanwhile_are_given_without_a_fetch(
    keys: FetchedKeys, issuing: Issuing
) -> None:
    first = await keys.current()
    second = await keys.renewed(first)
    assert second is not None
    assert await keys.renewed(first) is second
    assert await keys.renewed(replace(first, kind="another word for it")) is second
    assert len(issuing.looks) == 2


async def test_refused_keys_whose_renewal_fails_have_no_successor(
    keys: FetchedKeys, issuing: Issuing
) -> None:
    rejected = await keys.current()
    issuing.broken = timed_out
    assert await keys.renewed(rejected) is None
    assert await keys.current() is rejected
    (problem,) = keys.take_problems()
    assert "timed out" in problem
    assert "canary" not in problem


@pytest.mark.parametrize("broken", [False, True])
async def test_a_clock_that_is_set_back_causes_one_look_and_no_wait(
    keys: FetchedKeys, issuing: Issuing, now: Time, *, broken: bool
) -> None:
    await keys.refresh()
    issuing.broken = timed_out if broken else None
    now.advance(days=-3)
    await keys.refresh()
    await keys.refresh()
    assert len(issuing.looks) == 2


async def test_nothing_of_issued_keys_is_shown(keys: FetchedKeys) -> None:
    await keys.renewed(await keys.current())
    assert "canary" not in f"{keys!r} {vars(keys)!r} {keys.facts!r} {keys.take_problems()}"
