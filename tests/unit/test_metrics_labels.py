"""Labels are bounded: what the page on metrics says of them is what is shown, whatever the cloud says."""

import re
from collections import Counter

from prometheus_client.parser import text_string_to_metric_families

from jobwatch.core.overview import ConditionCount, SingleJob
from jobwatch.metrics import Metrics
from jobwatch.metrics.table import BY_NAME, ROWS
from jobwatch.providers.cos_batch import LIFECYCLE, OPERATIONS
from tests.documents import metrics_page
from tests.factories import progress
from tests.overviews import census_row, overview, shape, state
from tests.scrapes import TEXT

STRANGE = {"operation": "Teleport", "status": "Dreaming"}


def example() -> Metrics:
    """The example of the page after the store was read: everything that is bounded is there, at 0."""
    names = [f"source_{number}" for number in range(metrics_page.SOURCES)]
    shapes = [
        shape(
            name,
            operations=OPERATIONS,
            statuses=LIFECYCLE.statuses,
            unfinished=LIFECYCLE.unfinished,
        )
        for name in names
    ]
    made = Metrics(shapes, [f"receiver_{number}" for number in range(metrics_page.RECEIVERS)])
    made.show(
        overview(
            sources=tuple(map(state, names)),
            census=tuple(census_row(source=name, **STRANGE) for name in names),
            conditions=tuple(ConditionCount(name, "Teleport", "stalled", 1) for name in names),
            jobs=tuple(
                SingleJob(names[0], "", str(number), **STRANGE, progress=progress(1))
                for number in range(metrics_page.LIMIT)
            ),
        )
    )
    return made


def families() -> dict[str, list[dict[str, str]]]:
    """The labels of every series in the example, by metric."""
    text = example().render(TEXT, "").body.decode()
    return {
        family.name: [each.labels for each in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_there_are_as_many_series_as_the_page_says() -> None:
    counted = {name: len(labels) for name, labels in families().items()}
    begun = {row.family for row in ROWS if row.type == "counter" or "job_id" in row.labels}
    begun |= {row.family for row in ROWS if {"state", "condition", "scope"} & {*row.labels}}
    for row in ROWS:
        told = metrics_page.series(row)
        assert counted.get(row.family, 0) <= told, row.name
        assert row.family not in begun or counted[row.family] == told, row.name
    assert len(begun) >= 20


def test_every_bounded_label_has_the_values_that_the_page_names_and_no_other() -> None:
    seen: Counter[str] = Counter()
    for family, found in families().items():
        row = BY_NAME.get(family) or BY_NAME[f"{family}_total"]
        for name in row.labels:
            words = set(re.findall(r"`([a-zA-Z0-9_.]+)`", metrics_page.label(row, name).values))
            values = {labels[name] for labels in found}
            if metrics_page.label(row, name).factor.isdecimal():
                assert values == words or row.type == "histogram", (family, name)
                seen[name] += 1
    assert {"state", "outcome", "condition", "type", "result", "scope", "kind"} <= seen.keys()


def test_strange_words_are_no_label_of_any_series() -> None:
    values = {value for found in families().values() for each in found for value in each.values()}
    assert not values & {*STRANGE.values()}
    assert {"other", "unknown"} <= values
