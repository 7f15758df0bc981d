"""The client against a cloud that wants to be left alone: slower, not at all, one call to see, and back again."""

import asyncio
from datetime import timedelta

import pytest

from jobwatch.client import ApiClient
from jobwatch.core.errors import (
    ApiError,
    CallResult,
    CallWithheld,
    Denied,
    ServerError,
    Throttled,
    WithheldReason,
)
from jobwatch.core.gate import Bucket
from jobwatch.core.model import JobDetail, JobKey
from jobwatch.simulator import faults as f
from jobwatch.simulator.answers import Question
from jobwatch.simulator.simulation import Simulation
from jobwatch.transport import Transport
from tests.client_rig import Around, Keys, client_of, walk

KEY = JobKey("", "job-0001")
TEN = Bucket(rate=10, burst=20)
FIVE_MINUTES = (("Retry-After", "300"),)


@pytest.fixture
def around() -> Around:
    return Around(chance=0.5)


@pytest.fixture
def client(transport: Transport, around: Around, cloud: Simulation) -> ApiClient:
    return client_of(transport, around, cloud.endpoint, bucket=TEN)


async def test_a_storm_of_slow_down_halves_the_pace_and_calm_brings_it_back(
    client: ApiClient, cloud: Simulation, around: Around
) -> None:
    cloud.faults.add(f.SLOW_DOWN, f.When(times=3))
    around.chance = 0.0
    await client.describe(KEY)
    assert around.slept == [0.5, 1.0, 2.0]
    assert (client.calls, client.throttled) == (4, 3)
    # The second refusal came half a second after the first: one signal.
    assert client.rate == pytest.approx(2.6)

    began = around.elapsed
    while client.rate < 10:
        await client.describe(KEY)
        around.elapsed += 0.05
    assert 60 < around.elapsed - began < 240
    assert client.throttled == 3


async def test_a_slower_pace_is_kept_between_calls(
    client: ApiClient, cloud: Simulation, around: Around
) -> None:
    cloud.faults.add(f.SLOW_DOWN, f.When(times=3))
    await client.describe(KEY)
    before = len(cloud.cloud.calls)
    began = around.elapsed
    while around.elapsed < began + 10:
        await client.describe(KEY)
    # A burst of 5, and 2.5 to 3 a second that grow meanwhile; at the ceiling it would be 120.
    assert 25 <= len(cloud.cloud.calls) - before <= 36
    assert sum(around.waits) > 8


async def open_breaker(client: ApiClient, cloud: Simulation) -> None:
    cloud.faults.add(f.INTERNAL)
    for _ in range(2):
        with pytest.raises(ServerError):
            await client.describe(KEY)


async def test_five_failures_in_a_row_withhold_calls_and_one_probe_ends_it(
    client: ApiClient, cloud: Simulation, around: Around
) -> None:
    await open_breaker(client, cloud)
    assert len(cloud.cloud.calls) == 5, "the fifth failure is not tried again"
    assert client.withheld() == timedelta(seconds=15)
    with pytest.raises(CallWithheld) as caught:
        await walk(client)
    assert caught.value.reason is WithheldReason.BREAKER_OPEN
    assert caught.value.remaining == timedelta(seconds=15)
    assert len(cloud.cloud.calls) == 5

    around.elapsed += 15
    assert client.withheld() == timedelta()
    slept = list(around.slept)
    with pytest.raises(ServerError):
        await client.describe(KEY)
    assert len(cloud.cloud.calls) == 6, "a probe is one try"
    assert around.slept == slept
    assert client.withheld() == timedelta(seconds=30)

    around.elapsed += 30
    cloud.faults.clear()
    assert [len(page) for page in await walk(client)] == [10]
    assert client.withheld() == timedelta()


async def describe_all(client: ApiClient, number: int) -> list[JobDetail | BaseException]:
    return await asyncio.gather(
        *(client.describe(JobKey("", f"job-{each:04}")) for each in range(number)),
        return_exceptions=True,
    )


