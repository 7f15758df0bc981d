"""What a page of metrics says, and where that is not what was recounted."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

from tests.recount import DELAY, Key, Numbers

DURATIONS = (10, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800, 2592000)
DELAYS = (1, 2, 5, 10, 30, 60, 120, 300, 900, 3600)


@dataclass(slots=True)
class Page:
    """The samples of a page of metrics."""

    samples: dict[Key, float] = field(default_factory=dict)

    @classmethod
    def read(cls, text: str) -> "Page":
        families = text_string_to_metric_families(text)
        return cls(
            {
                (each.name, frozenset(each.labels.items())): each.value
                for family in families
                for each in family.samples
            }
        )

    def buckets(self, name: str, labels: frozenset[tuple[str, str]]) -> dict[float, float]:
        """The cumulative counts of a histogram, by upper bound."""
        return {
            float(le): value
            for (of, on), value in self.samples.items()
            if of == f"{name}_bucket" and (le := dict(on)["le"]) and on - {("le", le)} == labels
        }

    def moved(self, names: Iterable[str]) -> dict[Key, float]:
        """The samples of these names that are not 0."""
        wanted = set(names)
        return {key: value for key, value in self.samples.items() if value and key[0] in wanted}


PLAIN = (
    "jobwatch_jobs",
    "jobwatch_tasks",
    "jobwatch_jobs_in_condition",
    "jobwatch_job_oldest_status_since_timestamp_seconds",
    "jobwatch_job_transitions_total",
    "jobwatch_jobs_finished_total",
    "jobwatch_last_finished_timestamp_seconds",
    "jobwatch_tasks_finished_total",
    "jobwatch_events_total",
    "jobwatch_source_data_timestamp_seconds",
    "jobwatch_unknown_status_total",
    "jobwatch_deliveries_total",
    "jobwatch_delivery_attempts_total",
    "jobwatch_outbox_pending",
    "jobwatch_outbox_dead",
    "jobwatch_outbox_oldest_age_seconds",
)
HISTOGRAMS: Mapping[str, tuple[int, ...]] = {
    "jobwatch_job_duration_seconds": DURATIONS,
    "jobwatch_job_wait_seconds": DURATIONS,
    DELAY: DELAYS,
    "jobwatch_delivery_lag_seconds": DELAYS,
}


def differences(page: Page, numbers: Numbers, *, clocks: float = 0.0) -> list[str]:
    """Everything that a page says otherwise, one sentence each.

    `clocks` is by how many seconds the cloud's clock may differ from ours: by how much it was thought to, when an end
    was recorded, no table tells. Where it is not 0, the delays are held against a bound instead.
    """
    found = [*_plain_differences(page, numbers), *_states_differ(page, numbers)]
    for name, bounds in HISTOGRAMS.items():
        slack = clocks if name == DELAY else 0.0
        found += _histogram_differences(page, numbers, name, bounds, slack)
    return found


def _plain_differences(page: Page, numbers: Numbers) -> Iterator[str]:
    said = page.moved(PLAIN)
    wanted = {key: value for key, value in numbers.values.items() if value and key[0] in PLAIN}
    for key in sorted(said.keys() | wanted.keys(), key=str):
        if abs(said.get(key, 0.0) - wanted.get(key, 0.0)) > 1e-5:
            yield f"{_text(key)} is {said.get(key)}, not {wanted.get(key)}"


def _states_differ(page: Page, numbers: Numbers) -> Iterator[str]:
    """A receiver that nobody knows anything of is active."""
    name = "jobwatch_receiver_state"
    for key, value in page.samples.items():
        labels = dict(key[1])
        if key[0] == name:
            known = any(
                k[0] == name and dict(k[1])["receiver"] == labels["receiver"]
                for k in numbers.values
            )
            wanted = numbers.values.get(key, 0.0) if known else float(labels["state"] == "active")
            if value != wanted:
                yield f"{_text(key)} is {value}, not {wanted}"


def _histogram_differences(
    page: Page, numbers: Numbers, name: str, bounds: tuple[int, ...], slack: float
) -> Iterator[str]:
    wanted = {labels: values for (of, labels), values in numbers.observed.items() if of == name}
    shown = {labels for of, labels in page.samples if of == f"{name}_count"}
    for labels in sorted(wanted.keys() | shown, key=str):
        values = wanted.get(labels, [])
        yield from _count_and_sum(page, (name, labels), values, slack)
        if not slack:
            said = page.buckets(name, labels)
            truth = {le: float(sum(each <= le for each in values)) for le in (*bounds, math.inf)}
            if said != truth:
                yield f"{_text((name, labels))} has {said}, not {truth}"


def _count_and_sum(page: Page, key: Key, values: list[float], slack: float) -> Iterator[str]:
    name, labels = key
    count, total = (page.samples.get((f"{name}_{part}", labels), 0.0) for part in ("count", "sum"))
    if count != len(values):
        yield f"{_text(key)} was observed {count} times, not {len(values)}"
    # Documents tell times by the millisecond.
    if abs(total - sum(values)) > (0.001 + slack) * len(values):
        yield f"{_text(key)} sums up to {total}, not {sum(values)}"


def _text(key: tuple[str, frozenset[tuple[str, str]]]) -> str:
    return f"{key[0]}{dict(sorted(key[1]))}"
