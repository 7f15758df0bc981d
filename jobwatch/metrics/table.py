"""Every metric, one row each: the only list of them. Names and labels are promises.

A row is either a *store* series, kept with what it counts and the same on every replica, or a
*process* series, which each replica counts for itself. To add a metric, add its row here and say in
`stored` or `process` where its values come from; a test names the rows that nobody fills.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from jobwatch.core import census

REQUESTS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LOOP_LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1)
"""Upper bounds of histogram buckets, in seconds."""

JOBS = "jobwatch_jobs"
TASKS = "jobwatch_tasks"
JOBS_IN_CONDITION = "jobwatch_jobs_in_condition"
OLDEST_STATUS = "jobwatch_job_oldest_status_since_timestamp_seconds"
SOURCE_INFO = "jobwatch_source_info"
SOURCE_UP = "jobwatch_source_up"
SOURCE_DATA = "jobwatch_source_data_timestamp_seconds"
SOURCE_INTERVAL = "jobwatch_source_interval_seconds"
SWEEP_DURATION = "jobwatch_sweep_duration_seconds"
SWEEP_PAGES = "jobwatch_sweep_pages_total"
API_REQUESTS = "jobwatch_api_requests_total"
API_DURATION = "jobwatch_api_request_duration_seconds"
API_WAIT = "jobwatch_api_rate_limit_wait_seconds_total"
DELIVERY_DURATION = "jobwatch_delivery_duration_seconds"
OUTBOX_PENDING = "jobwatch_outbox_pending"
OUTBOX_DEAD = "jobwatch_outbox_dead"
OUTBOX_OLDEST = "jobwatch_outbox_oldest_age_seconds"
RECEIVER_STATE = "jobwatch_receiver_state"
CLOCK_OFFSET = "jobwatch_source_clock_offset_seconds"
KEYS_EXPIRY = "jobwatch_credentials_expiry_timestamp_seconds"
LEASE_HELD = "jobwatch_lease_held"
STORE_CREATED = "jobwatch_store_created_timestamp_seconds"
STORE_SIZE = "jobwatch_store_size_bytes"
STORE_ERRORS = "jobwatch_store_errors_total"
LOOP_LAG = "jobwatch_event_loop_lag_seconds"
SERIES_DROPPED = "jobwatch_series_dropped_total"
BUILD_INFO = "jobwatch_build_info"
RELOAD_SUCCESSFUL = "jobwatch_config_last_reload_successful"
RELOAD_SUCCESS_AT = "jobwatch_config_last_reload_success_timestamp_seconds"
JOB_INFO = "jobwatch_job_info"
JOB_PROGRESS = "jobwatch_job_progress_ratio"
JOB_TASKS = "jobwatch_job_tasks"

_UNITS = {
    "_timestamp_seconds": "Unix time, seconds",
    "_seconds": "seconds",
    "_bytes": "bytes",
    "_ratio": "ratio, 0 to 1",
    "_info": "always 1",
}
_FLAGS = (SOURCE_UP, LEASE_HELD, RECEIVER_STATE, RELOAD_SUCCESSFUL)


class Kept(StrEnum):
    """Where a series lives, and so how several replicas' values are put together."""

    STORE = "S"
    PROCESS = "P"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One metric. `labels` stand in the order in which their values are given everywhere."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    kept: Kept
    buckets: tuple[float, ...] = ()

    @property
    def unit(self) -> str:
        """What a value measures, in words: the name says it, as conventions have it."""
        name = self.name.removesuffix("_total")
        found = (words for suffix, words in _UNITS.items() if name.endswith(suffix))
        return next(found, "0 or 1" if name in _FLAGS else "count")

    @property
    def aggregation(self) -> Literal["max", "sum"]:
        """What PromQL does with replicas' values: `max without (instance, pod)`, or `sum`."""
        return "max" if self.kept is Kept.STORE else "sum"

    @property
    def family(self) -> str:
        """The name of the metric family as OpenMetrics has it: a counter's without `_total`."""
        return self.name.removesuffix("_total") if self.type == "counter" else self.name


def _gauge(name: str, text: str, *labels: str, kept: Kept = Kept.STORE) -> Row:
    return Row(name=name, type="gauge", help=text, labels=labels, kept=kept)


def _counter(name: str, text: str, *labels: str, kept: Kept = Kept.STORE) -> Row:
    return Row(name=name, type="counter", help=text, labels=labels, kept=kept)


def _histogram(
    name: str, text: str, buckets: tuple[float, ...], *labels: str, kept: Kept = Kept.STORE
) -> Row:
    return Row(name=name, type="histogram", help=text, labels=labels, kept=kept, buckets=buckets)


_JOB_ROWS = (
    _gauge(JOBS, "Unfinished jobs.", "source", "operation", "status"),
    _gauge(
        TASKS, "Tasks of unfinished jobs, by what became of them.", "source", "operation", "state"
    ),
    _gauge(
        JOBS_IN_CONDITION,
        "Unfinished jobs for which a condition is open.",
        *("source", "operation", "condition"),
    ),
    _gauge(
        OLDEST_STATUS,
        "Since when the unfinished job longest in this status has been in it; absent if none is.",
        "source",
        "status",
    ),
    _counter(
        census.TRANSITIONS,
        "Changes of a job's status, by the new status.",
        *("source", "operation", "status"),
    ),
    _counter(
        census.FINISHED, "Jobs that ended, by how they ended.", "source", "operation", "outcome"
    ),
    _gauge(
        census.LAST_FINISHED,
        "When the latest ending was recorded; 0 = never.",
        *("source", "operation", "outcome"),
    ),
    _counter(
        census.TASKS_FINISHED,
        "Tasks of jobs that ended, counted when the job ends.",
        *("source", "operation", "result"),
    ),
    _histogram(
        census.DURATION, "From a job's creation to its end.", census.DURATIONS, "source", "outcome"
    ),
    _histogram(
        census.WAIT,
        "From a job's creation to when it was first observed running.",
        census.DURATIONS,
        "source",
    ),
    _histogram(
        census.DETECTION_DELAY,
        "From a job's end to its record here; late ones are left out.",
        census.DELAYS,
        "source",
    ),
    _counter(census.EVENTS, "Events recorded.", "source", "type"),
    _counter(
        census.UNKNOWN_STATUS,
        "Changes to a status that the provider's table does not know.",
        "source",
    ),
)

