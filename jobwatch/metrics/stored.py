"""The store series: what the last `Overview` says, as metric families. Never a query.

Counters that never moved are shown at 0, but only once the store was read: a counter that starts at
0 and then jumps to its stored value would look like a burst to `rate()`. Gauges of unfinished jobs
are shown at 0 after the first complete sweep: before it, nobody knows that there are none.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, product

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobwatch.core import census
from jobwatch.core.breaker import ReceiverState
from jobwatch.core.events import OF_JOBWATCH, EventType
from jobwatch.core.lifecycle import UNKNOWN
from jobwatch.core.model import Outcome
from jobwatch.core.outbox import SETTLED, Result
from jobwatch.core.overview import CensusRow, ConditionCount, Overview, SingleJob, SourceState
from jobwatch.core.rules import JOB_CONDITIONS
from jobwatch.metrics import table
from jobwatch.metrics.families import Labels, family
from jobwatch.metrics.freshness import Scope, SourceShape, data_at, is_up
from jobwatch.metrics.table import Row

TASK_STATES = ("succeeded", "failed", "remaining")
OF_SOURCES = tuple(each.value for each in EventType if each not in OF_JOBWATCH)
"""Types that a source may bring: what jobwatch says of itself is about none."""

CONDITIONS = tuple(name.value for name in JOB_CONDITIONS)

OVERTAKEN = timedelta(seconds=30)
"""An overview that is older than the one shown by less than this was overtaken; by more, the clock was set back."""

LONGEST = 256
"""Characters of a job's id and scope in a label: no vendor's are longer, and whose are is no vendor."""

Values = dict[str, dict[Labels, float]]
"""Metric name to label values to value."""


class StoredCollector(Collector):
    """Gives prometheus_client the families of the store series, in any thread."""

    def __init__(
        self,
        sources: Sequence[SourceShape],
        receivers: Sequence[str],
        monotonic: Callable[[], float],
    ) -> None:
        self._monotonic = monotonic
        self._shown: tuple[Overview, float] | None = None
        self._bounds = _bounds(sources, receivers)

    def bound(self, sources: Sequence[SourceShape], receivers: Sequence[str]) -> None:
        """Show these sources and receivers from now on, and no others."""
        self._bounds = _bounds(sources, receivers)

    def show(self, overview: Overview) -> None:
        """Take a newer overview; its ages grow from here on.

        Of two readers one may overtake the other: counters that go back for a moment would look like a burst.
        """
        if self._shown is not None and timedelta() < self._shown[0].now - overview.now < OVERTAKEN:
            return
        self._shown = (overview, self._monotonic())

    def last(self, within: timedelta) -> Overview | None:
        """The overview shown last; None where it was shown longer ago than that, or never."""
        if self._shown is None or self._monotonic() - self._shown[1] > within.total_seconds():
            return None
        return self._shown[0]

    def collect(self) -> Iterator[Metric]:
        """Give every family that has a value."""
        shown, bounds = self._shown, self._bounds
        if shown is None:
            values = bounds.configured()
        else:
            overview, at = shown
            now = overview.now + timedelta(seconds=max(0.0, self._monotonic() - at))
            values = bounds.read(overview, now)
        for row in table.ROWS:
            if values.get(row.name):
                yield family(row, values[row.name])


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What is configured: it bounds the labels. One value, so that a scrape in another thread sees one configuration."""

    sources: Mapping[str, SourceShape]
    receivers: tuple[str, ...]
    zeros: Values

    def configured(self) -> Values:
        """What is known without a store."""
        values: Values = defaultdict(dict)
        for name, shape in self.sources.items():
            values[table.SOURCE_INFO][name, shape.provider, shape.region] = 1.0
            values[table.SOURCE_UP][name,] = 0.0
            for scope in Scope:
                interval = shape.interval(scope).total_seconds()
                values[table.SOURCE_INTERVAL][name, scope.value] = interval
        return values

    def read(self, overview: Overview, now: datetime) -> Values:
        """Everything, as it is at a moment."""
        values = self.configured()
        for name, zeros in self.zeros.items():
            values[name] = dict(zeros)
        self._read_series(overview, values)
        self._read_sources(overview, values, now)
        self._read_census(overview.census, values)
        self._read_conditions(overview.conditions, values)
        self._read_outbox(overview, values, now)
        self._read_jobs(overview.jobs, values)
        values[table.STORE_CREATED][()] = overview.created_at.timestamp()
        values[table.STORE_SIZE][()] = float(overview.size_bytes)
        return values

    def _read_series(self, overview: Overview, values: Values) -> None:
        for subject, series, value in overview.series:
            row = table.BY_NAME.get(series.name)
            if row is not None and subject in self._subjects(row):
                values[row.name][subject, *series.labels] = value

    def _subjects(self, row: Row) -> Iterable[str]:
        """The names a stored series may be about; what is no longer configured is not shown."""
        return self.sources if row.labels[0] == "source" else self.receivers

    def _read_sources(self, overview: Overview, values: Values, now: datetime) -> None:
        states = {state.identity.name: state for state in overview.sources}
        for name, shape in self.sources.items():
            state = states.get(name)
            values[table.SOURCE_UP][name,] = float(is_up(state, shape, now))
            for scope in Scope:
                values[table.SOURCE_DATA][name, scope.value] = _data_stamp(state, scope)
            if state is not None and state.unfinished_data_at is not None:
                _fill_gauges(shape, values)

    def _read_census(self, rows: Iterable[CensusRow], values: Values) -> None:
        for row in rows:
            shape = self.sources.get(row.source)
            if shape is not None:
                _count(row, shape, values)

    def _read_conditions(self, counts: Iterable[ConditionCount], values: Values) -> None:
        for source, operation, condition, jobs in counts:
            shape = self.sources.get(source)
            if shape is not None and condition in CONDITIONS:
                bounded = _bounded(operation, shape)
                _add(values[table.JOBS_IN_CONDITION], (source, bounded, condition), jobs)

    def _read_jobs(self, jobs: Iterable[SingleJob], values: Values) -> None:
        names = set()
        for job in jobs:
            shape, name = self.sources.get(job.source), (job.source, *map(_plain, job[1:3]))
            # Two names that are one once they are cut would be one series twice.
            if shape is not None and name not in names:
                names.add(name)
                _show_job(job, name, shape, values)

    def _read_outbox(self, overview: Overview, values: Values, now: datetime) -> None:
        for depth in overview.outbox:
            if depth.receiver in self.receivers:
                key = (depth.receiver,)
                values[table.OUTBOX_PENDING][key] = float(depth.pending)
                values[table.OUTBOX_DEAD][key] = float(depth.dead)
                if depth.oldest_at is not None:
                    age = (now - depth.oldest_at).total_seconds()
                    values[table.OUTBOX_OLDEST][key] = max(0.0, age)
        for name in self.receivers:
            state = overview.receivers.get(name, ReceiverState.ACTIVE)
            values[table.RECEIVER_STATE][name, state.value] = 1.0


