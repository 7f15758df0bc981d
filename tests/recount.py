"""What the store series must say, counted anew from what the tables of a store hold.

Nothing here knows how jobwatch counts: rows in, numbers out, by the words of the documentation. It holds for a store
of which nothing was forgotten.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from tests.history import History, Row

Key = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name, and its labels."""

MICRO = 1e6
TOLD = {"discovered", "status_changed", "ended", "outcome_changed", "reopened", "vanished"}
ENDS = {"ended", "vanished"}
OPEN = {"pending", "claimed"}
RULES = {"stalled", "stuck", "waiting", "overdue", "failing"}
DELAY = "jobwatch_detection_delay_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the statuses of a cloud mean, and which operations it has."""

    statuses: frozenset[str]
    works: frozenset[str]
    ends: frozenset[str]
    operations: frozenset[str]

    def status(self, word: str) -> str:
        return word if word in self.statuses else "unknown"

    def operation(self, word: str) -> str:
        return word if word in self.operations else "other"


@dataclass(slots=True)
class Numbers:
    """Samples by name and labels; of a histogram what was observed."""

    values: dict[Key, float] = field(default_factory=lambda: defaultdict(float))
    observed: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))

    def count(self, name: str, **labels: str) -> None:
        self.add(name, 1.0, **labels)

    def add(self, name: str, amount: float, **labels: str) -> None:
        self.values[name, frozenset(labels.items())] += amount

    def least(self, name: str, value: float, **labels: str) -> None:
        key = (name, frozenset(labels.items()))
        self.values[key] = min(value, self.values.get(key, value))

    def most(self, name: str, value: float, **labels: str) -> None:
        key = (name, frozenset(labels.items()))
        self.values[key] = max(value, self.values.get(key, value))

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        self.observed[name, frozenset(labels.items())].append(max(0.0, seconds))


def recount(history: History, words: Words, now: datetime) -> Numbers:
    """Everything that can be said from the history alone."""
    numbers = Numbers()
    _jobs(numbers, history, words)
    _lives(numbers, history, words)
    _events_and_conditions(numbers, history, words)
    _deliveries(numbers, history)
    _outbox(numbers, history, now.timestamp())
    for row in history["sources"]:
        for scope in ("unfinished", "all"):
            at = row[f"{scope}_data_at"] or 0
            numbers.add(
                "jobwatch_source_data_timestamp_seconds",
                at / MICRO,
                source=row["name"],
                scope=scope,
            )
    return numbers


def _jobs(numbers: Numbers, history: History, words: Words) -> None:
    for row in history["jobs"]:
        if row["outcome"] is not None:
            continue
        source, status = history.source_names[row["source_id"]], words.status(row["status"])
        where = {"source": source, "operation": words.operation(row["operation"])}
        numbers.count("jobwatch_jobs", **where, status=status)
        numbers.least(
            "jobwatch_job_oldest_status_since_timestamp_seconds",
            row["status_since"] / MICRO,
            source=source,
            status=status,
        )
        total, succeeded, failed = (row[name] or 0 for name in ("total", "succeeded", "failed"))
        remaining = max(0, total - succeeded - failed)
        for state, tasks in (
            ("succeeded", succeeded),
            ("failed", failed),
            ("remaining", remaining),
        ):
            numbers.add("jobwatch_tasks", tasks, **where, state=state)


@dataclass(slots=True)
class _Life:
    """What is known of a job before a change of it."""

    counted: bool = False
    started: bool = False


def _lives(numbers: Numbers, history: History, words: Words) -> None:
    bodies, recorded = history.bodies, {row["id"]: row["recorded_at"] for row in history["events"]}
    lives = history.lives()
    silent = {
        (row["source_id"], row["scope"], row["job_id"]) for row in history["jobs"] if row["history"]
    }
    for name, rows in lives.items():
        first = rows[0]
        # What was there before anybody was told is in the first change that was.
        assert (first["status_before"] is not None) == (name in silent), (
            f"{name} is history, or not"
        )
        before = first["status_before"]
        life = _Life(counted=before in words.ends, started=before in words.works)
        for row in rows:
            if row["kind"] in TOLD:
                told = bodies[row["event_id"]]["job"]
                where = {
                    "source": history.source_names[row["source_id"]],
                    "operation": words.operation(told["operation"]),
                }
                _moved(numbers, row, told, where, life, words)
                _ended(numbers, row, told, where, life, recorded[row["event_id"]])
                life.counted |= row["kind"] in ENDS or row["status_after"] in words.ends


