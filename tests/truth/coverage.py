"""What was asked of each vault, held against what a sweep says that it covered."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from jobwatch.core.model import JobKey
from jobwatch.simulator.answers import Question
from tests.truth.lives import START
from tests.truth.trouble import Plan

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True, kw_only=True)
class Coverage:
    """When each vault's lists were last read to their end, and which jobs were asked about. Times are the cloud's.

    `misled_at` is when the list of vaults was last answered wrongly: what it lacks nobody can miss. `refused_at` is when
    a status was last refused as a filter: the sweep under way asks about each known job instead of any list.
    """

    plan: Plan
    whole: dict[str, datetime] = field(default_factory=dict)
    any: dict[str, datetime] = field(default_factory=dict)
    described: list[tuple[JobKey, datetime]] = field(default_factory=list)
    misled_at: datetime = START - timedelta(days=1)
    refused_at: datetime = START - timedelta(days=1)
    faults: list[str] = field(default_factory=list)
    _said: tuple[datetime | None, datetime | None] = (None, None)

    def note(self, question: Question, now: datetime, *, bent: bool, ended: bool) -> None:
        """Note an answer that says something; `ended` where nothing follows a page."""
        vault = question.vault or ""
        if question.call == "describe":
            self.described.append((JobKey(vault, question.job_id), now))
        elif question.call == "vaults":
            self.misled_at = now if bent else self.misled_at
        elif ended:
            self.any[vault] = now
            if question.status is None:
                self.whole[vault] = now

    def claim(self, whole: int | None, unfinished: int | None, wrong: timedelta) -> None:
        """Take what the store says of the age of its data, by our clock, which is `wrong` by so much."""
        everything, hot = _by_cloud(whole, wrong), _by_cloud(unfinished, wrong)
        before, self._said = self._said, (everything, hot)
        if not self.plan.steady or everything is None or self.misled_at > everything:
            return
        if everything != before[0]:
            self._missed("all jobs", everything, self.whole, everything)
        if hot is not None and hot != before[1] and self.refused_at < hot:
            self._missed("unfinished jobs", hot, self.any, everything)

    def _missed(
        self, what: str, since: datetime, asked: dict[str, datetime], there_since: datetime
    ) -> None:
        for vault in self.plan.vaults:
            there = not any(
                gone.begin > there_since or gone.end is None or gone.end > there_since
                for gone in vault.gone
            )
            if vault.watched and there and asked.get(vault.name, START) < since:
                self.faults.append(
                    f"data on {what} is of {since}, and {vault.name} was not read to its end"
                )


def _by_cloud(micros: int | None, wrong: timedelta) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros) - wrong