def _bounds(sources: Sequence[SourceShape], receivers: Sequence[str]) -> _Bounds:
    shapes = {shape.name: shape for shape in sources}
    return _Bounds(shapes, tuple(receivers), _zeros(sources, receivers))


def _zeros(sources: Sequence[SourceShape], receivers: Sequence[str]) -> Values:
    zeros: Values = {table.OUTBOX_PENDING: {}, table.OUTBOX_DEAD: {}, table.OUTBOX_OLDEST: {}}
    labels: Iterable[tuple[str, Iterable[Labels]]] = chain(
        *(_source_labels(shape) for shape in sources), _receiver_labels(receivers)
    )
    for name, combinations in labels:
        zeros.setdefault(name, {}).update(dict.fromkeys(combinations, 0.0))
    return zeros


def _source_labels(shape: SourceShape) -> Iterator[tuple[str, Iterable[Labels]]]:
    name, operations = (shape.name,), (*shape.operations, census.OTHER)
    outcomes = tuple(outcome.value for outcome in Outcome)
    yield census.TRANSITIONS, product(name, operations, (*shape.statuses, UNKNOWN))
    yield census.FINISHED, product(name, operations, outcomes)
    yield census.LAST_FINISHED, product(name, operations, outcomes)
    yield census.TASKS_FINISHED, product(name, operations, ("succeeded", "failed"))
    yield census.EVENTS, product(name, OF_SOURCES)
    yield census.UNKNOWN_STATUS, product(name)