class Gate:
    """Holds requests at the cloud's door until the test opens it."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self, _question: Question) -> None:
        self.arrived.set()
        await self.opened.wait()


async def settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.mark.parametrize("recovered", [True, False], ids=["recovered", "still down"])
async def test_eight_calls_at_once_send_one_probe_through_a_half_open_breaker(
    client: ApiClient,
    cloud: Simulation,
    around: Around,
    recovered: bool,  # noqa: FBT001  a column
) -> None:
    await open_breaker(client, cloud)
    around.elapsed += 15
    cloud.faults.clear()
    gate = Gate()
    cloud.faults.add(f.Hook(callback=gate), f.When(times=1))
    if not recovered:
        cloud.faults.add(f.INTERNAL)
    cloud.cloud.calls.clear()
    running = asyncio.ensure_future(describe_all(client, 8))
    await gate.arrived.wait()
    await settle()
    assert cloud.cloud.asked == 6, "five that opened it, and the probe"
    gate.opened.set()
    results = await running
    if recovered:
        assert all(isinstance(each, JobDetail) for each in results)
        assert len(cloud.cloud.calls) == 8
    else:
        kinds = sorted(type(each).__name__ for each in results)
        assert kinds == ["CallWithheld"] * 7 + ["ServerError"]
        assert len(cloud.cloud.calls) == 1


async def test_a_cancelled_probe_lets_the_next_call_try(
    client: ApiClient, cloud: Simulation, around: Around
) -> None:
    await open_breaker(client, cloud)
    around.elapsed += 15
    cloud.faults.clear()
    gate = Gate()
    cloud.faults.add(f.Hook(callback=gate), f.When(times=1))
    probe = asyncio.ensure_future(client.describe(KEY))
    await gate.arrived.wait()
    second = asyncio.ensure_future(client.describe(KEY))
    await settle()
    assert cloud.cloud.asked == 6
    probe.cancel()
    assert (await second).job.id == KEY.id
    assert probe.cancelled()
    gate.opened.set()


async def test_a_probe_that_meets_a_cure_tries_again_in_its_place(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    """Otherwise it would wait for its own end."""
    keys = Keys(next=cloud.credentials)
    client = client_of(transport, around, cloud.endpoint, keys)
    await open_breaker(client, cloud)
    around.elapsed += 15
    cloud.faults.clear()
    cloud.faults.add(f.EXPIRED_TOKEN, f.When(times=1))
    async with asyncio.timeout(20):
        results = await describe_all(client, 8)
    assert all(isinstance(each, JobDetail) for each in results)
    assert keys.renewals == 1


async def test_calls_that_fail_together_open_the_breaker_once(
    client: ApiClient, cloud: Simulation, around: Around
) -> None:
    cloud.faults.add(f.INTERNAL)
    results = await describe_all(client, 8)
    assert {type(each) for each in results} == {ServerError}
    assert client.withheld() <= timedelta(seconds=15)
    around.elapsed += 15
    cloud.faults.clear()
    await client.describe(KEY)
    assert client.withheld() == timedelta()


@pytest.mark.parametrize(
    ("says", "error"),
    [
        (f.Say(status=503, code="SlowDown", headers=FIVE_MINUTES), Throttled),
        (f.Say(status=429, code="TooManyRequests", headers=FIVE_MINUTES), Throttled),
        (f.Say(status=503, code="ServiceUnavailable", headers=FIVE_MINUTES), ServerError),
    ],
    ids=["SlowDown", "429", "ServiceUnavailable"],
)
async def test_a_wish_for_five_minutes_is_granted_by_every_call(
    client: ApiClient, cloud: Simulation, around: Around, says: f.Say, error: type[ApiError]
) -> None:
    cloud.faults.add(says, f.When(times=1))
    with pytest.raises(error):
        await walk(client)
    assert around.slept == []
    assert client.withheld() == timedelta(minutes=5)
    around.elapsed += 299
    with pytest.raises(CallWithheld) as caught:
        await client.describe(KEY)
    assert caught.value.reason is WithheldReason.RETRY_AFTER
    assert caught.value.remaining == timedelta(seconds=1)
    assert len(cloud.cloud.calls) == 1
    around.elapsed += 1
    await client.describe(KEY)
    assert around.results[-1] is CallResult.OK


async def test_a_restart_goes_on_with_what_was_remembered(
    client: ApiClient, transport: Transport, cloud: Simulation, around: Around
) -> None:
    await open_breaker(client, cloud)
    around.elapsed += 5
    cloud.faults.clear()
    again = client_of(transport, around, cloud.endpoint, bucket=TEN, remembered=client.remember())
    assert timedelta(seconds=9.9) < again.withheld() < timedelta(seconds=10.1)
    around.elapsed += 10.1
    await describe_all(again, 3)
    assert (again.calls, again.throttled, again.withheld()) == (3, 0, timedelta())


async def test_a_process_that_restarts_all_the_time_does_not_burst(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    remembered = client_of(transport, around, cloud.endpoint, bucket=TEN).remember()
    began = around.elapsed
    for _ in range(10):
        client = client_of(transport, around, cloud.endpoint, bucket=TEN, remembered=remembered)
        await describe_all(client, 4)
        remembered = client.remember()
    assert around.elapsed - began > 2.9, "forty calls, ten of them as the first of a process"


async def test_a_permission_without_describe_job_keeps_nobody_from_listing(
    client: ApiClient, cloud: Simulation
) -> None:
    cloud.faults.add(f.DENIED, f.When(call="describe"))
    for _ in range(12):
        with pytest.raises(Denied):
            await client.describe(KEY)
    assert client.withheld() == timedelta()
    assert await walk(client)
