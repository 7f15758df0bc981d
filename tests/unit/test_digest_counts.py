"""What a digest counts and shows of its members."""

from jobwatch.core.digest import KINDS, sample, tallied
from jobwatch.core.events import Count, EventType, Severity

FAILED, STUCK = EventType.FAILED, EventType.STUCK
CRITICAL, WARNING = Severity.CRITICAL, Severity.WARNING


def kind(
    source: str, count: int, type_: EventType = FAILED, severity: Severity = CRITICAL
) -> Count:
    return Count(
        source=source, type=type_, severity=severity, count=count, tasks=10, tasks_failed=4
    )


def test_the_largest_kinds_come_first_and_equal_ones_by_type_then_source() -> None:
    few, b, a, stuck = kind("a", 1), kind("b", 2), kind("a", 2), kind("a", 2, STUCK, WARNING)
    assert tallied([few, stuck, b, a]) == (a, b, stuck, few)


def test_what_is_beyond_fifty_kinds_is_put_together_by_type_and_severity() -> None:
    large = [kind(f"s{number:02}", 100) for number in range(KINDS)]
    small = [kind("x", 3), kind("y", 2), kind("x", 1, STUCK, WARNING), kind("z", 1)]
    found = tallied([*small, *large])
    assert found[:KINDS] == tuple(large)
    assert found[KINDS:] == (
        Count(source="", type=FAILED, severity=CRITICAL, count=6, tasks=30, tasks_failed=12),
        Count(source="", type=STUCK, severity=WARNING, count=1, tasks=10, tasks_failed=4),
    )


def test_a_sample_is_an_event_without_what_only_machines_read() -> None:
    document = {
        "specversion": "1.0",
        "id": "evt_1",
        "type": "job.failed",
        "subject": "job-1",
        "data": {
            "source": "prod",
            "labels": {"team": "data"},
            "job": {"id": "job-1"},
            "detail": {"status_reason": "why", "role": "who", "failures": []},
        },
    }
    assert sample(document) == {
        "id": "evt_1",
        "type": "job.failed",
        "subject": "job-1",
        "data": {
            "source": "prod",
            "job": {"id": "job-1"},
            "detail": {"status_reason": "why", "failures": []},
        },
    }


def test_a_sample_of_an_odd_document_is_made_all_the_same() -> None:
    assert sample({"id": "evt_1", "data": "odd"}) == {"id": "evt_1", "data": {}}
    assert sample({"id": "evt_1", "data": {"detail": None}})["data"] == {"detail": None}
