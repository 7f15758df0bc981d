"""What the client puts right by itself within a call: a wrong clock and keys that have expired. Once."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from structlog.types import EventDict

from jobwatch.core.errors import (
    CallResult,
    CallWithheld,
    ClockSkew,
    KeysRejected,
    NoCredentials,
    ServerError,
)
from jobwatch.core.model import JobKey
from jobwatch.simulator import faults as f
from jobwatch.simulator.quirks import Quirks
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, Simulation
from jobwatch.transport import Transport
from tests.client_rig import TEMPORARY, Around, Keys, client_of, walk

KEY = JobKey("", "job-0001")
SKEWED = f.Say(status=403, code="RequestTimeTooSkewed", message="the difference is too large")
EXPIRED = f.Say(status=403, code="AccessDenied", message="Request has expired")
HOUR = timedelta(hours=1)


def told(logs: Sequence[EventDict]) -> list[EventDict]:
    """What stands in the log unless somebody looks closer."""
    return [each for each in logs if each["log_level"] != "debug"]


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.mark.parametrize("hidden", [False, True], ids=["named", "hidden in the message"])
@pytest.mark.parametrize("wrong", [HOUR, -HOUR], ids=["ahead", "behind"])
async def test_a_wrong_clock_costs_one_more_try_once(
    transport: Transport,
    cloud: Simulation,
    around: Around,
    wrong: timedelta,
    hidden: bool,  # noqa: FBT001  a column
) -> None:
    cloud.cloud.quirks = Quirks(hidden_code=hidden)
    around.wrong = wrong
    client = client_of(transport, around, cloud.endpoint)
    assert client.clock_offset is None
    with capture_logs() as logs:
        await walk(client)
        await client.describe(KEY)
    assert around.results == [CallResult.DENIED, CallResult.OK, CallResult.OK]
    assert around.slept == []
    # The middle of what a whole second allows; the edge would be refused again where a limit is near.
    assert client.clock_offset == timedelta(seconds=0.5) - wrong
    (line,) = [each for each in logs if each["log_level"] == "warning"]
    assert line["event"] == "clock.offset_changed"
    assert line["source"] == "prod"
    assert abs(line["offset_seconds"] + wrong.total_seconds()) <= 1
    assert {each["log_level"] for each in logs} == {"warning", "debug"}


async def test_a_clock_that_is_put_right_is_told_too_and_good_clocks_are_not(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    client = client_of(transport, around, cloud.endpoint)
    with capture_logs() as logs:
        await client.describe(KEY)
        around.wrong = timedelta(seconds=20)
        await client.describe(KEY)
        assert told(logs) == []
        around.wrong = timedelta(seconds=50)
        await client.describe(KEY)
        around.wrong = timedelta()
        await client.describe(KEY)
    assert [(line["event"], line["log_level"]) for line in told(logs)] == [
        ("clock.offset_changed", "warning"),
        ("clock.offset_changed", "info"),
    ]
    assert around.results == [CallResult.OK] * 4


@pytest.mark.parametrize("says", [SKEWED, EXPIRED], ids=["too skewed", "has expired"])
async def test_a_time_that_is_refused_again_is_told_after_two_tries(
    transport: Transport, cloud: Simulation, around: Around, says: f.Say
) -> None:
    cloud.faults.add(says)
    with pytest.raises(ClockSkew):
        await client_of(transport, around, cloud.endpoint).describe(KEY)
    assert len(cloud.cloud.calls) == 2
    assert around.slept == []


async def test_a_refused_time_without_the_clouds_own_is_no_reason_to_try_again(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    body = b"<Error><Code>RequestTimeTooSkewed</Code><Message>no</Message></Error>"
    cloud.faults.add(f.Raw(status=403, body=body, gateway=True))
    client = client_of(transport, around, cloud.endpoint)
    with pytest.raises(ClockSkew):
        await client.describe(KEY)
    assert len(cloud.cloud.calls) == 1
    assert client.clock_offset is None


async def test_eight_calls_with_a_wrong_clock_do_not_open_the_breaker(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    around.wrong = HOUR
    client = client_of(transport, around, cloud.endpoint)
    await asyncio.gather(*(client.describe(KEY) for _ in range(8)))
    assert client.withheld() == timedelta()


async def test_the_offset_of_an_earlier_process_saves_the_refusal(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    around.wrong = HOUR
    client = client_of(transport, around, cloud.endpoint, offset=-HOUR)
    with capture_logs() as logs:
        await client.describe(KEY)
    assert around.results == [CallResult.OK]
    assert told(logs) == []


async def test_a_cure_is_no_retry(transport: Transport, cloud: Simulation, around: Around) -> None:
    cloud.faults.add(SKEWED, f.When(nth=frozenset({1})))
    cloud.faults.add(f.INTERNAL, f.When(times=3))
    await client_of(transport, around, cloud.endpoint).describe(KEY)
    assert around.slept == [0.5, 1.0, 2.0]
    assert len(cloud.cloud.calls) == 5


@pytest.mark.parametrize(
    "says",
    [
        f.EXPIRED_TOKEN,
        f.Say(status=403, code="InvalidAccessKeyId"),
        f.Say(status=403, code="AccessDenied", message="ExpiredToken"),
    ],
    ids=["expired", "unknown", "hidden"],
)
async def test_refused_keys_are_renewed_once_and_the_call_is_made_with_the_new_ones(
    transport: Transport, cloud: Simulation, around: Around, says: f.Say
) -> None:
    cloud.faults.add(says, f.When(times=1))
    keys = Keys(DEMO_CREDENTIALS, next=TEMPORARY)
    await client_of(transport, around, cloud.endpoint, keys).describe(KEY)
    first, second = (call.question.headers for call in cloud.cloud.calls)
    assert "x-cos-security-token" not in first
    assert second["x-cos-security-token"] == TEMPORARY.token
    assert keys.renewals == 1
    assert around.slept == []


async def test_no_keys_are_fetched_while_no_call_goes_out(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    keys = Keys()
    client = client_of(transport, around, cloud.endpoint, keys)
    cloud.faults.add(f.INTERNAL)
    for _ in range(2):
        with pytest.raises(ServerError):
            await client.describe(KEY)
    keys.now = None
    with pytest.raises(CallWithheld):
        await client.describe(KEY)


async def test_missing_keys_take_no_probes_place(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    keys = Keys()
    client = client_of(transport, around, cloud.endpoint, keys)
    cloud.faults.add(f.INTERNAL)
    for _ in range(2):
        with pytest.raises(ServerError):
            await client.describe(KEY)
    cloud.faults.clear()
    around.elapsed += 15
    keys.now = None
    with pytest.raises(NoCredentials):
        await client.describe(KEY)
    keys.now = DEMO_CREDENTIALS
    await client.describe(KEY)
    assert around.results[-1] is CallResult.OK


@pytest.mark.parametrize(("new", "tries"), [(None, 1), (TEMPORARY, 2)], ids=["same", "new"])
async def test_keys_that_stay_refused_are_told(
    transport: Transport, cloud: Simulation, around: Around, new: object, tries: int
) -> None:
    cloud.faults.add(f.EXPIRED_TOKEN)
    keys = Keys(DEMO_CREDENTIALS, next=TEMPORARY if new else None)
    with pytest.raises(KeysRejected):
        await client_of(transport, around, cloud.endpoint, keys).describe(KEY)
    assert len(cloud.cloud.calls) == tries
    assert keys.renewals == 1


async def test_a_wrong_clock_and_expired_keys_are_both_cured_in_one_call(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    cloud.faults.add(SKEWED, f.When(nth=frozenset({1})))
    cloud.faults.add(f.EXPIRED_TOKEN, f.When(times=1))
    keys = Keys(DEMO_CREDENTIALS, next=TEMPORARY)
    await client_of(transport, around, cloud.endpoint, keys).describe(KEY)
    assert len(cloud.cloud.calls) == 3
