"""The jobs of an account in which much happens while nobody can look."""

from datetime import datetime, timedelta
from typing import Any

from jobwatch.core.model import FailureReason
from jobwatch.simulator.script import JobScript, Step
from tests.rig import START, job, step

FAULT_AT = START + timedelta(minutes=2)
FAULT_LASTS = timedelta(minutes=20)
FAULT_ENDS = FAULT_AT + FAULT_LASTS
UNREADABLE = FailureReason(code="ManifestUnreadable", message="the manifest cannot be read")
FOREVER = 90_000.0
RUNNING = 9
TASKS = 1_000_000
"""So many that progress is seen in every sweep: none of these jobs ever stalls."""


def lives() -> list[JobScript]:
    """Jobs that end before, within and after the fault, that begin within it, and that nothing happens to."""
    return [
        _job("history", START - timedelta(hours=3), _active(600), step("Complete")),
        _job("ends-before", START, _active(70), step("Complete")),
        _until("ends-at-once", 4, step("Complete")),
        _until("ends-early", 300, step("Complete")),
        _until("fails", 600, step("Failed"), failures=(UNREADABLE,)),
        _until("is-cancelled", 700, step("Cancelled")),
        _until("ends-partly", 900, step("Complete"), failing=0.6),
        _until("ends-last", 1195, step("Complete")),
        _until("ends-after", FAULT_LASTS.total_seconds() + 400, step("Complete")),
        # Began and ended while nobody looked: only the listing of all jobs ever shows it.
        _job("short", _in(200), step("Preparing", 20), _active(200), step("Complete")),
        _job("begun", _in(400), step("Preparing", 20), _active(FOREVER)),
        _job("moves", START, step("Preparing", 620), step("Ready", 10), _active(FOREVER)),
        *(_job(f"going-{n}", START, _active(FOREVER)) for n in range(RUNNING)),
    ]


LATE = {"ends-early", "fails", "is-cancelled", "ends-partly", "short"}
"""Ended long before anybody could look again."""
IN_TIME = {"ends-before", "ends-after"}


def _in(seconds: float) -> datetime:
    return FAULT_AT + timedelta(seconds=seconds)


def _active(seconds: float, failing: float = 0.0) -> Step:
    return step("Active", seconds, done=1.0, failing=failing)


def _job(name: str, created: datetime, *steps: Step, **more: Any) -> JobScript:
    return job(name, *steps, created=created, total=TASKS, **more)


def _until(name: str, seconds: float, ending: Step, failing: float = 0.0, **more: Any) -> JobScript:
    """A job that runs from the start until so many seconds after the fault began."""
    runs = (_in(seconds) - START).total_seconds()
    return _job(name, START, _active(runs, failing), ending, **more)
