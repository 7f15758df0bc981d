"""Keys that stop working, clocks that are wrong, and an address where another account's jobs are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from jobwatch.core.codec import Credentials
from jobwatch.credentials import ConfiguredKeys, CredentialSource, World, open_credentials
from jobwatch.providers.keys import CredentialsSettings
from jobwatch.simulator.identity import IdentityServices, Manner
from jobwatch.simulator.simulation import Server, Simulation
from jobwatch.simulator.world import World as Jobs
from jobwatch.transport import Transport
from tests.faults.jobs import FAULT_AT, FAULT_ENDS, FAULT_LASTS, lives
from tests.faults.times import Times
from tests.faults.trial import RECOVERY, Trial, trial
from tests.rig import EVERY, START, Clock

HOUR = timedelta(hours=1)
OTHER = Credentials(secret_id="AKIDanother-id", secret_key="another-key")


async def check_whole_story(one: Trial) -> None:
    """Live on past every ending there is: all was told, and what was down is up."""
    await one.until(FAULT_ENDS + timedelta(minutes=12))
    one.check_witnessed()
    assert one.scrapes[-1].up
    assert (await one.state()).failures == 0


def never_down(one: Trial) -> bool:
    return all(scrape.up for scrape in one.scrapes[1:]) and one.conditions() == []


# ── keys of a machine's role ────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The metadata service of a machine with a role, and the trial whose keys it issues."""

    services: IdentityServices
    one: Trial


@asynccontextmanager
async def on_a_machine(path: Path, folder: Path) -> AsyncIterator[Machine]:
    times = Times()
    services = IdentityServices(clock=times.true, lifetime=timedelta(minutes=10))
    server = Server(services.application())
    await server.start()
    try:
        async with Transport() as transport:

            def keys(simulation: Simulation) -> CredentialSource:
                services.issued = simulation.register
                world = World(
                    environ={},
                    home=folder,
                    etc=folder,
                    send=transport.send,
                    now=times.ours,
                    chance=lambda: 0.5,
                )
                wanted = {"use": "cvm-role", "metadata_endpoint": server.url}
                return open_credentials(CredentialsSettings.model_validate(wanted), world)

            async with trial(path, lives(), times=times, keys=keys) as one:
                yield Machine(services=services, one=one)
    finally:
        await server.stop()


async def test_temporary_keys_expire_again_and_again_and_nobody_notices(tmp_path: Path) -> None:
    async with on_a_machine(tmp_path / "jobwatch.db", tmp_path) as machine:
        await check_whole_story(machine.one)
        assert never_down(machine.one)
        assert machine.services.asked.keys >= 3


async def test_keys_that_the_cloud_drops_early_are_asked_for_again_at_once(tmp_path: Path) -> None:
    async with on_a_machine(tmp_path / "jobwatch.db", tmp_path) as machine:
        one, services = machine.one, machine.services
        await one.until(FAULT_AT)
        assert services._machine is not None
        one.one.simulation.revoke(services._machine)
        services.rotate()
        await check_whole_story(one)
        assert never_down(one)


async def test_without_keys_nothing_is_asked_and_the_cause_is_told_until_there_are_some(
    tmp_path: Path,
) -> None:
    async with on_a_machine(tmp_path / "jobwatch.db", tmp_path) as machine:
        one, services = machine.one, machine.services
        await one.until(FAULT_AT)
        services.metadata, asked = Manner.REFUSED, services.asked.total
        await one.live(FAULT_LASTS / 2)  # what is left of the keys' life
        sent = one.transport.sent
        await one.live(FAULT_LASTS / 2)
        one.check_honesty()
        assert one.transport.sent == sent, "a call went out without keys"
        assert services.asked.total - asked < 400
        assert not any(scrape.up for scrape in one.since(FAULT_AT + timedelta(minutes=12)))
        (opened,) = one.conditions()
        assert opened["data"]["error"]["class"] == "credentials"
        services.metadata = Manner.WELL
        await one.live(RECOVERY)
        one.check_witnessed()
        await check_whole_story(one)
        assert len(one.conditions()) == 2


# ── keys in files ───────────────────────────────────────────────────────────────────


def write_keys(folder: Path, keys: Credentials) -> None:
    (folder / "id").write_text(keys.secret_id, encoding="utf-8")
    (folder / "key").write_text(keys.secret_key, encoding="utf-8")


