"""What DescribeJob said once is not asked for again."""

from pathlib import Path

from jobwatch.core.model import FailureReason, JobKey
from tests.integration.watching_rig import Calls, large_account, running
from tests.rig import Clock, job, step

WHY = FailureReason(code="ManifestUnreadable", message="no access")


async def test_an_ending_that_a_hot_sweep_found_is_told_with_its_reasons_after_one_call(
    clock: Clock, path: Path
) -> None:
    fails = job("fails", step("Active", 40, done=1.0), step("Failed"), failures=(WHY,))
    async with large_account([fails, *running(3)], clock, path) as one:
        clock.advance(33)
        calls = Calls(one)
        await one.poll()
        clock.advance(33)
        await one.poll()
        await one.deliver()  # the detailer has nothing to do with it
        event = one.event("job.failed", "fails")
        assert event["data"]["detail"]["failures"] == [
            {"code": "ManifestUnreadable", "message": "no access"}
        ]
        assert len(calls.described) == 1
        row = await one.store.job("prod", JobKey("", "fails"))
        assert row is not None
        assert row.detail == event["data"]["detail"]
        await one.details()
        assert len(calls.described) == 1