def _moved(
    numbers: Numbers, row: Row, told: Row, where: dict[str, str], life: _Life, words: Words
) -> None:
    status = words.status(row["status_after"])
    if row["status_before"] != row["status_after"]:
        numbers.count("jobwatch_job_transitions_total", **where, status=status)
        if status == "unknown":
            numbers.count("jobwatch_unknown_status_total", source=where["source"])
    if row["status_after"] in words.works and not life.started:
        life.started = True
        if told["created_at"]:
            waited = row["observed_at"] / MICRO - _seconds(told["created_at"])
            numbers.observe("jobwatch_job_wait_seconds", waited, source=where["source"])


def _ended(
    numbers: Numbers, row: Row, told: Row, where: dict[str, str], life: _Life, recorded_at: int
) -> None:
    if row["kind"] not in ENDS or life.counted:
        return
    source, outcome, at = where["source"], row["outcome"], recorded_at / MICRO
    numbers.count("jobwatch_jobs_finished_total", **where, outcome=outcome)
    numbers.most("jobwatch_last_finished_timestamp_seconds", at, **where, outcome=outcome)
    for result in ("succeeded", "failed"):
        tasks = (told["progress"] or {}).get(result, 0)
        numbers.add("jobwatch_tasks_finished_total", tasks, **where, result=result)
    if told["ended_at"] is None:
        return
    if told["duration_seconds"] is not None:
        numbers.observe(
            "jobwatch_job_duration_seconds",
            told["duration_seconds"],
            source=source,
            outcome=outcome,
        )
    if not row["late"]:
        numbers.observe(DELAY, at - _seconds(told["ended_at"]), source=source)


def _events_and_conditions(numbers: Numbers, history: History, words: Words) -> None:
    names = history.source_names
    operations = {
        (row["source_id"], row["scope"], row["job_id"]): words.operation(row["operation"])
        for row in history["jobs"]
    }
    for row in history["events"]:
        if row["source_id"] in names:
            numbers.count("jobwatch_events_total", source=names[row["source_id"]], type=row["type"])
    for row in history["conditions"]:
        job = (row["source_id"], row["scope"], row["job_id"])
        if row["closed_at"] is None and row["name"] in RULES:
            numbers.count(
                "jobwatch_jobs_in_condition",
                source=names[row["source_id"]],
                operation=operations[job],
                condition=row["name"],
            )


def _deliveries(numbers: Numbers, history: History) -> None:
    for row in history.settled():
        numbers.count("jobwatch_deliveries_total", receiver=row["receiver"], state=row["state"])
        if row["state"] == "delivered":
            lag = (row["settled_at"] - row["created_at"]) / MICRO
            numbers.observe("jobwatch_delivery_lag_seconds", lag, receiver=row["receiver"])
    receiver_of = {row["id"]: row["receiver"] for row in history["deliveries"]}
    for row in history["attempts"]:
        numbers.count(
            "jobwatch_delivery_attempts_total",
            receiver=receiver_of[row["delivery_id"]],
            result=row["result"],
        )


def _outbox(numbers: Numbers, history: History, now: float) -> None:
    for row in history["deliveries"]:
        receiver, waits = row["receiver"], row["state"] in OPEN
        numbers.add("jobwatch_outbox_pending", float(waits), receiver=receiver)
        numbers.add("jobwatch_outbox_dead", float(row["state"] == "dead"), receiver=receiver)
        if waits:
            age = now - (row["renewed_at"] or row["created_at"]) / MICRO
            numbers.most("jobwatch_outbox_oldest_age_seconds", max(0.0, age), receiver=receiver)
    for row in history["receivers"]:
        numbers.count("jobwatch_receiver_state", receiver=row["name"], state=row["state"])


def _seconds(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