_SOURCE_ROWS = (
    _gauge(SOURCE_INFO, "What is watched; always 1.", "source", "provider", "region"),
    _gauge(
        SOURCE_UP,
        "1 if the last sweep succeeded and neither scope is overdue, else 0.",
        "source",
    ),
    _gauge(
        SOURCE_DATA,
        "Start of the last complete sweep that covers the scope; 0 = never.",
        "source",
        "scope",
    ),
    _gauge(SOURCE_INTERVAL, "How often the scope is meant to be swept.", "source", "scope"),
    _histogram(
        SWEEP_DURATION,
        "How long complete sweeps took.",
        census.DURATIONS,
        "source",
        "kind",
        kept=Kept.PROCESS,
    ),
    _counter(SWEEP_PAGES, "Pages read by sweeps.", "source", "kind", kept=Kept.PROCESS),
    _counter(
        API_REQUESTS,
        "Calls to the cloud, by how they ended.",
        *("source", "call", "result"),
        kept=Kept.PROCESS,
    ),
    _histogram(
        API_DURATION,
        "How long calls to the cloud took.",
        REQUESTS,
        "source",
        "call",
        kept=Kept.PROCESS,
    ),
    _counter(
        API_WAIT,
        "Time calls waited for our own rate limit.",
        "source",
        kept=Kept.PROCESS,
    ),
    _gauge(
        CLOCK_OFFSET,
        "How far the cloud's clock is ahead of ours; absent until an answer told.",
        "source",
        kept=Kept.PROCESS,
    ),
    _gauge(
        KEYS_EXPIRY,
        "When the keys that calls are signed with expire; absent where they do not.",
        "source",
        kept=Kept.PROCESS,
    ),
    _gauge(
        LEASE_HELD,
        "1 while this process holds the source's lease, else 0.",
        "source",
        kept=Kept.PROCESS,
    ),
)

_RECEIVER_ROWS = (
    _counter(census.DELIVERIES, "Deliveries settled, by their final state.", "receiver", "state"),
    _counter(census.ATTEMPTS, "Attempts at deliveries, by how they ended.", "receiver", "result"),
    _histogram(
        DELIVERY_DURATION,
        "How long one attempt took.",
        REQUESTS,
        "receiver",
        kept=Kept.PROCESS,
    ),
    _histogram(
        census.DELIVERY_LAG,
        "From the record of an event to its delivery.",
        census.DELAYS,
        "receiver",
    ),
    _gauge(OUTBOX_PENDING, "Deliveries not settled yet.", "receiver"),
    _gauge(OUTBOX_DEAD, "Deliveries given up, kept and redeliverable.", "receiver"),
    _gauge(OUTBOX_OLDEST, "Age of the oldest pending delivery; 0 if none.", "receiver"),
    _gauge(
        RECEIVER_STATE,
        "1 for the state in which the receiver is, 0 for the others.",
        "receiver",
        "state",
    ),
)

_PROGRAM_ROWS = (
    _gauge(STORE_CREATED, "When the store was created."),
    _gauge(STORE_SIZE, "Size of the store."),
    _counter(STORE_ERRORS, "Uses of the store that failed.", kept=Kept.PROCESS),
    _histogram(
        LOOP_LAG,
        "How much later than asked the event loop came back.",
        LOOP_LAGS,
        kept=Kept.PROCESS,
    ),
    _counter(
        SERIES_DROPPED,
        "Jobs left without series of their own for want of room, counted anew at each refresh "
        "of the store series; of those that just ended no more than the limit are counted.",
        "reason",
        kept=Kept.PROCESS,
    ),
    _gauge(RELOAD_SUCCESSFUL, "0 while a newer configuration is refused.", kept=Kept.PROCESS),
    _gauge(RELOAD_SUCCESS_AT, "When the configuration that holds was read.", kept=Kept.PROCESS),
    _gauge(BUILD_INFO, "What is running; always 1.", "version", "python", kept=Kept.PROCESS),
)

_SINGLE_JOB_ROWS = (
    _gauge(
        JOB_INFO,
        "One unfinished or just ended job; always 1. The outcome is empty until it ended.",
        *("source", "scope", "job_id", "operation", "status", "outcome"),
    ),
    _gauge(
        JOB_PROGRESS,
        "Finished tasks of all tasks of one job; absent while none is finished or counted.",
        *("source", "scope", "job_id"),
    ),
    _gauge(
        JOB_TASKS,
        "Tasks of one job, by what became of them; absent where the cloud counts none.",
        *("source", "scope", "job_id", "state"),
    ),
)

ROWS = (*_JOB_ROWS, *_SOURCE_ROWS, *_RECEIVER_ROWS, *_PROGRAM_ROWS, *_SINGLE_JOB_ROWS)
BY_NAME = {row.name: row for row in ROWS}
