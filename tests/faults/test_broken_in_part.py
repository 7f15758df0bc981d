"""What happens where only some calls fail: one of the two permissions, one kind of listing, the pages behind the first."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jobwatch.simulator import faults as f
from jobwatch.simulator.faults import BadToken, Hidden, Tokens, When
from jobwatch.simulator.script import JobScript
from tests.faults.jobs import FAULT_AT, FAULT_ENDS, FAULT_LASTS, FOREVER, TASKS, lives
from tests.faults.table import Fault
from tests.faults.trial import LONGEST_OPENING, RECOVERY, Scrape, Trial, trial
from tests.rig import EVERY, START, job, step

MINUTE = timedelta(minutes=1)
LISTS, DESCRIBES = When(call="list"), When(call="describe")
AGED = job(
    "aged", step("Active", FOREVER, done=1.0), created=START - timedelta(days=1), total=TASKS
)
"""A job that the tests take out of the listing, as if it were over 90 days old: only DescribeJob shows it."""
SIZES = pytest.mark.parametrize("many_pages", [False, True], ids=["one-page", "many-pages"])


def jobs() -> list[JobScript]:
    return [*lives(), AGED]


async def live_through(one: Trial, fault: Fault) -> int:
    """Let the fault come and last, but not go. Returns how many calls were made meanwhile."""
    await one.until(FAULT_AT)
    before = one.transport.sent
    async with fault.on(one):
        await one.live(FAULT_LASTS)
        return one.transport.sent - before


async def check_recovery(one: Trial, within: timedelta = RECOVERY) -> None:
    await one.until(FAULT_ENDS + within)
    one.check_witnessed()
    assert one.scrapes[-1].up
    assert one.scrapes[-1].age <= 100
    await one.until(FAULT_ENDS + timedelta(minutes=12))
    one.check_witnessed()


def meanwhile(one: Trial) -> list[Scrape]:
    """The scrapes while the fault lasted, but for its first minute."""
    return [scrape for scrape in one.since(FAULT_AT + MINUTE) if scrape.at < FAULT_ENDS]


def delays(one: Trial) -> dict[str, timedelta]:
    """From each end to its record."""
    return {
        event["subject"]: datetime.fromisoformat(event["data"]["observed_at"])
        - datetime.fromisoformat(event["data"]["job"]["ended_at"])
        for event in one.endings_told()
    }


@SIZES
async def test_without_the_permission_to_list_nothing_is_told_and_the_cause_is_shown(
    tmp_path: Path, *, many_pages: bool
) -> None:
    fault = Fault(name="", says=None, acts=(f.DENIED,), when=LISTS)
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=many_pages) as one:
        assert await live_through(one, fault) <= 40
        assert not any(scrape.up for scrape in meanwhile(one))
        (opened,) = one.conditions()
        assert opened["data"]["error"]["code"] == "AccessDenied"
        await check_recovery(one)
        assert len(one.conditions()) == 2


@SIZES
async def test_without_the_permission_to_describe_endings_are_told_without_detail(
    tmp_path: Path, *, many_pages: bool
) -> None:
    fault = Fault(name="", says=None, acts=(f.DENIED,), when=DESCRIBES)
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=many_pages) as one:
        await live_through(one, fault)
        one.check_honesty()
        told = {event["subject"]: event["data"] for event in one.endings_told()}
        for name in ("ends-at-once", "ends-early", "fails", "is-cancelled", "ends-partly", "short"):
            assert told[name]["detail"] is None
            assert told[name]["detail_error"] == "AccessDenied"
        # A job that left the lists of unfinished ones cannot be asked about; at the latest the gap brings a full sweep.
        longest = 5 * EVERY if many_pages else 2 * EVERY
        assert max(delays(one).values()) < longest
        assert many_pages or all(scrape.up for scrape in meanwhile(one))
        assert all(scrape.age <= longest.total_seconds() for scrape in meanwhile(one))
        assert one.conditions() == []
        await check_recovery(one)


@SIZES
async def test_a_job_that_nobody_may_ask_about_leaves_the_sweep_incomplete_and_never_vanishes(
    tmp_path: Path, *, many_pages: bool
) -> None:
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=many_pages) as one:
        await one.until(FAULT_AT)
        one.one.simulation.faults.add(f.DENIED, DESCRIBES)
        one.one.simulation.faults.add(Hidden(job_id="aged"), LISTS)
        await one.live(FAULT_LASTS)
        one.check_honesty()
        assert not any(scrape.up for scrape in meanwhile(one))
        assert all(
            scrape.at - timedelta(seconds=scrape.age) <= FAULT_AT for scrape in meanwhile(one)
        )
        (opened,) = one.conditions()
        assert opened["data"]["error"]["code"] == "AccessDenied"
        # What the listing does show is told all the same.
        assert {"ends-early", "fails", "short"} <= {each["subject"] for each in one.endings_told()}
        one.one.simulation.faults.clear()
        await check_recovery(one)
        assert len(one.conditions()) == 2


@SIZES
async def test_a_job_that_only_describe_shows_is_followed_and_told(
    tmp_path: Path, *, many_pages: bool
) -> None:
    runs = (FAULT_AT + 8 * MINUTE - AGED.created_at).total_seconds()
    aged = job("aged", step("Active", runs, done=1.0), step("Complete"), created=AGED.created_at)
    fault = Fault(name="", says=None, acts=(Hidden(job_id="aged"),), when=LISTS)
    async with trial(tmp_path / "jobwatch.db", [*lives(), aged], many_pages=many_pages) as one:
        await live_through(one, fault)
        assert ("aged", "job.succeeded") in one.endings()
        assert one.one.simulation.cloud.count("/jobs/aged") > 10
        assert all(scrape.up for scrape in meanwhile(one))
        await check_recovery(one)


@pytest.mark.parametrize(
    ("act", "many_pages"),
    [(f.INTERNAL, False), (f.Reset(), True), (f.HTML_200, False), (f.SLOW_DOWN, True)],
    ids=["500", "reset", "html", "slow"],
)
async def test_where_describe_fails_endings_are_told_after_two_minutes(
    tmp_path: Path, act: f.Act, *, many_pages: bool
) -> None:
    fault = Fault(name="", says=None, acts=(act,), when=DESCRIBES)
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=many_pages) as one:
        calls = await live_through(one, fault)
        one.check_honesty()
        assert calls < 700
        told = {event["subject"]: event["data"] for event in one.endings_told()}
        for name in ("ends-at-once", "ends-early", "fails", "is-cancelled", "short"):
            assert told[name]["detail"] is None
            assert told[name]["detail_error"]
        assert max(delays(one).values()) < LONGEST_OPENING + EVERY
        assert all(scrape.age < 200 for scrape in meanwhile(one))
        assert one.conditions() == []
        await check_recovery(one)


@SIZES
async def test_where_the_whole_listing_fails_the_lists_of_unfinished_jobs_still_tell_endings(
    tmp_path: Path, *, many_pages: bool
) -> None:
    when = When(call="list", filtered=False)
    fault = Fault(name="", says=None, acts=(f.INTERNAL,), when=when)
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=many_pages) as one:
        assert await live_through(one, fault) < 900
        one.check_honesty()
        assert max(delays(one).values()) < 2 * EVERY
        assert all(scrape.age <= 2 * EVERY.total_seconds() for scrape in meanwhile(one))
        assert meanwhile(one)[-1].age_of_all >= FAULT_LASTS.total_seconds()
        await check_recovery(one)


@SIZES
async def test_where_the_lists_of_unfinished_jobs_fail_the_whole_listing_tells_endings(
    tmp_path: Path, *, many_pages: bool
) -> None:
    fault = Fault(name="", says=None, acts=(f.INTERNAL,), when=When(filtered=True))
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=many_pages) as one:
        assert await live_through(one, fault) < 400
        one.check_honesty()
        assert max(delays(one).values()) < 4 * EVERY
        assert all(scrape.age < 200 for scrape in meanwhile(one))
        await check_recovery(one)


@pytest.mark.parametrize(
    ("act", "when", "code", "calls"),
    [
        (BadToken(kind=Tokens.ENDLESS), When(), "token_repeated", 3000),
        (BadToken(kind=Tokens.ENDLESS_EMPTY), When(), "empty_pages", 400),
        (BadToken(kind=Tokens.REPEATED), When(), "token_repeated", 200),
        (f.TOKEN_REJECTED, When(has_token=True), "token_rejected", 600),
    ],
    ids=["endless", "endless-empty", "repeated", "rejected"],
)
async def test_a_token_that_leads_nowhere_proves_nothing_and_what_was_read_is_told(
    tmp_path: Path, act: f.Act, when: When, code: str, calls: int
) -> None:
    fault = Fault(name="", says=None, acts=(act,), when=when)
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=True) as one:
        assert await live_through(one, fault) <= calls
        one.check_honesty()
        assert not any(scrape.up for scrape in meanwhile(one))
        assert all(
            scrape.at - timedelta(seconds=scrape.age) <= FAULT_AT for scrape in meanwhile(one)
        )
        (opened,) = one.conditions()
        assert opened["data"]["error"]["class"] == "broken"
        assert opened["data"]["error"]["code"] == code
        await check_recovery(one)
        assert len(one.conditions()) == 2


@pytest.mark.parametrize("chance", [0.3, 0.9])
@pytest.mark.parametrize("act", [f.SLOW_DOWN, f.Reset()], ids=["slow-down", "reset"])
async def test_a_storm_that_lets_some_calls_through_makes_nothing_up(
    tmp_path: Path, act: f.Act, chance: float
) -> None:
    fault = Fault(name="", says=None, acts=(act,), when=When(chance=chance))
    async with trial(tmp_path / "jobwatch.db", jobs(), many_pages=True) as one:
        assert await live_through(one, fault) < 1000
        one.check_honesty()
        # Up is never said of data that is old.
        assert all(scrape.age <= 100 for scrape in one.scrapes[1:] if scrape.up)
        await check_recovery(one)
        states = [event["data"]["condition"]["state"] for event in one.conditions()]
        assert states == ["opened", "closed"] * (len(states) // 2)


@SIZES
async def test_a_status_nobody_documented_is_neither_running_nor_ended(
    tmp_path: Path, *, many_pages: bool
) -> None:
    async with trial(tmp_path / "jobwatch.db", lives(), many_pages=many_pages) as one:
        await one.until(FAULT_AT)
        one.one.simulation.world.set("going-0", one.times.true(), status="Hibernating")
        await one.live(FAULT_LASTS)
        assert all(scrape.up for scrape in meanwhile(one))
        changed = one.event("job.status_changed", "going-0")["data"]
        assert (changed["job"]["status"], changed["job"]["phase"]) == ("Hibernating", "unknown")
        assert "going-0" not in {each["subject"] for each in one.endings_told()}
        assert await one.one.value("jobwatch_unknown_status_total") >= 1
        one.one.simulation.world.set("going-0", one.times.true(), status="Complete")
        await one.live(2 * MINUTE)
        assert one.event("job.succeeded", "going-0")["data"]["previous_status"] == "Hibernating"
        assert one.conditions() == []