def _receiver_labels(receivers: Sequence[str]) -> Iterator[tuple[str, Iterable[Labels]]]:
    yield census.DELIVERIES, product(receivers, (state.value for state in SETTLED))
    yield census.ATTEMPTS, product(receivers, (result.value for result in Result))
    yield table.RECEIVER_STATE, product(receivers, (state.value for state in ReceiverState))
    for name in (table.OUTBOX_PENDING, table.OUTBOX_DEAD, table.OUTBOX_OLDEST):
        yield name, product(receivers)


def _fill_gauges(shape: SourceShape, values: Values) -> None:
    name, operations = (shape.name,), (*shape.operations, census.OTHER)
    if shape.unfinished:
        jobs = product(name, operations, (*shape.unfinished, UNKNOWN))
        values[table.JOBS].update(dict.fromkeys(jobs, 0.0))
    values[table.TASKS].update(dict.fromkeys(product(name, operations, TASK_STATES), 0.0))
    conditions = product(name, operations, CONDITIONS)
    values[table.JOBS_IN_CONDITION].update(dict.fromkeys(conditions, 0.0))


def _count(row: CensusRow, shape: SourceShape, values: Values) -> None:
    """Add one row of the census; operations and statuses outside the tables are put together."""
    operation = _bounded(row.operation, shape)
    status = row.status if row.status in shape.statuses else UNKNOWN
    _add(values[table.JOBS], (row.source, operation, status), row.jobs)
    for state, tasks in zip(TASK_STATES, (row.succeeded, row.failed, row.remaining), strict=True):
        _add(values[table.TASKS], (row.source, operation, state), tasks)
    if row.oldest_status_since is not None:
        since, oldest = row.oldest_status_since.timestamp(), values[table.OLDEST_STATUS]
        key = (row.source, status)
        oldest[key] = min(since, oldest.get(key, since))


def _show_job(job: SingleJob, name: Labels, shape: SourceShape, values: Values) -> None:
    status = job.status if job.status in shape.statuses else UNKNOWN
    info = (*name, _bounded(job.operation, shape), status, job.outcome or "")
    values[table.JOB_INFO][info] = 1.0
    done = job.progress
    if done is not None:
        tasks = (done.succeeded, done.failed, done.remaining)
        for state, count in zip(TASK_STATES, tasks, strict=True):
            values[table.JOB_TASKS][*name, state] = float(count)
        if done.finished_ratio is not None:
            values[table.JOB_PROGRESS][name] = done.finished_ratio


def _plain(text: str) -> str:
    """A text from the cloud as a label: cut, and without what would forge or hide a part of the page."""
    text = text[:LONGEST]
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else "\ufffd" for each in text)


def _bounded(operation: str, shape: SourceShape) -> str:
    return operation if operation in shape.operations else census.OTHER


def _add(series: dict[Labels, float], key: Labels, value: float) -> None:
    series[key] = series.get(key, 0.0) + value


def _data_stamp(state: SourceState | None, scope: Scope) -> float:
    at = data_at(state, scope) if state is not None else None
    return at.timestamp() if at is not None else 0.0
