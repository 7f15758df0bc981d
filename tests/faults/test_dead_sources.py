"""Twenty minutes without an answer, in every way there is: nothing false is told, and afterwards nothing is missing."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.jobs import FAULT_AT, FAULT_LASTS, IN_TIME, LATE, lives
from tests.faults.table import FAULTS, Fault
from tests.faults.trial import Trial, trial
from tests.rig import EVERY

FIRST_FAILURES = 3 * EVERY
"""How long a sweep and its tries may take to fail for the first time."""


def _one_of_each(faults: list[Fault]) -> list[Fault]:
    """The first fault of every class of errors, and all that break nothing."""
    first = {fault.says[0] if fault.says else fault.name: fault for fault in reversed(faults)}
    return [fault for fault in faults if fault in first.values()]


CASES = [
    *(pytest.param(fault, False, id=f"{fault}, one page") for fault in FAULTS),
    *(pytest.param(fault, True, id=f"{fault}, many pages") for fault in _one_of_each(FAULTS)),
]
"""With many pages a source is swept hot and full; all faults were seen to do the same to both."""


@pytest.mark.parametrize(("fault", "many_pages"), CASES)
async def test_a_fault_makes_nothing_up_and_loses_nothing(
    tmp_path: Path,
    fault: Fault,
    many_pages: bool,  # noqa: FBT001  a parameter of the table
) -> None:
    async with trial(tmp_path / "jobwatch.db", lives(), many_pages=many_pages) as one:
        await one.until(FAULT_AT)
        one.check_witnessed()
        before = one.transport.sent
        async with fault.on(one):
            await one.live(FAULT_LASTS)
            calls = one.transport.sent - before
            await check_under_the_fault(one, fault)
        assert calls <= fault.calls
        await one.live(fault.recovery)
        await check_recovered(one, fault)
        await one.until(FAULT_AT + FAULT_LASTS + timedelta(minutes=12))
        one.check_witnessed()
        check_told(one, broken=fault.says is not None)


async def check_under_the_fault(one: Trial, fault: Fault) -> None:
    """What is told, shown and scraped while the fault lasts, at its end."""
    one.check_honesty()
    state = await one.state()
    if fault.says is None:
        assert one.conditions() == []
        assert all(scrape.up and scrape.age <= 100 for scrape in one.scrapes[1:])
        return
    assert state.last_error is not None
    assert (state.last_error.error_class, state.last_error.code) == fault.says
    for scrape in one.since(FAULT_AT + FIRST_FAILURES):
        assert not scrape.up
        # The data is as old as the fault at least: it stands still.
        assert scrape.at - timedelta(seconds=scrape.age) <= FAULT_AT
        assert scrape.at - timedelta(seconds=scrape.age_of_all) <= FAULT_AT
    (opened,) = one.conditions()
    assert opened["data"]["condition"]["state"] == "opened"
    assert opened["data"]["severity"] == "critical"
    assert (opened["data"]["error"]["class"], opened["data"]["error"]["code"]) == fault.says


async def check_recovered(one: Trial, fault: Fault) -> None:
    """After the fault everything is as if it had not been, without anybody's help."""
    one.check_witnessed()
    assert one.scrapes[-1].up
    assert one.scrapes[-1].age <= 100
    assert (await one.state()).failures == 0
    states = [event["data"]["condition"]["state"] for event in one.conditions()]
    assert states == (["opened", "closed"] if fault.says else [])


def check_told(one: Trial, *, broken: bool) -> None:
    """Which endings are late, and which changes were told beside the endings."""
    late = {event["subject"] for event in one.endings_told() if event["data"]["late"]}
    if not broken:
        assert late == set()
        return
    assert late >= LATE
    assert not late & IN_TIME
    others = [(event["type"], event["subject"]) for event in one.changes_told()]
    # Nobody saw `short` before its end; the stages of `moves` and `begun` in between were skipped.
    assert sorted(others) == [("job.discovered", "begun"), ("job.status_changed", "moves")]
