"""Keys that are mended while calls are withheld for the keys before them: seen at once, and by one call."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.client import ApiClient
from jobwatch.client.marking import mark_of
from jobwatch.core.codec import Credentials, Signing
from jobwatch.core.errors import ApiError, CallResult, CallWithheld, KeysRejected, ServerError
from jobwatch.core.model import JobKey
from jobwatch.core.remembered import MARKS
from jobwatch.credentials import ConfiguredKeys
from jobwatch.poller import turn
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.simulator import faults as f
from jobwatch.simulator.simulation import DEMO_CREDENTIALS, Simulation
from jobwatch.simulator.world import World
from jobwatch.transport import Transport
from tests.client_rig import T0, Around, Keys, client_of
from tests.rig import EVERY, Clock, rig

KEY = JobKey("", "job-0001")
WRONG = Credentials(secret_id="AKIDwrong", secret_key="wrong-key")
WRONG_TOO = Credentials(secret_id="AKIDwrong", secret_key="wrong-too")


@pytest.fixture
def around() -> Around:
    return Around(chance=0.5)


async def withheld(client: ApiClient, error: type[ApiError]) -> None:
    for _ in range(9):
        if client.refusal():
            return
        with pytest.raises(error):
            await client.describe(KEY)
    raise AssertionError("calls are not withheld")


async def test_mended_keys_waited_for_the_end_of_the_pause(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    keys = Keys(now=WRONG)
    client = client_of(transport, around, cloud.endpoint, keys)
    await withheld(client, KeysRejected)
    asked = len(cloud.cloud.calls)
    with pytest.raises(CallWithheld):
        await client.describe(KEY)
    assert len(cloud.cloud.calls) == asked
    keys.now = DEMO_CREDENTIALS
    await client.describe(KEY)
    assert around.elapsed == 0
    assert around.results[-1] is CallResult.OK
    assert client.refusal() is None


async def test_a_key_file_that_flaps_is_no_hammer(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    keys = Keys(now=WRONG)
    client = client_of(transport, around, cloud.endpoint, keys)
    await withheld(client, KeysRejected)
    asked = len(cloud.cloud.calls)
    for number in range(50):
        keys.now = (WRONG_TOO, WRONG)[number % 2]
        with pytest.raises((CallWithheld, KeysRejected)):
            await client.describe(KEY)
    assert len(cloud.cloud.calls) == asked + 1


async def test_other_keys_do_not_end_a_pause_for_the_clouds_own_trouble(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    keys = Keys()
    client = client_of(transport, around, cloud.endpoint, keys)
    cloud.faults.add(f.INTERNAL)
    await withheld(client, ServerError)
    asked = len(cloud.cloud.calls)
    keys.now = WRONG
    with pytest.raises(CallWithheld):
        await client.describe(KEY)
    assert len(cloud.cloud.calls) == asked


async def test_keys_that_cannot_be_read_while_calls_are_withheld_change_nothing(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    keys = Keys(now=WRONG)
    client = client_of(transport, around, cloud.endpoint, keys)
    await withheld(client, KeysRejected)
    keys.now = None
    with pytest.raises(CallWithheld):
        await client.describe(KEY)


async def test_a_reload_with_mended_keys_waited_for_the_end_of_the_pause(
    transport: Transport, cloud: Simulation, around: Around
) -> None:
    client = client_of(transport, around, cloud.endpoint, Keys(now=WRONG))
    await withheld(client, KeysRejected)
    kept = json.loads(json.dumps(client.remember()))
    asked = len(cloud.cloud.calls)
    same = client_of(transport, around, cloud.endpoint, Keys(now=WRONG), remembered=kept)
    with pytest.raises(CallWithheld):
        await same.describe(KEY)
    assert len(cloud.cloud.calls) == asked
    mended = client_of(transport, around, cloud.endpoint, Keys(), remembered=kept)
    around.elapsed += 0.1
    await mended.describe(KEY)
    assert len(cloud.cloud.calls) == asked + 1


def test_the_mark_tells_keys_and_places_apart_and_nothing_of_either(around: Around) -> None:
    def marked(keys: Credentials, endpoint: str = "http://127.0.0.1:1") -> int:
        provider = client_of(Transport(), around, endpoint).provider
        return mark_of(provider, Signing(credentials=keys, now=T0))

    assert marked(WRONG) == marked(replace(WRONG, kind="environment"))
    marks = {
        marked(WRONG),
        marked(WRONG_TOO),
        marked(replace(WRONG, token="t")),
        marked(WRONG, "http://127.0.0.1:2"),
    }
    assert len(marks) == 4
    assert max(marks) < MARKS == 65_536


Write = Callable[[Credentials], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(keys: Credentials) -> None:
        (tmp_path / "id").write_text(keys.secret_id, encoding="utf-8")
        (tmp_path / "key").write_text(keys.secret_key, encoding="utf-8")

    return written


async def test_a_key_file_mended_at_night_is_seen_within_one_interval(
    tmp_path: Path, write: Write, clock: Clock, path: Path
) -> None:
    write(WRONG)
    files = CredentialsSettings(secret_id_file=tmp_path / "id", secret_key_file=tmp_path / "key")
    async with (
        Simulation(World(), clock=clock) as simulation,
        rig(simulation, clock, path) as one,
    ):
        one.source.client._caller.credentials = ConfiguredKeys(files)
        while one.source.client.withheld() < timedelta(minutes=1):
            clock.advance(33)
            await turn(one.source)
        asked = len(simulation.cloud.calls)
        write(simulation.credentials)
        clock.advance(EVERY.total_seconds() * 1.1)
        await turn(one.source)
        state = await one.state()
        assert len(simulation.cloud.calls) > asked
        assert (state.failures, state.spending and state.spending.withheld_until) == (0, None)
