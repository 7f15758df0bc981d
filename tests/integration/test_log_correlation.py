"""From a sweep to what became of its events, and back, by the log alone; and what the vendor needs to find a call."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from jobwatch import logs
from jobwatch.core.model import JobKey
from jobwatch.core.plan import sweep_id
from jobwatch.simulator import faults as f
from jobwatch.simulator.answers import Question
from jobwatch.simulator.receiver import Reply
from jobwatch.simulator.simulation import Simulation
from jobwatch.simulator.world import World
from jobwatch.store.recounting import LINES
from jobwatch.store.values import DeliveryFilter, EventFilter
from tests.cli_rig import aside, configuration
from tests.documents.shown import fenced
from tests.integration.watching_rig import large_account, running, turns, until_full_is_due
from tests.log_stream import Stream, kept_logging
from tests.programs import program
from tests.rig import START, Clock, Rig, job, rig, step

PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text(encoding="utf-8")
COMMANDS = fenced(PAGE, "bash")
CHAIN = ["event.recorded", "event.released", "delivery.settled"]


@pytest.fixture
def written() -> Iterator[Stream]:
    """The log as a container has it, at debug."""
    with kept_logging():
        stream = Stream()
        logs.configure("debug", "json", stream)
        yield stream


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ending(number: int, status: str = "Failed") -> Any:
    return job(f"job-{number}", step("Active", 60, done=0.5), step(status))


@asynccontextmanager
async def account(world: World, clock: Clock, path: Path) -> AsyncIterator[Rig]:
    async with Simulation(world, clock=clock) as cloud, rig(cloud, clock, path) as one:
        yield one


async def one_ending(one: Rig, clock: Clock) -> None:
    """A baseline, and a job that fails behind it, told to all."""
    await one.turn()
    clock.advance(120)
    await one.turn()


async def test_from_a_webhook_to_its_sweep_and_back(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    program("jq")
    async with account(World([ending(1)]), clock, tmp_path / "db") as one:
        await one_ending(one, clock)
        (accepted,) = [each for each in one.accepted if b"job.failed" in each.body]
        webhook_id = accepted.headers["webhook-id"]
        chain = [each for each in written.records if each.get("event_id") == webhook_id]
        assert [each["event"] for each in chain] == CHAIN
        (sweep,) = {each["sweep"] for each in chain}
        assert re.fullmatch("swp_[0-9a-f]{12}", sweep)
        caused = [each for each in written.records if each.get("sweep") == sweep]
        assert {"sweep.begun", "sweep.finished", "call.answered", *CHAIN} <= {
            each["event"] for each in caused
        }
        assert {each["source"] for each in caused if "source" in each} == {"prod"}
        assert {(each["scope"], each["job"]) for each in chain} == {("", "job-1")}
        settled = chain[-1]
        (row,) = (await one.store.deliveries(DeliveryFilter(event_id=webhook_id), limit=9)).rows
        assert settled["delivery_id"] == row.id
        events = (await one.store.events(EventFilter(), limit=9)).rows
        assert {each.id: each.sweep for each in events}[webhook_id] == sweep
        (told,) = [
            each
            for each in await one.store.job_events("prod", JobKey("", "job-1"))
            if each.event.id == webhook_id
        ]
        assert told.event.sweep == sweep


async def test_explain_names_the_sweep_to_look_for(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with account(World([ending(1)]), clock, tmp_path / "jobwatch.db") as one:
        await one_ending(one, clock)
    (recorded,) = [each for each in written.lines("event.recorded") if each["type"] == "job.failed"]
    done = await aside("explain", "prod/job-1", "--config", configuration(tmp_path))
    assert f"recorded by sweep {recorded['sweep']}" in done.stdout


async def test_each_sweep_has_a_name_of_its_own_and_leaves_none_behind(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with account(World([ending(1)]), clock, tmp_path / "db") as one:
        for _ in range(3):
            await one.sweep()
            clock.advance(30)
        assert one.source.sweep is None
        assert structlog.contextvars.get_contextvars() == {}
    finished = [each["sweep"] for each in written.lines("sweep.finished")]
    assert finished[0] == sweep_id("prod", START)
    assert len(set(finished)) == 3


async def test_a_hot_sweep_between_two_pages_of_a_full_one_has_its_own_name(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with large_account(
        running(3), clock, tmp_path / "db", full_every=timedelta(minutes=10)
    ) as one:

        async def page(question: Question) -> None:
            if question.one("jobStatuses") is None:
                clock.advance(20)

        await until_full_is_due(one)
        one.simulation.faults.add(f.Hook(callback=page), f.When(call="list"))
        await turns(one)
    last = written.lines("sweep.finished")[-1]
    within = [each["event"] for each in written.records if each.get("sweep") == last["sweep"]]
    begun = next(
        number
        for number, each in enumerate(written.records)
        if each["event"] == "sweep.begun" and each["sweep"] == last["sweep"]
    )
    between = [each["sweep"] for each in written.records[begun:] if each.get("kind") == "hot"]
    assert last["kind"] == "full"
    assert between
    assert last["sweep"] not in between
    assert within.count("call.answered") == 13, "the pages of the full sweep, and no others"


async def test_calls_that_fail_say_what_the_vendor_needs_to_find_them(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with account(World([ending(1)]), clock, tmp_path / "db") as one:
        one.simulation.faults.add(f.DENIED)
        await one.sweep()
    (tried,) = written.lines("try.failed")
    (failed,) = written.lines("call.failed")
    (sweep,) = written.lines("sweep.failed")
    for each in (tried, failed, sweep):
        assert (each["call"], each["result"], each["http_status"]) == ("ListJobs", "denied", 403)
        assert (each["code"], each["source"]) == ("AccessDenied", "prod")
        assert each["request_id"]
    assert (failed["level"], sweep["level"], tried["level"]) == ("warning", "warning", "debug")
    assert len({each["request_id"] for each in (tried, failed, sweep)}) == 1
    assert len({each["sweep"] for each in (tried, failed, sweep)}) == 1
    assert tried["duration_seconds"] >= 0


async def test_a_call_without_an_answer_says_so_with_the_same_keys(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with account(World([ending(1)]), clock, tmp_path / "db") as one:
        one.simulation.faults.add(f.Reset())
        await one.sweep()
    (failed,) = written.lines("call.failed")
    (sweep,) = written.lines("sweep.failed")
    for each in (failed, sweep):
        assert (each["call"], each["result"], each["http_status"]) == ("ListJobs", "network", None)
        assert (each["code"], each["request_id"]) == ("reset", "")
    assert failed["tries"] == len(written.lines("try.failed")) > 1


async def test_every_call_is_a_line_for_whoever_looks_closely(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with account(World([ending(1)]), clock, tmp_path / "db") as one:
        await one_ending(one, clock)
        made = len(one.simulation.cloud.calls)
    lines = written.lines("call.answered")
    assert len(lines) == made
    assert {each["call"] for each in lines} == {"ListJobs", "DescribeJob"}
    assert all(each["request_id"] and each["duration_seconds"] >= 0 for each in lines)
    assert len({each["request_id"] for each in lines}) == made
    (asked,) = [each for each in lines if each["call"] == "DescribeJob"]
    (told,) = written.lines("event.released")
    assert (asked["job"], asked["sweep"]) == ("job-1", told["sweep"])


async def test_a_job_that_the_cloud_does_not_know_is_an_answer_and_no_trouble(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    world = World([job("job-1", step("Active"))])
    async with account(world, clock, tmp_path / "db") as one:
        await one.sweep()
        world.remove("job-1")
        clock.advance(30)
        await one.sweep()
    (failed,) = written.lines("call.failed")
    assert (failed["level"], failed["result"], failed["job"]) == ("debug", "not_found", "job-1")


async def test_a_crowd_has_one_line_and_its_deliveries_still_say_the_sweep(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    world = World([ending(number) for number in range(LINES + 1)])
    async with account(world, clock, tmp_path / "db") as one:
        await one_ending(one, clock)
    assert written.lines("event.recorded") == []
    assert {each["events"] for each in written.lines("events.recorded")} == {LINES + 1}
    sweeps = {
        each["sweep"] for each in written.lines("delivery.settled") if each["type"] == "job.failed"
    }
    assert len(sweeps) == 1
    assert sweeps <= {each["sweep"] for each in written.lines("sweep.finished")}


async def test_history_is_no_line(tmp_path: Path, clock: Clock, written: Stream) -> None:
    clock.advance(86_400)
    async with account(
        World([ending(number) for number in range(9)]), clock, tmp_path / "db"
    ) as one:
        await one.turn()
    assert not [each for each in written.records if "job-" in str(each.get("job"))]


def answer(command: str, folder: Path, asked: Mapping[str, str]) -> str:
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=asked, capture_output=True, text=True, check=True
    ).stdout


async def test_what_the_page_on_logs_asks_of_a_log_is_answered(
    tmp_path: Path, clock: Clock, written: Stream
) -> None:
    async with account(World([ending(1)]), clock, tmp_path / "db") as one:
        one.simulation.sink.script("/ops", Reply(status=500))
        await one_ending(one, clock)
        one.simulation.faults.add(f.DENIED)
        await one.sweep()
    (tmp_path / "jobwatch.log").write_text(written.text, encoding="utf-8")
    settled = written.lines("delivery.settled")[-1]
    asked = os.environ | {"WEBHOOK_ID": settled["event_id"], "SWEEP": settled["sweep"]}
    answers = [await asyncio.to_thread(answer, command, tmp_path, asked) for command in COMMANDS]
    assert len(answers) == 4
    chain, sweep, calls, slow = answers
    assert [name for name in CHAIN if name in chain] == CHAIN
    assert settled["sweep"] in chain
    assert "sweep.finished" in sweep
    assert '"ListJobs","AccessDenied"' in calls
    assert '"ops"' in slow