def keys_in_files(folder: Path) -> ConfiguredKeys:
    return ConfiguredKeys(
        CredentialsSettings(secret_id_file=folder / "id", secret_key_file=folder / "key")
    )


async def test_keys_are_changed_in_their_files_before_the_old_ones_end(tmp_path: Path) -> None:
    def keys(simulation: Simulation) -> CredentialSource:
        write_keys(tmp_path, simulation.credentials)
        return keys_in_files(tmp_path)

    async with trial(tmp_path / "jobwatch.db", lives(), keys=keys) as one:
        await one.until(FAULT_AT)
        simulation = one.one.simulation
        simulation.register(OTHER)
        write_keys(tmp_path, OTHER)
        simulation.revoke(simulation.credentials)
        await check_whole_story(one)
        assert never_down(one)


async def test_keys_that_end_are_complained_of_until_others_are_in_their_files(
    tmp_path: Path,
) -> None:
    def keys(simulation: Simulation) -> CredentialSource:
        write_keys(tmp_path, simulation.credentials)
        return keys_in_files(tmp_path)

    async with trial(tmp_path / "jobwatch.db", lives(), keys=keys) as one:
        await one.until(FAULT_AT)
        simulation, sent = one.one.simulation, one.transport.sent
        simulation.register(OTHER)
        simulation.revoke(simulation.credentials)
        await one.live(FAULT_LASTS)
        assert one.transport.sent - sent <= 40
        one.check_honesty()
        (opened,) = one.conditions()
        assert opened["data"]["error"]["code"] == "InvalidAccessKeyId"
        write_keys(tmp_path, OTHER)
        await one.live(RECOVERY)
        one.check_witnessed()
        await check_whole_story(one)
        assert len(one.conditions()) == 2


# ── clocks ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("wrong", [HOUR, -HOUR, 400 * 24 * HOUR], ids=["ahead", "behind", "absurd"])
async def test_a_clock_that_is_wrong_is_corrected_by_the_clouds(
    tmp_path: Path, wrong: timedelta
) -> None:
    times = Times(ours=Clock(START + wrong), wrong=wrong)
    async with trial(tmp_path / "jobwatch.db", lives(), times=times) as one:
        await check_whole_story(one)
        assert never_down(one)
        assert not any(event["data"]["late"] for event in one.endings_told())
        assert one.client.clock_offset is not None
        assert abs(one.client.clock_offset + wrong) < timedelta(seconds=2)
        refused = [call for call in one.one.simulation.cloud.calls if call.status == 403]
        assert len(refused) == 1


@pytest.mark.parametrize("many_pages", [False, True], ids=["one-page", "many-pages"])
@pytest.mark.parametrize("by", [HOUR, -HOUR], ids=["ahead", "back"])
async def test_a_clock_that_steps_makes_nothing_up_and_nothing_late(
    tmp_path: Path, by: timedelta, *, many_pages: bool
) -> None:
    async with trial(tmp_path / "jobwatch.db", lives(), many_pages=many_pages) as one:
        await one.until(FAULT_AT)
        one.times.step(by)
        await one.live(3 * EVERY)
        assert one.scrapes[-1].up
        await one.live(FAULT_LASTS / 2)
        one.times.step(-by)
        await check_whole_story(one)
        assert one.conditions() == []
        down = [scrape for scrape in one.scrapes[1:] if not scrape.up]
        assert len(down) <= 2


# ── another region ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("many_pages", [False, True], ids=["one-page", "many-pages"])
async def test_an_address_where_none_of_our_jobs_are_is_suspected_and_nothing_vanishes(
    tmp_path: Path, *, many_pages: bool
) -> None:
    async with trial(tmp_path / "jobwatch.db", lives(), many_pages=many_pages) as one:
        await one.until(FAULT_AT)
        async with Simulation(Jobs(), clock=one.times.true) as elsewhere:
            one.reach(endpoint=elsewhere.endpoint)
            await one.live(FAULT_LASTS)
            one.check_honesty()
            (opened,) = one.conditions("source.suspect")
            assert opened["data"]["condition"]["state"] == "opened"
            one.reach()
        await one.live(RECOVERY)
        states = [each["data"]["condition"]["state"] for each in one.conditions("source.suspect")]
        assert states == ["opened", "closed"]
        await check_whole_story(one)
        assert one.conditions() == []
