"""Who must be reminded that the output of a job expires: once, in time, and only where there is output."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from jobwatch.simulator.script import ends_at, state_at
from tests.truth.calm import calm, overlap
from tests.truth.expected import Truth
from tests.truth.lives import MINUTE, SECOND, Life
from tests.truth.told import Told

EXPIRING = "job.output_expiring"
GIVING = frozenset({"ArchiveRetrieval", "InventoryRetrieval"})
LIVES_FOR = timedelta(hours=24)
MARGIN = MINUTE * 4
"""How long all must be well for a reminder that is due to be sure."""


def expiring_faults(truth: Truth, life: Life, told: list[Told]) -> Iterator[str]:
    """Every reminder that should not be, or is not there."""
    gives = life.script.operation in GIVING
    for each in told:
        expires = gives and each.status == "Succeeded"
        if expires != (each.expires_at is not None):
            yield f"{each.type} says that its output expires at {each.expires_at}"
    yield from _reminders(truth, life, told)


def _reminders(truth: Truth, life: Life, told: list[Told]) -> Iterator[str]:
    reminders = [each for each in told if each.type == EXPIRING]
    before, ends = truth.plan.rules.expiring_before, _good_ends(truth, life)
    if reminders and (before is None or life.script.operation not in GIVING or not ends):
        yield "was told to expire, and there is nothing that does"
        return
    if len(reminders) > 1:
        yield f"was told to expire {len(reminders)} times"
    if before is None or life.script.operation not in GIVING or not ends:
        return
    slack = sum((abs(by) for _, by in truth.plan.steps), SECOND * 5)
    for each in reminders:
        if not any(
            end + LIVES_FOR - before - slack <= each.until and each.since <= end + LIVES_FOR + slack
            for end in ends
        ):
            yield f"was told to expire at {each.until}, and ended at {ends}"
    if not reminders and len(ends) == 1 and _surely_due(truth, life, ends[0], before):
        yield f"was not told to expire, and ended at {ends[0]}"


def _good_ends(truth: Truth, life: Life) -> list[datetime]:
    """The times at which it succeeded."""
    over, close = ends_at(life.script), truth.log.closed_at
    state = state_at(life.script, close)
    ends = [over] if over and state and state.status == "Succeeded" else []
    ends += [act.at for act in life.acts if act.status == "Succeeded" and act.at < close]
    return ends


def _surely_due(truth: Truth, life: Life, end: datetime, before: timedelta) -> bool:
    """Whether its end was known, and there was calm enough while it was due."""
    seen_at, baselined_at = truth.log.served.sure.get((life.key, True)), truth.log.baselined_at
    if seen_at is None or baselined_at is None or life.acts:
        return False
    due = max(seen_at, baselined_at, end + LIVES_FOR - before)
    until = min(end + LIVES_FOR, truth.log.closed_at)
    # No vault has to be read for that: what is known is enough.
    return overlap(calm(truth.plan, "", truth.log.closed_at), due, until) > MARGIN
